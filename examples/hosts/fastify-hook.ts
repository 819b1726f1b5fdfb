/**
 * Inside Fastify, before its routing: the hook sees each request first, and what the router does
 * not answer goes on to Fastify. The body is still unread there.
 */
import fastify from 'fastify';
import { createRouter, hostGuard, mcpApp, stopOnSignal } from '../../package/index.ts';
import { calculator } from './calculator.ts';
import { say } from './say.ts';

const router = createRouter().mount('/mcp', mcpApp(calculator));
const guarded = hostGuard(router);

const app = fastify();
app.addHook('onRequest', (req, reply, done) => {
  guarded(req.raw, reply.raw, done); // not returned: Fastify would go on when the promise is kept
});
app.addHook('preClose', () => router.close()); // before Fastify waits for its connections
app.get('/hello', async () => 'Hello from Fastify\n');

await app.listen({ port: Number(process.env.PORT ?? 3000), host: '127.0.0.1' });
say(app.server);
stopOnSignal(() => app.close());
