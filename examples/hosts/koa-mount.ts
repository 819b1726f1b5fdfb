/**
 * Inside Koa, below a prefix that koa-mount takes off req.url. It keeps the whole only on Koa's own
 * context, so that it has to be put where Express and connect leave it: rootPath() reads it there.
 */
import { createServer } from 'node:http';
import Koa from 'koa';
import mount from 'koa-mount';
import { createRouter, hostGuard, mcpApp, stopOnSignal, stopServer } from '../../package/index.ts';
import { calculator } from './calculator.ts';
import { say } from './say.ts';

const router = createRouter();
router.get('/version', (_req, res) => res.end('1.0.0\n'));
router.mount('/mcp', mcpApp(calculator));

const app = new Koa();
app.use(
  mount('/tools', async ctx => {
    ctx.respond = false;
    ctx.res.statusCode = 200; // Koa has set 404
    await router(Object.assign(ctx.req, { originalUrl: ctx.originalUrl }), ctx.res);
  }),
);
app.use((ctx, next) => {
  if (ctx.path !== '/hello') return next();
  ctx.body = 'Hello from Koa\n';
});

const server = createServer(hostGuard(app.callback()));
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => say(server));
stopOnSignal(() => stopServer(server, router));
