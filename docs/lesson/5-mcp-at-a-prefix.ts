/** Stage 5: the MCP server at /mcp, or where the argument says, and the client told so. */
import { createServer } from 'node:http';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { z } from 'zod';
import { type App, answer, mount, notFound, rootPath } from './parts/mount.ts';

const prefix = process.argv[2] ?? '/mcp';
const items = [{ id: 1, name: 'Apples', quantity: 6, purchased: false }];
const sessions = new Map<string, SSEServerTransport>();

/** Made anew for each client; the list is one for all. */
function shoppingServer(): McpServer {
  const server = new McpServer({ name: 'shopping-list', version: '1.0.0' });
  server.registerTool('add_item', { inputSchema: { name: z.string() } }, ({ name }) => {
    items.push({ id: items.length + 1, name, quantity: 1, purchased: false });
    return { content: [{ type: 'text', text: `Added ${name}` }] };
  });
  return server;
}

const mcp: App = async (req, res) => {
  const [path, query] = (req.url ?? '').split('?');
  if (req.method === 'GET' && path === '/sse') {
    const transport = new SSEServerTransport(`${rootPath(req)}/messages`, res);
    sessions.set(transport.sessionId, transport); // before the client can post
    res.on('close', () => sessions.delete(transport.sessionId));
    return shoppingServer().connect(transport);
  }
  if (req.method !== 'POST' || path !== '/messages') return notFound(req, res);
  const session = sessions.get(new URLSearchParams(query).get('sessionId') ?? '');
  if (!session) return answer(res, 404, { detail: 'No such session: open /sse first' });
  return session.handlePostMessage(req, res);
};

const app = mount(prefix, mcp, notFound);
const server = createServer(async (req, res) => {
  try {
    if (req.method === 'GET' && req.url === '/items/') answer(res, 200, items);
    else await app(req, res);
  } catch (error) {
    console.error(error); // one request failed, and no more than that
    res.destroy();
  }
});

const port = Number(process.env.PORT ?? 3000);
server.listen(port, '127.0.0.1', () => console.log(`MCP at http://localhost:${port}${prefix}/sse`));
