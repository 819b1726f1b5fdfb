import { isDeepStrictEqual } from 'node:util';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { type CallToolResult, CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import type { App } from '../../router.ts';
import { memoryStore, newItemSchema, type Store } from '../../store.ts';
import { connectAgent } from '../checks/agent.ts';
import { ask, seen, serve } from '../checks/ask.ts';
import { check, passed, teach } from '../checks/check.ts';

await check(async subject => {
  const createApp = await subject.load<(store: Store) => App>('createApp');
  const store = memoryStore();
  const origin = await serve(createApp(store));
  const agent = await connectAgent(`${origin}/mcp/sse`);
  if (!agent.client)
    teach({
      did: 'an agent connected to /mcp/sse',
      seen: `${agent.log.join(', ') || agent.failure}.`,
      so: 'the MCP server is no longer where it was.',
      look: 'at router.mount(…): it needs no change.',
    });

  await mustList(agent.client);

  const added = await addItem(agent.client, { name: 'Milk' });
  const milk = (await store.list()).find(({ name }) => name === 'Milk');
  if (!milk)
    teach({
      did: 'an agent called add_item with { "name": "Milk" }',
      seen: `it was told ${textOf(added)}, and GET /items/ shows no Milk.`,
      so: 'the agent and the web see two lists.',
      look: 'at the tool’s callback: it has to call store.add(…), on the store that createApp was given.',
    });
  if (!textOf(added).includes(`"id":${milk.id}`))
    teach({
      did: 'an agent called add_item with { "name": "Milk" }',
      seen: `it was told ${textOf(added)}.`,
      so: 'it does not learn the item’s id, so it can’t speak of the item again.',
      look: 'at what the callback returns: the item that store.add(…) gives back, as JSON, in a text.',
    });
  passed(`an agent added Milk as item ${milk.id}, and GET /items/ shows it`);

  const before = (await store.list()).length;
  const none = await addItem(agent.client, { name: 'Eggs', quantity: 0 });
  if (!none.isError || (await store.list()).length > before)
    teach({
      did: 'an agent called add_item with { "name": "Eggs", "quantity": 0 }',
      seen: `it was told ${textOf(none)}.`,
      so: 'what the web refuses, an agent may do.',
      look: 'at inputSchema: the SDK refuses what does not fit it, before your callback is called.',
    });
  passed('no eggs at all are refused to an agent');

  const web = await ask(origin, '/items/', {
    method: 'POST',
    body: '{"name":"Eggs","quantity":0}',
  });
  const fine = await ask(origin, '/items/', { method: 'POST', body: '{"name":"Eggs"}' });
  if (web.status !== 422 || fine.status !== 201)
    teach({
      did: 'POST /items/, with no eggs and with one',
      seen: `the client got ${seen(web)}, and ${seen(fine)}.`,
      so: 'the endpoint is no longer what it was.',
      look: 'at router.post(…): it needs no change.',
    });
  passed('and to the web, where one egg is taken');
});

async function mustList(client: Client): Promise<void> {
  const { tools } = await client.listTools();
  const tool = tools.find(({ name }) => name === 'add_item');
  if (!tool)
    teach({
      did: 'an agent asked for the tools',
      seen: `it was told of ${tools.map(({ name }) => name).join(', ')}.`,
      so: 'there is no tool add_item yet.',
      look: 'at listServer: get_items shows how a tool is registered.',
    });
  passed('an agent found the tool add_item');

  const { properties } = z.toJSONSchema(newItemSchema, { io: 'input' });
  if (!isDeepStrictEqual(tool.inputSchema.properties, properties))
    teach({
      did: 'an agent read what add_item takes',
      seen: `it was told of ${JSON.stringify(tool.inputSchema.properties ?? {})}.`,
      so: 'that is not what newItemSchema says. Agents and the web would be held to two sets of rules, which drift apart.',
      look: 'at inputSchema: it has to be newItemSchema itself, not a copy of it.',
    });
  passed('it takes what the endpoint takes, by the same schema');
}

async function addItem(client: Client, args: Record<string, unknown>): Promise<CallToolResult> {
  return CallToolResultSchema.parse(await client.callTool({ name: 'add_item', arguments: args }));
}

function textOf({ content }: CallToolResult): string {
  const [first] = content;
  return first?.type === 'text' ? first.text.replaceAll(/\s+/g, ' ') : 'nothing';
}
