/**
 * One agent, two MCP servers at two mounts: the list, and a shop that takes orders. Needs shop.ts
 * instead of the list's own server. See start.ts.
 */
import { Agent, MCPServerSSE, run } from '@openai/agents';
import { itemSchema } from '../../store.ts';
import { modelFor } from './model.ts';
import { type Answers, call, type Turn } from './scripted.ts';
import { origin, serves } from './shopping.ts';
import { tellSteps } from './steps.ts';

const instructions = `You do the shopping. Look at the list and at the shop's prices, order what is
still to be bought and what the shop has, and then mark what you ordered as purchased. Answer in one
or two short sentences.`;
const input = 'Order what is still to be bought. What does it cost, and what is left?';

/** What a model would do, for --offline. */
const script: Turn[] = [
  () => [call('get_items'), call('get_prices')],
  answers => {
    const lines = wanted(answers).map(({ name, quantity }) => ({ name, quantity }));
    return lines.length > 0
      ? [call('place_order', { lines })]
      : 'The shop has nothing that we need.';
  },
  answers => wanted(answers).map(({ id }) => call('update_item', { id, purchased: true })),
  answers => {
    const { order, cents } = answers.of<{ order: number; cents: number }>('place_order');
    const bought = wanted(answers).map(({ quantity, name }) => `${quantity} × ${name}`);
    const left = toBuy(answers).length - bought.length;
    return `Order ${order}: ${bought.join(', ')}, for ${(cents / 100).toFixed(2)}. Left to buy: ${left}.`;
  },
];

function wanted(answers: Answers) {
  const { prices } = answers.of<{ prices: Record<string, number> }>('get_prices');
  return toBuy(answers).filter(({ name }) => prices[name] !== undefined);
}

function toBuy(answers: Answers) {
  const { items } = answers.of<{ items: unknown }>('get_items');
  return itemSchema
    .array()
    .parse(items)
    .filter(({ purchased }) => !purchased);
}

const thinking = modelFor(script);
if (!(await serves('/orders/')))
  throw new Error(
    `No shop answers at ${origin}. Stop the server there, if one runs, and start the one with both: npm run agent -- shop`,
  );
const list = new MCPServerSSE({ name: 'list', url: `${origin}/mcp/sse`, cacheToolsList: true });
const shop = new MCPServerSSE({ name: 'shop', url: `${origin}/shop/sse`, cacheToolsList: true });
const agent = new Agent({
  name: 'Shopper',
  instructions,
  mcpServers: [list, shop], // the model sees the tools of both, in one list
  ...thinking,
});
tellSteps(agent, input);

await list.connect();
await shop.connect();
try {
  const { finalOutput } = await run(agent, input);
  console.log(finalOutput);
} finally {
  await list.close();
  await shop.close();
}
