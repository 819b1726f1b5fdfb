/**
 * The MCP TypeScript SDK, version 1, with a URL of either kind: Streamable HTTP is tried first,
 * and where the server refuses it with a 4xx the URL is taken for an SSE stream's. This is how
 * the specification has clients meet old servers (2025-11-25, transports, "Backwards
 * Compatibility"), and why POST to the stream's path is answered with 405:
 *
 *     tsx examples/clients/sdk-fallback.ts [http://localhost:3000/mcp/sse]
 */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import {
  StreamableHTTPClientTransport,
  StreamableHTTPError,
} from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';

const url = new URL(process.argv[2] ?? 'http://localhost:3000/mcp/sse');
const client = await connect(url);

const { tools } = await client.listTools();
console.log(tools.map(tool => tool.name).join(', '));
const added = await client.callTool({ name: 'add_item', arguments: { name: 'Oats' } });
console.log(added.structuredContent);

await client.close();

async function connect(url: URL): Promise<Client> {
  const about = { name: 'sdk-fallback', version: '1.0.0' };
  try {
    const client = new Client(about);
    // It is one; only its sessionId is typed apart under exactOptionalPropertyTypes.
    await client.connect(new StreamableHTTPClientTransport(url) as Transport);
    console.log('over Streamable HTTP');
    return client;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const client = new Client(about); // one client takes one transport
    await client.connect(new SSEClientTransport(url));
    console.log('over SSE');
    return client;
  }
}

function isRefusal(error: unknown): boolean {
  const status = error instanceof StreamableHTTPError ? error.code : undefined;
  return status !== undefined && status >= 400 && status < 500;
}
