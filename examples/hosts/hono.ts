/** Inside Hono's Node server, which hands out Node's own request and response in c.env. */
import type { Server } from 'node:http';
import { type HttpBindings, serve } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { Hono } from 'hono';
import { createRouter, hostGuard, mcpApp, stopOnSignal, stopServer } from '../../package/index.ts';
import { calculator } from './calculator.ts';
import { say } from './say.ts';

const router = createRouter().mount('/mcp', mcpApp(calculator));
const guarded = hostGuard(router);

const app = new Hono<{ Bindings: HttpBindings }>();
app.use(async (c, next) => {
  let isOurs = true;
  await guarded(c.env.incoming, c.env.outgoing, () => {
    isOurs = false;
  });
  return isOurs ? RESPONSE_ALREADY_SENT : next();
});
app.get('/hello', c => c.text('Hello from Hono\n'));

const port = Number(process.env.PORT ?? 3000);
const server = serve({ fetch: app.fetch, port, hostname: '127.0.0.1' }, () => say(server));
// serve() makes a server of node:http unless it is given another maker.
stopOnSignal(() => stopServer(server as Server, router));
