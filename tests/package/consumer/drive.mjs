// The SDK's own clients, over both transports, on the port that is named.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const origin = `http://127.0.0.1:${process.argv[2]}`;
const transports = [
  new SSEClientTransport(new URL(`${origin}/mcp/sse`)),
  new StreamableHTTPClientTransport(new URL(`${origin}/mcp`)),
];
for (const transport of transports) {
  const client = new Client({ name: 'drive', version: '1.0.0' });
  await client.connect(transport);
  const { content } = await client.callTool({ name: 'now' });
  if (!/^\d{4}-/.test(content[0].text)) throw new Error(`Not the time: ${content[0].text}`);
  await client.close();
}
const hello = await fetch(`${origin}/hello/you`);
if ((await hello.text()) !== 'Hello you\n')
  throw new Error('The plain endpoint said something else.');
