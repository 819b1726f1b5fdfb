/** A Fastify app below the router, which closes it with the rest. Fastify's listen() is not called. */
import fastify from 'fastify';
import { createRouter, hostGuard, listen, mcpApp, stopOnSignal } from '../../package/index.ts';
import { calculator } from './calculator.ts';

const app = fastify();
app.get('/hello', async () => 'Hello from Fastify\n');
await app.ready();

const router = createRouter();
router.mount('/app', Object.assign(app.routing, { close: () => app.close() }));
router.mount('/mcp', mcpApp(calculator));

const port = Number(process.env.PORT ?? 3000);
const running = await listen(hostGuard(router), ['127.0.0.1', '::1'], port);
stopOnSignal(running.stop);
console.log(`http://localhost:${running.port}`);
