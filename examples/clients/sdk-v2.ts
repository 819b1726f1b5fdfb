/**
 * The MCP TypeScript SDK, version 2, over either transport. With `auto` it asks for protocol
 * 2026-07-28 first and goes on with the version before it where, as here, that is refused:
 *
 *     npm ci --prefix examples/clients
 *     tsx examples/clients/sdk-v2.ts [http://localhost:3000/mcp]
 */
import {
  Client,
  SSEClientTransport,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client';

const url = new URL(process.argv[2] ?? 'http://localhost:3000/mcp');
const client = new Client(
  { name: 'sdk-v2', version: '1.0.0' },
  { versionNegotiation: { mode: 'auto' } },
);
const isSse = url.pathname.endsWith('/sse');
await client.connect(isSse ? new SSEClientTransport(url) : new StreamableHTTPClientTransport(url));

const { tools } = await client.listTools();
console.log(tools.map(tool => tool.name).join(', '));
const added = await client.callTool({ name: 'add_item', arguments: { name: 'Beans' } });
console.log(added.structuredContent);

await client.close();
