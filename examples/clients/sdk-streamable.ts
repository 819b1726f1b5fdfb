/**
 * The MCP TypeScript SDK, version 1, over Streamable HTTP:
 *
 *     tsx examples/clients/sdk-streamable.ts [http://localhost:3000/mcp]
 */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';

const url = new URL(process.argv[2] ?? 'http://localhost:3000/mcp');
const client = new Client({ name: 'sdk-streamable', version: '1.0.0' });
const transport = new StreamableHTTPClientTransport(url);
// It is one; only its sessionId is typed apart under exactOptionalPropertyTypes.
await client.connect(transport as Transport);

const { tools } = await client.listTools();
console.log(tools.map(tool => tool.name).join(', '));
const added = await client.callTool({ name: 'add_item', arguments: { name: 'Lentils' } });
console.log(added.structuredContent);

await transport.terminateSession(); // or the server keeps it until it has been idle for long
await client.close();
