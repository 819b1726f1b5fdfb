/**
 * An MCP client that adds one thing to the list and tells each request it sends:
 *
 *     npx tsx docs/lesson/client.ts http://localhost:3000/mcp/sse
 */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';

const url = new URL(process.argv[2] ?? 'http://localhost:3000/mcp/sse');
const token = process.env.TOKEN;

const telling: typeof fetch = async (input, init) => {
  const answer = await fetch(input, init);
  const { pathname } = new URL(String(input));
  const call = init?.method === 'POST' ? `  ${JSON.parse(String(init.body)).method}` : '';
  console.log(`${init?.method ?? 'GET'} ${pathname} -> ${answer.status}${call}`);
  return answer;
};

const client = new Client({ name: 'lesson-client', version: '1.0.0' });
try {
  const headers: Record<string, string> = token ? { Authorization: `Bearer ${token}` } : {};
  const options = { fetch: telling, requestInit: { headers } };
  await client.connect(new SSEClientTransport(url, options));
  const { content } = await client.callTool({ name: 'add_item', arguments: { name: 'Milk' } });
  console.log('The tool answered:', JSON.stringify(content));
} catch (error) {
  console.log(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await client.close();
}
