/**
 * Inside Fastify, as a plugin: its hooks, its log and its prefix hold for the mount as well. Only
 * the body is left unread, and the answer is not Fastify's.
 */
import fastify, { type FastifyPluginAsync, type FastifyReply, type FastifyRequest } from 'fastify';
import { createRouter, hostGuard, mcpApp, stopOnSignal } from '../../package/index.ts';
import { calculator } from './calculator.ts';
import { say } from './say.ts';

const mcp: FastifyPluginAsync = async app => {
  // Fastify leaves req.url whole, so the router is told the prefix.
  const router = createRouter().mount(app.prefix, mcpApp(calculator));
  const handler = async (req: FastifyRequest, reply: FastifyReply) => {
    reply.hijack();
    await router(req.raw, reply.raw);
  };
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_req, _body, done) => done(null));
  app.all('/', handler);
  app.all('/*', handler);
  app.addHook('preClose', () => router.close());
};

const guard = hostGuard((_req, _res, next) => next?.());

const app = fastify();
app.addHook('onRequest', (req, reply, done) => {
  guard(req.raw, reply.raw, done);
});
app.register(mcp, { prefix: '/tools/mcp' });
app.get('/hello', async () => 'Hello from Fastify\n');

await app.listen({ port: Number(process.env.PORT ?? 3000), host: '127.0.0.1' });
say(app.server);
stopOnSignal(() => app.close());
