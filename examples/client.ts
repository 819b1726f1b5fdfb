/**
 * The SDK's own SSE client against the list, step by step:
 *
 *     npm run client                                  http://localhost:3000/mcp/sse, or PORT's
 *     npm run client -- http://localhost:3000/sse     a server mounted elsewhere
 */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { itemSchema } from '../store.ts';

const { PORT = '3000' } = process.env;
const url = new URL(process.argv[2] ?? `http://localhost:${PORT}/mcp/sse`);
const client = new Client({ name: 'example-client', version: '1.0.0' });

async function main(): Promise<void> {
  console.log(`1. GET ${url}`);
  await client.connect(new SSEClientTransport(url, { fetch: tellingWhere }));

  const { tools } = await client.listTools();
  console.log(`2. tools/list   ${tools.map(tool => tool.name).join(', ')}`);

  const added = await call('add_item', { name: 'Oat milk', quantity: 2 });
  console.log(`3. tools/call   add_item -> ${JSON.stringify(added)}`);

  const bought = await call('update_item', { id: added.id, purchased: true });
  console.log(`4. tools/call   update_item -> ${JSON.stringify(bought)}`);

  const items = new URL('/items/', url);
  const list = itemSchema.array().parse(await (await fetch(items)).json());
  console.log(`5. GET ${items}`);
  for (const { id, name, quantity, purchased } of list)
    console.log(`   ${purchased ? '[x]' : '[ ]'} ${id}  ${quantity} × ${name}`);
}

async function call(name: string, args: Record<string, unknown>) {
  const result = CallToolResultSchema.parse(await client.callTool({ name, arguments: args }));
  if (result.isError) throw new Error(JSON.stringify(result.content));
  return itemSchema.parse(result.structuredContent);
}

// The place to post comes from the stream's endpoint event: this is where a wrong mount shows.
let told = false;
const tellingWhere: typeof fetch = (input, init) => {
  if (init?.method === 'POST' && !told) {
    told = true;
    const { pathname } = new URL(String(input));
    console.log(`   the stream's endpoint event says: POST ${pathname}?sessionId=…`);
  }
  return fetch(input, init);
};

try {
  await main();
} catch (error) {
  console.error(`Can't use ${url}: ${reasonOf(error)}. Is the server running (npm start)?`);
  process.exitCode = 1;
} finally {
  await client.close();
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
