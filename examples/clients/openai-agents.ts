/**
 * The OpenAI Agents SDK over either transport. An agent is given the server and calls its tools
 * when its model asks for them; here the calls are made by hand, so no model and no key is needed:
 *
 *     npm ci --prefix examples/clients
 *     tsx examples/clients/openai-agents.ts [http://localhost:3000/mcp]
 *
 * Its `openai` package asks for Node 22; Node 20 warns as it installs it, and runs it.
 */
import { MCPServerSSE, MCPServerStreamableHttp } from '@openai/agents';

const url = process.argv[2] ?? 'http://localhost:3000/mcp';
const server = url.endsWith('/sse')
  ? new MCPServerSSE({ url })
  : new MCPServerStreamableHttp({ url });
await server.connect();
// new Agent({ name: 'Shopper', mcpServers: [server] })

const tools = await server.listTools();
console.log(tools.map(tool => tool.name).join(', '));
console.log(await server.callTool('add_item', { name: 'Pasta' }));

await server.close();
