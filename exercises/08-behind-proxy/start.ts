// Where exercise 8 begins. npm run learn copies it to behind-proxy.ts: that is the file to edit.

import type { IncomingMessage } from 'node:http';
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { type App, createRouter, rootPath } from '../../router.ts';

/**
 * What the endpoint event is to name. The SDK makes a path from the root of it: 'messages' would
 * become '/messages'. Only behind 'relative:' it writes what it is given: 'relative:messages'
 * becomes 'messages'.
 */
function endpointFor(req: IncomingMessage): string {
  return `${rootPath(req)}/messages`;
}

/** An MCP server as an app: a stream at /sse, and /messages to post to. */
export function sseApp(createMcpServer: () => McpServer): App {
  const transports = new Map<string, SSEServerTransport>(); // by session

  const router = createRouter();
  router.get('/sse', async (req, res) => {
    const transport = new SSEServerTransport(endpointFor(req), res); // writes the endpoint event
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
