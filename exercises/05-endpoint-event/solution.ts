import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { type App, createRouter, rootPath } from '../../router.ts';

/** An MCP server as an app: a stream at /sse, and /messages to post to. */
export function sseApp(createMcpServer: () => McpServer): App {
  const transports = new Map<string, SSEServerTransport>(); // by session

  const router = createRouter();
  router.get('/sse', async (req, res) => {
    // Asked for each request: the app is not told where it is mounted, and may be at two places.
    const transport = new SSEServerTransport(`${rootPath(req)}/messages`, res);
    transports.set(transport.sessionId, transport);
    res.on('close', () => transports.delete(transport.sessionId));
    await createMcpServer().connect(transport);
  });
  router.post('/messages', async (req, res) => {
    const session = req.url?.split('sessionId=')[1] ?? '';
    const transport = transports.get(session);
    if (transport) await transport.handlePostMessage(req, res);
    else res.writeHead(404).end('No such session\n');
  });
  return router;
}
