/** The list's MCP door, as the SDK's own client sees it over SSE, and what it leaves behind. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import {
  type CallToolResult,
  CallToolResultSchema,
  ErrorCode,
  LATEST_PROTOCOL_VERSION,
  type ReadResourceResult,
  ResourceUpdatedNotificationSchema,
  type Tool,
  type ToolAnnotations,
} from '@modelcontextprotocol/sdk/types.js';
import type { z } from 'zod';
import { mcpApp } from '../apps/mcp/app.ts';
import { createRouter } from '../router.ts';
import { createApp } from '../server.ts';
import { type Item, itemSchema, memoryStore, type Store, type StoreOptions } from '../store.ts';
import { about, itemsUri } from '../tools.ts';
import { connect, serve, type Transport } from './support.ts';

interface Hosted {
  origin: string;
  store: CountedStore;
  agent: Client;
}

/** The list on a port, and an agent connected to it over SSE. */
async function host(t: TestContext, options?: StoreOptions): Promise<Hosted> {
  const store = countedStore(memoryStore(options));
  const origin = await serve(t, createApp(store));
  return { origin, store, agent: await connect(t, `${origin}/mcp/sse`) };
}

test('an agent is told who serves it and how to begin', async t => {
  const { agent } = await host(t);
  assert.equal(agent.getServerVersion()?.name, 'shopping-list');
  assert.equal(agent.getServerVersion()?.title, 'Shopping list');
  assert.match(agent.getInstructions() ?? '', /get_items/);
  assert.equal(agent.getServerCapabilities()?.resources?.subscribe, true);
});

test('tools are listed with what an agent needs to choose one and call it', async t => {
  const { agent } = await host(t);
  const { tools } = await agent.listTools();
  assert.deepEqual(
    tools.map(tool => [tool.name, required(tool.inputSchema), Object.keys(propertiesOf(tool))]),
    [
      ['get_items', [], []],
      ['add_item', ['name'], ['name', 'quantity', 'purchased']],
      ['update_item', ['id'], ['name', 'quantity', 'purchased', 'id']],
      ['remove_item', ['id'], ['id']],
    ],
  );
  for (const tool of tools) {
    assert.ok(tool.title && tool.description?.endsWith('.'), tool.name);
    assert.equal(tool.annotations?.openWorldHint, false, tool.name);
    assert.equal(tool.inputSchema.additionalProperties, false, tool.name);
    assert.equal(tool.outputSchema?.type, 'object', tool.name);
    for (const property of Object.values(propertiesOf(tool)))
      assert.ok('description' in property, `${tool.name} describes its arguments`);
  }
  const hints = tools.map(({ annotations }) => [
    annotations?.readOnlyHint ?? false,
    annotations?.destructiveHint ?? true, // the specification's default
    annotations?.idempotentHint ?? false,
  ]);
  assert.deepEqual(hints[0]?.[0], true, 'reading changes nothing');
  assert.deepEqual(hints.slice(1), [
    [false, false, false], // adding again adds again
    [false, true, true],
    [false, true, true],
  ]);
});

test('the cached tool list is the one the SDK would make', async t => {
  const { agent } = await host(t);
  const origin = await serve(t, createRouter().mount('/mcp', mcpApp(uncachedServer)));
  const reference = await connect(t, `${origin}/mcp/sse`);
  const expected = (await reference.listTools()).tools.map(comparable);
  assert.equal(expected.length, 4);
  assert.deepEqual((await agent.listTools()).tools.map(comparable), expected);
});

function uncachedServer(): McpServer {
  const server = new McpServer({ name: 'uncached', version: '0' });
  const configs: [string, ToolConfig][] = Object.entries(about);
  for (const [name, config] of configs) server.registerTool(name, config, () => ({ content: [] }));
  return server;
}

interface ToolConfig {
  title: string;
  description: string;
  inputSchema: z.ZodObject;
  outputSchema: z.ZodObject;
  annotations: ToolAnnotations;
}

