// Where exercise 4 begins. npm run learn copies it to new-url.ts: that is the file to edit.

import { createServer } from 'node:http';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { mcpApp } from '../../apps/mcp/app.ts';
import { createRouter } from '../../router.ts';
import { memoryStore } from '../../store.ts';
import { shoppingServer } from '../../tools.ts';

const port = Number(process.env.PORT ?? 3000);
const store = memoryStore();

const mcp = mcpApp(() => shoppingServer(store));
const router = createRouter();
router.get('/items/', async (_req, res) => res.end(JSON.stringify(await store.list())));
router.mount('/', mcp);

createServer(router).listen(port, 'localhost', () => {
  findTools().catch(error => console.log('The client failed:', error.message));
});

/** What an agent does first: it connects, and asks for the tools. */
async function findTools(): Promise<void> {
  const client = new Client({ name: 'new-url', version: '1.0.0' });
  const url = new URL(`http://localhost:${port}/sse`);
  await client.connect(new SSEClientTransport(url));
  const { tools } = await client.listTools();
  console.log('The client found:', tools.map(tool => tool.name).join(', '));
}
