import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { type App, createRouter } from '../../router.ts';

/**
 * What the endpoint event is to name: relative to the stream, whose whole URL only the client
 * knows. The SDK makes a path from the root of what it is given, but for what is behind 'relative:'.
 */
const endpoint = 'relative:messages';

/** An MCP server as an app: a stream at /sse, and /messages to post to. */
export function sseApp(createMcpServer: () => McpServer): App {
  const transports = new Map<string, SSEServerTransport>(); // by session

  const router = createRouter();
  router.get('/sse', async (_req, res) => {
    const transport = new SSEServerTransport(endpoint, res); // writes the endpoint event
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