/** All but the dialect named (ours is the newer) and `execution`, whose absence means the same. */
function comparable({ execution, inputSchema, outputSchema = { type: 'object' }, ...tool }: Tool) {
  assert.ok(execution === undefined || execution.taskSupport === 'forbidden', tool.name);
  const { $schema: _in, ...input } = inputSchema;
  const { $schema: _out, ...output } = outputSchema;
  return { ...tool, input, output };
}

test('each tool answers structured content of its schema, and the same as text', async t => {
  const { agent, store } = await host(t);
  await agent.listTools(); // from here on the client checks answers against the output schemas
  for (const [name, args, expected] of calls) {
    const answer = await call(agent, name, args);
    assert.ok(!answer.isError, name);
    assert.deepEqual(answer.structuredContent, expected, name);
    assert.deepEqual(JSON.parse(textOf(answer).split('\n')[1] ?? ''), expected, name);
  }
  assert.deepEqual(await store.list(), [
    { id: 2, name: 'Rye bread', quantity: 1, purchased: false },
    { id: 3, name: 'Coffee', quantity: 2, purchased: false },
    { id: 4, name: 'Milk', quantity: 1, purchased: false },
  ]);
});

type Call = [name: string, args: Record<string, unknown> | undefined, structured: object];

const startingItems: Item[] = [
  { id: 1, name: 'Apples', quantity: 6, purchased: false },
  { id: 2, name: 'Bread', quantity: 1, purchased: true },
  { id: 3, name: 'Coffee', quantity: 2, purchased: false },
];

const calls: Call[] = [
  ['get_items', {}, { items: startingItems }],
  ['get_items', undefined, { items: startingItems }], // arguments may be left out
  ['add_item', { name: ' Milk ' }, { id: 4, name: 'Milk', quantity: 1, purchased: false }],
  [
    'add_item',
    { name: 'Tea', quantity: 3, purchased: true },
    { id: 5, name: 'Tea', quantity: 3, purchased: true },
  ],
  [
    'update_item',
    { id: 2, purchased: false },
    { id: 2, name: 'Bread', quantity: 1, purchased: false },
  ],
  [
    'update_item',
    { id: 2, name: 'Rye bread' },
    { id: 2, name: 'Rye bread', quantity: 1, purchased: false },
  ],
  ['remove_item', { id: 5 }, { id: 5 }],
  ['remove_item', { id: 1 }, { id: 1 }],
];

test('over Streamable HTTP a quick answer comes whole on the response to its call', async t => {
  const origin = await serve(t, createApp(memoryStore()));
  const headers = {
    'Content-Type': 'application/json',
    Accept: 'application/json, text/event-stream',
  };
  const clientInfo = { name: 'test', version: '0' };
  const params = { protocolVersion: LATEST_PROTOCOL_VERSION, capabilities: {}, clientInfo };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params });
  const res = await fetch(`${origin}/mcp`, { method: 'POST', headers, body });
  // Not only the event that opens the stream: then a client would have to come back for the rest.
  assert.match(await res.text(), /^data: \{.*"result":.*"shopping-list"/m);
});

test('what an agent adds is on the web at once, and the other way round', async t => {
  const { agent, origin } = await host(t);
  const { structuredContent: milk } = await call(agent, 'add_item', { name: 'Milk' });
  const onWeb: unknown = await (await fetch(`${origin}/items/`)).json();
  assert.deepEqual(onWeb, [...startingItems, milk]);

  const tea = await addOnWeb(origin, 'Tea');
  const { structuredContent } = await call(agent, 'get_items');
  assert.deepEqual(structuredContent, { items: [...startingItems, milk, tea] });
});

test('an unknown id is a tool error that says which call lists the ids', async t => {
  const { agent, store } = await host(t);
  for (const [name, args] of [
    ['update_item', { id: 99, purchased: true }],
    ['remove_item', { id: 99 }],
  ] as const) {
    const answer = await call(agent, name, args);
    assert.equal(answer.isError, true);
    assert.match(textOf(answer), /No item has the id 99\. Call get_items/);
    assert.equal(answer.structuredContent, undefined);
  }
  assert.deepEqual(await store.list(), startingItems);
});

test('a full list is a tool error that says how to make room', async t => {
  const { agent } = await host(t, { maxItems: 3 });
  const answer = await call(agent, 'add_item', { name: 'Milk' });
  assert.equal(answer.isError, true);
  assert.match(textOf(answer), /full\. Call remove_item/);
});

