/** What agent.ts and streamable.ts share: what is asked, and what is there to be ticked off. */
import { itemSchema } from '../../store.ts';
import { type Answers, call, type Turn } from './scripted.ts';

export const origin = `http://localhost:${process.env.PORT ?? 3000}`;

export const instructions = `You keep a shopping list. Look at the list before you change it, since
its items are known by their id. Answer in one or two short sentences.`;

export const input = 'Add milk and two loaves, tick off the eggs. What is left?';

/** What a model would do, for --offline. */
export const script: Turn[] = [
  () => [call('get_items')],
  answers => [
    call('add_item', { name: 'Milk' }),
    call('add_item', { name: 'Loaf', quantity: 2 }),
    call('update_item', { id: eggsOf(answers)?.id, purchased: true }),
  ],
  () => [call('get_items')],
  answers => {
    const left = toBuy(answers).map(({ quantity, name }) => `${quantity} × ${name}`);
    return `I added milk and two loaves, and ticked off the eggs. Left to buy: ${left.join(', ')}.`;
  },
];

function eggsOf(answers: Answers) {
  return toBuy(answers).find(isEggs);
}

function toBuy(answers: Answers) {
  const { items } = answers.of<{ items: unknown }>('get_items');
  return itemSchema
    .array()
    .parse(items)
    .filter(({ purchased }) => !purchased);
}

function isEggs({ name }: { name: string }): boolean {
  return name.toLowerCase() === 'eggs';
}

/**
 * Sees to it that the server runs, and that there are eggs to be ticked off. They come in through
 * the web door, as from somebody at home with the page open.
 */
export async function prepare(): Promise<void> {
  await mustServe('/mcp/sse');
  const items = itemSchema.array().parse(await (await fetch(`${origin}/items/`)).json());
  if (items.some(item => isEggs(item) && !item.purchased)) return;
  await fetch(`${origin}/items/`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ name: 'Eggs', quantity: 6 }),
  });
  console.log(`Somebody at home puts eggs on the list: POST ${origin}/items/`);
}

/** A server that asks for a token, or has its tools at another mount, runs all the same. */
async function mustServe(path: string): Promise<void> {
  const answer = await fetch(origin + path, { method: 'HEAD' }).catch(() => undefined);
  if (!answer)
    throw new Error(`No list answers at ${origin}. Start it in another terminal: npm start`);
  if (answer.ok) return;
  throw new Error(
    `${origin}${path} answers ${answer.status}. These agents bring no token, and look for the tools at /mcp: start the server as it comes, npm start`,
  );
}

/** Whether there is something at a path. HEAD opens no stream. */
export async function serves(path: string): Promise<boolean> {
  try {
    return (await fetch(origin + path, { method: 'HEAD' })).ok;
  } catch {
    return false;
  }
}
