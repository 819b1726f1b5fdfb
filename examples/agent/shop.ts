/**
 * The list and a shop, two MCP servers at two mounts on one port:
 *
 *     /mcp       the shopping list     /items/     the same for the web
 *     /shop      the shop's tools      /orders/    what was ordered
 */
import { createServer } from 'node:http';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { mcpApp } from '../../apps/mcp/app.ts';
import { hostGuard } from '../../guard.ts';
import { addItem, listItems } from '../../items.ts';
import { createRouter } from '../../router.ts';
import { memoryStore } from '../../store.ts';
import { shoppingServer } from '../../tools.ts';

/** In cents. */
const prices: Record<string, number> = { Apples: 40, Bread: 320, Coffee: 650, Milk: 120, Eggs: 30 };

const lineSchema = z.object({
  name: z.enum(Object.keys(prices)).describe('As get_prices names it'),
  quantity: z.int().min(1).max(99).describe('How many'),
});
const orderSchema = z.object({ lines: z.array(lineSchema).min(1).max(20) });

type Order = z.output<typeof orderSchema> & { order: number; cents: number };

const orders: Order[] = [];

function shopServer(): McpServer {
  const server = new McpServer({ name: 'shop', version: '0.1.0' });
  const about = { description: 'What the shop sells, each with its price in cents' };
  server.registerTool('get_prices', about, () => answer('Prices in cents', { prices }));

  const config = { description: 'Orders from the shop', inputSchema: orderSchema };
  server.registerTool('place_order', config, ({ lines }) => {
    const cents = lines.reduce(
      (sum, { name, quantity }) => sum + (prices[name] ?? 0) * quantity,
      0,
    );
    const order = { order: orders.length + 1, cents, lines };
    orders.push(order);
    return answer(`Order ${order.order} is placed`, order);
  });
  return server;
}

function answer(text: string, value: object): CallToolResult {
  return { content: [{ type: 'text', text: `${text}\n${JSON.stringify(value)}` }] };
}

const store = memoryStore();
const list = mcpApp(() => shoppingServer(store));
const shop = mcpApp(shopServer);

const router = createRouter();
router.get('/items/', listItems(store));
router.post('/items/', addItem(store));
router.get('/orders/', (_req, res) => res.end(JSON.stringify(orders)));
router.mount('/mcp', list);
router.mount('/shop', shop);

const port = Number(process.env.PORT ?? 3000);
createServer(hostGuard(router)).listen(port, 'localhost', () => {
  const origin = `http://localhost:${port}`;
  console.log(`The list is at ${origin}/mcp/sse and ${origin}/items/`);
  console.log(`The shop is at ${origin}/shop/sse and ${origin}/orders/`);
});
