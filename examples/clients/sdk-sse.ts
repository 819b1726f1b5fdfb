/**
 * The MCP TypeScript SDK, version 1, over the legacy SSE transport (protocol 2024-11-05):
 *
 *     tsx examples/clients/sdk-sse.ts [http://localhost:3000/mcp/sse]
 */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';

const url = new URL(process.argv[2] ?? 'http://localhost:3000/mcp/sse');
const client = new Client({ name: 'sdk-sse', version: '1.0.0' });
await client.connect(new SSEClientTransport(url));

const { tools } = await client.listTools();
console.log(tools.map(tool => tool.name).join(', '));
const added = await client.callTool({ name: 'add_item', arguments: { name: 'Rice' } });
console.log(added.structuredContent);

await client.close();
