/** A Hono app below the router, through Hono's adapter for Node. */
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { createRouter, hostGuard, listen, mcpApp, stopOnSignal } from '../../package/index.ts';
import { calculator } from './calculator.ts';

const app = new Hono();
app.get('/hello', c => c.text('Hello from Hono\n'));

const router = createRouter();
router.mount('/app', getRequestListener(app.fetch));
router.mount('/mcp', mcpApp(calculator));

const port = Number(process.env.PORT ?? 3000);
const running = await listen(hostGuard(router), ['127.0.0.1', '::1'], port);
stopOnSignal(running.stop);
console.log(`http://localhost:${running.port}`);
