/** Stage 6: who may come in, and whose session it is. */
import { createServer } from 'node:http';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
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
    res.on('close', () => sessions.delete(transport.sessionId));
    return shoppingServer().connect(transport);
  }
  if (req.method !== 'POST' || path !== '/messages') return notFound(req, res);
  const session = sessions.get(new URLSearchParams(query).get('sessionId') ?? '');
  if (!session || session.owner !== req.headers.authorization)
    return answer(res, 404, { detail: 'No such session: open /sse first' });
  return session.transport.handlePostMessage(req, res);
};

/** Lets in what was sent to this machine by its own name, and not by a page from elsewhere. */
function fromHere(app: App): App {
  const here = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i;
  return (req, res) => {
    const { host = '', origin = host } = req.headers;
    const ours = here.test(host) && here.test(origin.replace(/^https?:\/\//, ''));
    return ours ? app(req, res) : answer(res, 403, { detail: 'The Host or Origin is foreign' });
  };
}

/** Lets in who has one of the tokens. */
function withToken(app: App, tokens: Set<string>): App {
  return (req, res) => {
    const [, token = ''] = req.headers.authorization?.split('Bearer ') ?? [];
    if (tokens.has(token)) return app(req, res);
    res.setHeader('WWW-Authenticate', 'Bearer');
    return answer(res, 401, { detail: 'Send a token: Authorization: Bearer …' });
  };
}

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

const port = Number(process.env.PORT ?? 3000);
server.listen(port, '127.0.0.1', () => console.log(`MCP at http://localhost:${port}${prefix}/sse`));
