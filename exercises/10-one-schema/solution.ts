import { json } from 'node:stream/consumers';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { mcpApp } from '../../apps/mcp/app.ts';
import { type App, createRouter } from '../../router.ts';
import { newItemSchema, type Store } from '../../store.ts';

/** The list: endpoints at /items/, tools at /mcp. */
export function createApp(store: Store): App {
  const mcp = mcpApp(() => listServer(store));
  const router = createRouter();
  router.get('/items/', async (_req, res) => res.end(JSON.stringify(await store.list())));
  router.post('/items/', async (req, res) => {
    const wanted = newItemSchema.safeParse(await json(req));
    if (!wanted.success) return res.writeHead(422).end(wanted.error.message);
    const item = await store.add(wanted.data);
    if (item === 'full') return res.writeHead(409).end('The list is full.\n');
    return res.writeHead(201).end(JSON.stringify(item));
  });
  router.mount('/mcp', mcp);
  return router;
}

function listServer(store: Store): McpServer {
  const server = new McpServer({ name: 'list', version: '1.0.0' });
  server.registerTool('get_items', { description: 'Every item on the list' }, async () => {
    const items = await store.list();
    return { content: [{ type: 'text', text: JSON.stringify(items) }] };
  });
  // The SDK checks what an agent sends against the schema, and shows it to agents as JSON Schema.
  const config = { description: 'Adds an item to the list', inputSchema: newItemSchema };
  server.registerTool('add_item', config, async wanted => {
    const item = await store.add(wanted);
    if (item === 'full') return { content: [{ type: 'text', text: 'Full.' }], isError: true };
    return { content: [{ type: 'text', text: JSON.stringify(item) }] };
  });
  return server;
}
