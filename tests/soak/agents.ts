/** The SDK's own client, over both transports. */
import assert from 'node:assert/strict';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import fc from 'fast-check';
import { within } from './bound.ts';
import { type Kind, kind } from './kinds.ts';
import type { Item } from './list.ts';
import { acknowledged, addItem, type Visitor } from './visitor.ts';

type Transport = 'sse' | 'streamable';

/** What an agent may do. */
const acts = {
  async list(_visitor: Visitor, agent: Client) {
    assert.equal((await agent.listTools()).tools.length, 4);
  },
  async read(_visitor: Visitor, agent: Client) {
    assert.ok((await toolResult(agent, 'get_items')).items);
    assert.equal((await agent.readResource({ uri: itemsUri })).contents.length, 1);
  },
  async ask(_visitor: Visitor, agent: Client) {
    const plan = { name: 'plan_shopping', arguments: { dish: 'Käsespätzle' } };
    assert.equal((await agent.getPrompt(plan)).messages.length, 1);
    await agent.ping();
  },
  async err(_visitor: Visitor, agent: Client) {
    const wrong = { name: 'add_item', arguments: { name: 7 } };
    assert.equal((await agent.callTool(wrong)).isError, true);
    await assert.rejects(agent.readResource({ uri: 'shopping://nothing' }));
  },
  async write(visitor: Visitor, agent: Client) {
    const wanted = { name: `Wanted by ${visitor.number}`, quantity: 2, purchased: false };
    const added = await toolResult(agent, 'add_item', wanted);
    const { id } = acknowledged(visitor, wanted, added);
    const changed = await toolResult(agent, 'update_item', { id, purchased: true });
    acknowledged(visitor, { ...added, purchased: true }, changed);
    visitor.list.release(id);
  },
  async remove(visitor: Visitor, agent: Client) {
    const { id } = await addItem(visitor, { name: 'Soon gone', quantity: 1, purchased: false });
    await toolResult(agent, 'remove_item', { id });
    visitor.list.hasNot(id);
  },
  async subscribe(visitor: Visitor, agent: Client) {
    const heard = new Promise<void>(done =>
      agent.setNotificationHandler(ResourceUpdatedNotificationSchema, () => done()),
    );
    await agent.subscribeResource({ uri: itemsUri });
    await acts.write(visitor, agent);
    await within(heard, 'the news of a change');
    await agent.unsubscribeResource({ uri: itemsUri });
  },
};

const itemsUri = 'shopping://items';
const actNames = Object.keys(acts) as (keyof typeof acts)[]; // its keys, and no others

async function toolResult(agent: Client, name: string, args: object = {}): Promise<Item & Items> {
  const result = await agent.callTool({ name, arguments: { ...args } });
  assert.ok(!result.isError, JSON.stringify(result));
  return result.structuredContent as Item & Items; // one or the other, as the tool's schema says
}

interface Items {
  items: Item[];
}

function agent(transport: Transport, does: string): Kind {
  return kind(
    { name: `SDK over ${transport}`, does, weight: 6 },
    fc.record({
      acts: fc.array(fc.constantFrom(...actNames), { minLength: 1, maxLength: 6 }),
      isPolite: fc.boolean(),
    }),
    async (visitor, input) => {
      const client = await connectAgent(visitor, transport);
      for (const act of input.acts) await acts[act](visitor, client);
      // Without it a Streamable session stays until it has been idle for long enough.
      const { transport: wire } = client;
      if (input.isPolite && wire instanceof StreamableHTTPClientTransport)
        await wire.terminateSession();
      await client.close();
    },
  );
}

async function connectAgent(visitor: Visitor, transport: Transport): Promise<Client> {
  const client = new Client({ name: 'soak', version: '0' });
  visitor.onleave(() => client.close());
  const url = new URL(`http://127.0.0.1:${visitor.port}/mcp`);
  await client.connect(
    transport === 'sse'
      ? new SSEClientTransport(new URL(`${url}/sse`), eachAlone)
      : // its optional sessionId does not fit exactOptionalPropertyTypes
        (new StreamableHTTPClientTransport(url, eachAlone) as never),
  );
  return client;
}

// All share fetch()'s connections, and one that has been idle may be closed as it is used again.
const eachAlone = { requestInit: { headers: { Connection: 'close' } } };

export const agentKinds: Kind[] = [
  agent('sse', 'gets all it asks for'),
  agent('streamable', 'gets all it asks for; half of them leave their session behind'),
];