test('wrong arguments are an error that names them, and change nothing', async t => {
  const { agent, store } = await host(t);
  for (const [why, name, args, expected] of wrongCalls) {
    const answer = await call(agent, name, args);
    assert.equal(answer.isError, true, why);
    assert.match(textOf(answer), expected, why);
    assert.deepEqual(await store.list(), startingItems, why);
  }
});

type WrongCall = [why: string, name: string, args: Record<string, unknown>, error: RegExp];

const wrongCalls: WrongCall[] = [
  ['a field is missing', 'add_item', {}, /name/],
  ['a name of spaces', 'add_item', { name: '  ' }, /name/],
  ['a long name', 'add_item', { name: 'x'.repeat(201) }, /name/],
  ['a quantity as text', 'add_item', { name: 'Tea', quantity: '2' }, /quantity/],
  ['a fraction', 'add_item', { name: 'Tea', quantity: 0.5 }, /quantity/],
  ['an unknown field', 'add_item', { name: 'Tea', color: 'red' }, /color/],
  ['ids are given, not chosen', 'add_item', { name: 'Tea', id: 9 }, /id/],
  ['no id', 'update_item', { name: 'Tea' }, /id/],
  ['an id as text', 'update_item', { id: '1', name: 'Tea' }, /id/],
  ['null is not "left out"', 'update_item', { id: 1, name: null }, /name/],
  ['an id of none', 'remove_item', { id: 0 }, /id/],
  ['more than an id', 'remove_item', { id: 1, all: true }, /all/],
  ['an argument where none is taken', 'get_items', { purchased: true }, /purchased/],
  ['no such tool', 'clear_items', {}, /clear_items/],
  ['a tool named as objects’ members are', 'constructor', {}, /constructor/],
  ['another', '__proto__', {}, /__proto__/],
  [
    'a key that objects have',
    'add_item',
    { name: 'Tea', constructor: { name: 'x' } },
    /constructor/,
  ],
  ['another', 'add_item', { name: 'Tea', toString: 1 }, /toString/],
];

test('a __proto__ among the arguments reaches neither the item nor any object', async t => {
  const { agent, store } = await host(t);
  // As an attacker's JSON has it: an own key, which an object literal would not make.
  const args = JSON.parse('{"name":"Tea","__proto__":{"quantity":5,"purchased":true}}');
  const answer = await call(agent, 'add_item', args);
  const tea = { id: 4, name: 'Tea', quantity: 1, purchased: false };
  const left = answer.isError ? startingItems : [...startingItems, tea];
  assert.deepEqual(await store.list(), left);
  assert.equal(Object.hasOwn(Object.prototype, 'quantity'), false);
  const nested = JSON.parse('{"id":4,"constructor":{"prototype":{"purchased":true}}}');
  assert.equal((await call(agent, 'update_item', nested)).isError, true);
  assert.deepEqual(await store.list(), left);
});

test('the list is a resource, as JSON', async t => {
  const { agent } = await host(t);
  const { resources } = await agent.listResources();
  assert.deepEqual(
    resources.map(({ uri, mimeType }) => [uri, mimeType]),
    [[itemsUri, 'application/json']],
  );
  assert.deepEqual(itemsIn(await agent.readResource({ uri: itemsUri })), startingItems);
  await assert.rejects(agent.readResource({ uri: 'shopping://carts' }), /shopping:\/\/carts/);
});

test('a subscribed agent hears of each change on the web, and reads it', async t => {
  const { agent, origin } = await host(t);
  const updates = updatesOf(agent);
  await agent.subscribeResource({ uri: itemsUri });
  const tea = await addOnWeb(origin, 'Tea');
  assert.equal(await updates.next(), itemsUri);
  assert.deepEqual(itemsIn(await agent.readResource({ uri: itemsUri })), [...startingItems, tea]);

  for (const change of webChanges) {
    await fetch(`${origin}/items/${tea.id}`, change);
    assert.equal(await updates.next(), itemsUri);
  }
  await agent.ping(); // comes after whatever else was sent
  assert.equal(updates.waiting(), 0, 'once a change');
});

