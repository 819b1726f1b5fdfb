/** What chapter 4 wrote, put away: the list and its MCP server. */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { z } from 'zod';

export const items = [{ id: 1, name: 'Apples', quantity: 6, purchased: false }];

/** Made anew for each client; the list is one for all. */
export function shoppingServer(): McpServer {
  const server = new McpServer({ name: 'shopping-list', version: '1.0.0' });
  server.registerTool('add_item', { inputSchema: { name: z.string() } }, ({ name }) => {
    items.push({ id: items.length + 1, name, quantity: 1, purchased: false });
    return { content: [{ type: 'text', text: `Added ${name}` }] };
  });
  return server;
}
