/**
 * The list's four tools as the SDK's own examples register them: in a function that is called
 * for each session, schemas and all. Names, checks and answers are those of ../../tools.ts.
 */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import type { Store } from '../../store.ts';

export function plainServer(store: Store): McpServer {
  const server = new McpServer({ name: 'shopping-list', version: '0.1.0' });
  const id = z.int().min(1).max(2_147_483_647).describe('Given by the server, never reused');
  const name = z.string().trim().min(1).max(200).describe('What to buy');
  const quantity = z.int().min(1).max(9_999).describe('How many');
  const purchased = z.boolean().describe('Whether it is in the basket');
  const item = { id, name, quantity, purchased };

  server.registerTool(
    'get_items',
    {
      title: 'Get the shopping list',
      description:
        'Returns every item on the list with its id, quantity and whether it is purchased.',
      inputSchema: {},
      outputSchema: { items: z.array(z.object(item)) },
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    async () => {
      const items = await store.list();
      return result(`${items.length} items on the list`, { items });
    },
  );
  server.registerTool(
    'add_item',
    {
      title: 'Add an item',
      description: 'Puts one item on the list and returns it with its new id.',
      inputSchema: {
        name,
        quantity: quantity.default(1),
        purchased: purchased.default(false),
      },
      outputSchema: item,
      annotations: { destructiveHint: false, openWorldHint: false },
    },
    async input => {
      const added = await store.add(input);
      return added === 'full' ? failure('The list is full.') : result('Added', added);
    },
  );
  server.registerTool(
    'update_item',
    {
      title: 'Change an item',
      description:
        'Changes the name, the quantity or the purchased mark of an item; the rest stays.',
      inputSchema: {
        id,
        name: name.exactOptional(),
        quantity: quantity.exactOptional(),
        purchased: purchased.exactOptional(),
      },
      outputSchema: item,
      annotations: { destructiveHint: true, idempotentHint: true, openWorldHint: false },
    },
    async input => {
      const { id, ...change } = input;
      const updated = await store.update(id, change);
      return updated ? result('Updated', updated) : failure('No item has that id.');
    },
  );
  server.registerTool(
    'remove_item',
    {
      title: 'Remove an item',
      description: 'Takes one item off the list for good.',
      inputSchema: { id },
      outputSchema: { id },
      annotations: { destructiveHint: true, idempotentHint: true, openWorldHint: false },
    },
    async ({ id }) =>
      (await store.remove(id)) ? result('Removed', { id }) : failure('No item has that id.'),
  );
  return server;
}

function result(text: string, structuredContent: Record<string, unknown>): CallToolResult {
  const json = JSON.stringify(structuredContent);
  return { content: [{ type: 'text', text: `${text}\n${json}` }], structuredContent };
}

function failure(text: string): CallToolResult {
  return { content: [{ type: 'text', text }], isError: true };
}