const webChanges: RequestInit[] = [
  {
    method: 'PATCH',
    headers: { 'Content-Type': 'application/json' },
    body: '{"purchased":true}',
  },
  { method: 'DELETE' },
];

test('agents hear of each other’s changes; one that did not subscribe hears nothing', async t => {
  const { agent, origin } = await host(t);
  const [other, third] = [
    await connect(t, `${origin}/mcp/sse`),
    await connect(t, `${origin}/mcp`, 'streamable'),
  ];
  const [ofAgent, ofOther, ofThird] = [agent, other, third].map(updatesOf);
  await other.subscribeResource({ uri: itemsUri });
  await third.subscribeResource({ uri: itemsUri });
  await call(agent, 'add_item', { name: 'Tea' });
  assert.equal(await ofOther?.next(), itemsUri);
  assert.equal(await ofThird?.next(), itemsUri);
  await agent.ping();
  assert.equal(ofAgent?.waiting(), 0);
});

test('subscribing twice tells once', async t => {
  const { agent, origin, store } = await host(t);
  const updates = updatesOf(agent);
  await agent.subscribeResource({ uri: itemsUri });
  await agent.subscribeResource({ uri: itemsUri });
  assert.equal(store.listeners(), 1);
  await addOnWeb(origin, 'Tea');
  await updates.next();
  await agent.ping();
  assert.equal(updates.waiting(), 0);
});

test('an agent that unsubscribed hears nothing more', async t => {
  const { agent, origin, store } = await host(t);
  const updates = updatesOf(agent);
  await agent.subscribeResource({ uri: itemsUri });
  await agent.unsubscribeResource({ uri: itemsUri });
  assert.equal(store.listeners(), 0);
  await addOnWeb(origin, 'Tea');
  await agent.ping();
  assert.equal(updates.waiting(), 0);
});

test('only the list can be subscribed to', async t => {
  const { agent, store } = await host(t);
  await assert.rejects(agent.subscribeResource({ uri: 'shopping://carts' }), {
    code: ErrorCode.InvalidParams,
    message: /Only shopping:\/\/items/,
  });
  assert.equal(store.listeners(), 0);
});

test('unsubscribing from something else leaves the list subscribed to', async t => {
  const { agent, store } = await host(t);
  await agent.subscribeResource({ uri: itemsUri });
  await agent.unsubscribeResource({ uri: 'shopping://carts' }).catch(() => {}); // refused or ignored
  assert.equal(store.listeners(), 1);
});

test('a session that ends leaves no listener on the store', async t => {
  const store = countedStore(memoryStore());
  const origin = await serve(t, createApp(store, { mcp: { idleMs: 800 } }));
  for (const [why, path, transport, end] of endings) {
    const agent = await connect(t, origin + path, transport);
    await agent.subscribeResource({ uri: itemsUri });
    assert.equal(store.listeners(), 1, why);
    await end(agent);
    await soon(store.empty(), `nobody to listen once ${why}`);
  }
});

type Ending = [why: string, path: string, Transport, end: (agent: Client) => Promise<void>];

const endings: Ending[] = [
  ['its stream has ended', '/mcp/sse', 'sse', agent => agent.close()],
  ['it was deleted', '/mcp', 'streamable', deleteSession],
  ['it was idle too long', '/mcp', 'streamable', agent => agent.close()],
];

async function deleteSession({ transport }: Client): Promise<void> {
  assert.ok(transport instanceof StreamableHTTPClientTransport);
  await transport.terminateSession();
}

test('a server that closes leaves no listener on the store', async t => {
  const store = countedStore(memoryStore());
  const app = createApp(store, { mcp: { graceMs: 0 } });
  const origin = await serve(t, app);
  for (const [, path, transport] of endings) {
    const agent = await connect(t, origin + path, transport);
    await agent.subscribeResource({ uri: itemsUri });
  }
  assert.equal(store.listeners(), endings.length);
  await app.close?.();
  assert.equal(store.listeners(), 0);
});

