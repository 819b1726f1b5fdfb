/** A Koa app below the router. */
import Koa from 'koa';
import { createRouter, hostGuard, listen, mcpApp, stopOnSignal } from '../../package/index.ts';
import { calculator } from './calculator.ts';

const app = new Koa();
app.use((ctx, next) => {
  if (ctx.path !== '/hello') return next();
  ctx.body = 'Hello from Koa\n';
});

const router = createRouter();
router.mount('/app', app.callback());
router.mount('/mcp', mcpApp(calculator));

const port = Number(process.env.PORT ?? 3000);
const running = await listen(hostGuard(router), ['127.0.0.1', '::1'], port);
stopOnSignal(running.stop);
console.log(`http://localhost:${running.port}`);
