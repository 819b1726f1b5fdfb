/** Stage 7: a server that ends its streams when it is told to stop. */
import { createServer } from 'node:http';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { fromHere, withToken } from './parts/guards.ts';
import { type App, answer, mount, notFound, rootPath } from './parts/mount.ts';
import { items, shoppingServer } from './parts/shopping.ts';

const prefix = process.argv[2] ?? '/mcp';
const tokens = new Set((process.env.TOKENS ?? '').split(',').filter(Boolean)); // none: nobody
const sessions = new Map<string, { transport: SSEServerTransport; owner: string | undefined }>();

const mcp: App = async (req, res) => {
  const [path, query] = (req.url ?? '').split('?');
  if (req.method === 'GET' && path === '/sse') {
    const transport = new SSEServerTransport(`${rootPath(req)}/messages`, res);
    sessions.set(transport.sessionId, { transport, owner: req.headers.authorization });
    res.on('close', () => {
      sessions.delete(transport.sessionId);
      if (!server.listening) server.closeIdleConnections(); // its line, free for a next request
    });
    return shoppingServer().connect(transport);
  }
  if (req.method !== 'POST' || path !== '/messages') return notFound(req, res);
  const session = sessions.get(new URLSearchParams(query).get('sessionId') ?? '');
  if (!session || session.owner !== req.headers.authorization)
    return answer(res, 404, { detail: 'No such session: open /sse first' });
  return session.transport.handlePostMessage(req, res);
};

const mounted = mount(prefix, withToken(mcp, tokens), notFound);
const app = fromHere((req, res) =>
  req.method === 'GET' && req.url === '/items/' ? answer(res, 200, items) : mounted(req, res),
);
const server = createServer(async (req, res) => {
  try {
    await app(req, res);
  } catch (error) {
    console.error(error); // one request failed, and no more than that
    res.destroy();
  }
});

function stop(): void {
  if (!server.listening) return; // Ctrl-C can come twice: from the terminal and from tsx
  server.close(() => console.log('Stopped')); // nobody new, and wait for those who are here
  for (const { transport } of sessions.values()) transport.close();
  setTimeout(() => process.exit(1), 5_000).unref(); // but not for ever
}
process.on('SIGINT', stop).on('SIGTERM', stop);

const port = Number(process.env.PORT ?? 3000);
server.listen(port, '127.0.0.1', () => console.log(`MCP at http://localhost:${port}${prefix}/sse`));