test('the prompt plans a dish over the list as it is', async t => {
  const { agent, origin } = await host(t);
  const { prompts } = await agent.listPrompts();
  assert.deepEqual(
    prompts.map(({ name, arguments: args }) => [name, args?.map(arg => [arg.name, arg.required])]),
    [['plan_shopping', [['dish', true]]]],
  );
  await addOnWeb(origin, 'Saffron');
  const prompt = { name: 'plan_shopping', arguments: { dish: ' risotto ' } };
  const { messages } = await agent.getPrompt(prompt);
  const [{ role, content } = assert.fail()] = messages;
  assert.equal(role, 'user');
  const text = content.type === 'text' ? content.text : '';
  for (const part of ['cook risotto.', '"Saffron"', 'add_item'])
    assert.ok(text.includes(part), text);
});

test('a prompt without its dish, or an unknown one, is an error', async t => {
  const { agent } = await host(t);
  for (const [why, prompt, expected] of wrongPrompts)
    await assert.rejects(agent.getPrompt(prompt), expected, why);
});

type WrongPrompt = [why: string, { name: string; arguments?: Record<string, string> }, RegExp];

const wrongPrompts: WrongPrompt[] = [
  ['no arguments', { name: 'plan_shopping' }, /dish/],
  ['a dish of spaces', { name: 'plan_shopping', arguments: { dish: ' ' } }, /dish/],
  ['a long dish', { name: 'plan_shopping', arguments: { dish: 'x'.repeat(201) } }, /dish/],
  ['no such prompt', { name: 'plan_party', arguments: { dish: 'soup' } }, /plan_party/],
  ['a name that objects have', { name: 'constructor' }, /constructor/],
];

interface CountedStore extends Store {
  listeners(): number;
  /** Resolves once nobody listens. */
  empty(): Promise<void>;
}

/** The store, with a count of who listens to it. */
function countedStore(store: Store): CountedStore {
  const listening = new Set<object>();
  let wake = () => {};
  return {
    ...store,
    onChange(listener) {
      const stop = store.onChange(listener);
      const entry = {};
      listening.add(entry);
      return () => {
        stop();
        if (listening.delete(entry) && listening.size === 0) wake();
      };
    },
    listeners: () => listening.size,
    empty: () => (listening.size === 0 ? Promise.resolve() : new Promise(done => (wake = done))),
  };
}

const soonMs = 5_000; // far more than any wait here takes

async function soon(event: Promise<void>, what: string): Promise<void> {
  let late: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    late = setTimeout(() => reject(new Error(`Waited ${soonMs} ms for ${what}.`)), soonMs);
  });
  await Promise.race([event, timeout]).finally(() => clearTimeout(late));
}

/** The URIs of the updates an agent is told of, in order. */
function updatesOf(agent: Client) {
  const uris: string[] = [];
  let wake = () => {};
  agent.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => {
    uris.push(params.uri);
    wake();
  });
  return {
    waiting: () => uris.length,
    async next(): Promise<string | undefined> {
      if (uris.length === 0) await soon(new Promise<void>(done => (wake = done)), 'an update');
      return uris.shift();
    },
  };
}

async function call(
  agent: Client,
  name: string,
  args?: Record<string, unknown>,
): Promise<CallToolResult> {
  // Parsed, since callTool's own type also allows the shape of a protocol long gone.
  return CallToolResultSchema.parse(await agent.callTool({ name, arguments: args }));
}

function textOf({ content: [first] }: CallToolResult): string {
  return first?.type === 'text' ? first.text : '';
}

function itemsIn({ contents: [first] }: ReadResourceResult): Item[] {
  assert.ok(first && 'text' in first && first.mimeType === 'application/json');
  return itemSchema.array().parse(JSON.parse(first.text));
}

async function addOnWeb(origin: string, name: string): Promise<Item> {
  const headers = { 'Content-Type': 'application/json' };
  const body = JSON.stringify({ name });
  const res = await fetch(`${origin}/items/`, { method: 'POST', headers, body });
  return itemSchema.parse(await res.json());
}

function required(schema: Tool['inputSchema']): string[] {
  return schema.required ?? [];
}

function propertiesOf({ inputSchema }: Tool): Record<string, object> {
  return inputSchema.properties ?? {};
}
