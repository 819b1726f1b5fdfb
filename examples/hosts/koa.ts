/**
 * Inside Koa. It has set the status to 404 before any middleware runs, and answers when the last
 * one is through, unless it is told not to.
 */
import Koa from 'koa';
import { createRouter, hostGuard, mcpApp, stopOnSignal, stopServer } from '../../package/index.ts';
import { calculator } from './calculator.ts';
import { say } from './say.ts';

const router = createRouter();
router.get('/version', (_req, res) => res.end('1.0.0\n'));
router.mount('/mcp', mcpApp(calculator));
const guarded = hostGuard(router);

const app = new Koa();
app.use(async (ctx, next) => {
  let isOurs = true;
  ctx.res.statusCode = 200;
  await guarded(ctx.req, ctx.res, () => {
    isOurs = false;
    ctx.res.statusCode = 404;
  });
  if (!isOurs) return next();
  ctx.respond = false;
});
app.use((ctx, next) => {
  if (ctx.path !== '/hello') return next();
  ctx.body = 'Hello from Koa\n';
});

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => say(server));
stopOnSignal(() => stopServer(server, router));
