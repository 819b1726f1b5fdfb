/**
 * fastCalls() beside the SDK alone: the same tools, the same calls, the same answers, over both
 * transports. Which call goes which way, one by one: fast-calls.test.ts.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  Agent,
  request as ask,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import fc from 'fast-check';
import { z } from 'zod';
import { mcpApp } from '../../../apps/mcp/app.ts';
import { fastCalls, type PlainTool } from '../../../apps/mcp/fast-calls.ts';
import { memoryStore } from '../../../store.ts';
import { shoppingServer, shoppingTools } from '../../../tools.ts';
import { held } from '../../held.ts';

/** A server of one kind, and the calls in it that wait. */
interface Shop {
  port: number;
  agent: Agent;
  /** Has each call of 'late' that waits go on. */
  release(): void;
}

/** Each session has a list of its own, so that one play knows nothing of another. */
async function openShop(t: TestContext, isFast: boolean): Promise<Shop> {
  const waiting: (() => void)[] = [];
  const app = mcpApp(() => {
    const store = memoryStore();
    const tools = { ...shoppingTools(store), ...oddTools(waiting) };
    const server = shoppingServer(store, tools);
    return isFast ? fastCalls(server, tools) : server;
  });
  const server = createServer(held(app));
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  const agent = new Agent({ keepAlive: true });
  t.after(async () => {
    agent.destroy();
    server.close();
    server.closeAllConnections();
    await app.close();
  });
  const address = server.address();
  assert.ok(typeof address === 'object' && address);
  const release = () => {
    for (const go of waiting.splice(0)) go();
  };
  return { port: address.port, agent, release };
}

function oddTools(waiting: (() => void)[]): Record<string, PlainTool> {
  const say = (text: string): CallToolResult => ({ content: [{ type: 'text', text }] });
  const none = z.strictObject({});
  return {
    throws: plain(none, () => {
      throw new Error('thrown before any promise');
    }),
    rejects: plain(z.strictObject({ reason: z.unknown() }), async ({ reason }) => {
      throw reason;
    }),
    late: plain(z.strictObject({ fails: z.boolean().default(false) }), async ({ fails }) => {
      await new Promise<void>(go => waiting.push(go));
      if (fails) throw new TypeError('too late');
      return say('at last');
    }),
    empty: plain(none, async () => ({ content: [] })),
    echo: plain(z.looseObject({}), async input => say(JSON.stringify(input))),
    bare: plain(none, async () => ({}) as CallToolResult), // which it is not
    big: plain(none, async () => say('big'.repeat(100_000))),
    rich: plain(none, async () => ({
      ...say('of all kinds'),
      structuredContent: { deep: [{ ключ: null }] },
      _meta: { any: 1 },
      more: 'than the schema knows',
    })),
  };
}

function plain<Schema extends z.ZodType>(
  inputSchema: Schema,
  answer: (input: z.output<Schema>) => Promise<CallToolResult>,
): PlainTool {
  // It is called with what the schema gave.
  return { config: { inputSchema }, answer: input => answer(input as z.output<Schema>) };
}

type Message = Record<string, unknown>;

/** A client posts, one message or several; or the calls of 'late' go on. */
type Step = 'release' | { post: Message | Message[]; asJson: boolean };

const ids = fc.constantFrom<unknown>(
  0,
  '',
  1,
  2,
  3,
  -1,
  2 ** 40,
  'a',
  '1',
  '__proto__',
  'id: 1\n\n',
);
const odd = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom<unknown>('\u2028', '\ud800', '%c'),
);
const name = fc.constantFrom<unknown>('Milk', ' Ginger ', '茶', '', 'x'.repeat(201), '\u0007', 7);
const itemId = fc.constantFrom<unknown>(1, 2, 3, 4, 5, 0, 1.5, '1', 2 ** 31);
const fields = {
  quantity: fc.constantFrom<unknown>(1, 9_999, 0, '2'),
  purchased: fc.constantFrom<unknown>(true, false, 'true'),
};
const none = fc.constantFrom<unknown>({}, undefined);

/** Each tool with what fits it, or nearly does. */
const given: [name: string, given: fc.Arbitrary<unknown>][] = [
  ['get_items', none],
  ['add_item', fc.record({ name, ...fields }, { requiredKeys: ['name'] })],
  ['update_item', fc.record({ id: itemId, name, ...fields }, { requiredKeys: ['id'] })],
  ['remove_item', fc.record({ id: itemId })],
  ['throws', none],
  ['rejects', fc.record({ reason: odd })],
  ['late', fc.record({ fails: fc.boolean() }, { requiredKeys: [] })],
  ['empty', none],
  ['echo', fc.dictionary(fc.string(), odd)],
  ['big', none],
  ['rich', none],
];

const plainCall = fc.oneof(
  ...given.map(([name, given]) => fc.record({ name: fc.constant(name), arguments: given })),
);
const wrongCall = fc.record(
  {
    name: fc.constantFrom<unknown>('get_items', 'echo', 'late', '__proto__', 'toString', 7),
    arguments: odd,
  },
  { requiredKeys: [] },
);
const richCall = fc.record(
  {
    name: fc.constantFrom('get_items', 'echo', 'late', 'rejects'),
    _meta: fc.constantFrom<unknown>({}, { progressToken: 1 }, 7),
    task: fc.constantFrom<unknown>({}, { ttl: 1 }, null),
    more: odd,
  },
  { requiredKeys: ['name'] },
);

const call = often<unknown>([
  [8, plainCall],
  [1, wrongCall],
  [1, richCall],
]);

const message = often<Message>([
  [12, request(fc.constant('tools/call'), call)],
  [2, request(fc.constantFrom('ping', 'tools/list', 'prompts/list', 'no/method'), none)],
  [3, ids.map(cancellation)],
  [1, odd.map(cancellation)],
]);

const post = fc.oneof(message, fc.array(message, { minLength: 1, maxLength: 5 }));
const step = often<Step>([
  [6, fc.record({ post, asJson: fc.boolean() })],
  [1, fc.constant('release')],
]);
const steps = fc.array(step, { minLength: 1, maxLength: 8, size: 'max' });

function often<T>(list: [weight: number, arbitrary: fc.Arbitrary<T>][]): fc.Arbitrary<T> {
  return fc.oneof(...list.map(([weight, arbitrary]) => ({ weight, arbitrary })));
}

function request(method: fc.Arbitrary<string>, params: fc.Arbitrary<unknown>) {
  return fc.record<Message>({ jsonrpc: fc.constant('2.0'), id: ids, method, params });
}

function cancellation(requestId: unknown): Message {
  return { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } };
}

// A call that is not answered would be waited for without end.
const soon = { timeout: 120_000 };
const plays = 100; // over each transport: some 400 posts with 700 calls

const clients = { streamable: playStreamable, sse: playSse };

for (const [transport, play] of Object.entries(clients))
  test(`whatever is called over ${transport} is answered as by the SDK alone`, soon, async t => {
    const [fast, slow] = [await openShop(t, true), await openShop(t, false)];
    const met = new Map<string, number>();
    const law = fc.asyncProperty(steps, async steps => {
      const answers = await play(slow, steps);
      assert.deepEqual(await play(fast, steps), answers);
      for (const kind of answers.flatMap(kindsIn)) met.set(kind, (met.get(kind) ?? 0) + 1);
    });
    await fc.assert(law, { seed: 20_261_127, numRuns: plays });
    t.diagnostic(JSON.stringify(Object.fromEntries(met)));
    for (const kind of ['result', 'isError', 'error']) assert.ok((met.get(kind) ?? 0) > 50, kind);
  });

/** Where the two differ, and why fastCalls() may. None of it is among the steps above. */
const differences: [what: string, post: Message[], slow: RegExp, fast: RegExp][] = [
  [
    'what comes behind a call finds it done; the SDK lets some requests overtake, as JSON-RPC lets it',
    [
      toolCall('remove_item', { id: 1 }),
      { jsonrpc: '2.0', id: 2, method: 'resources/read', params: { uri: 'shopping://items' } },
    ],
    /Apples/,
    /"text":"\[{\\"id\\":2/,
  ],
  [
    "an answer is sent as it is; the SDK fills in what the tool's type had it give",
    [toolCall('bare')],
    /"result":{"content":\[\]}/,
    /"result":{}/,
  ],
];

for (const [what, post, slow, fast] of differences)
  test(`a difference: ${what}`, async t => {
    for (const [isFast, expected] of [
      [false, slow],
      [true, fast],
    ] as const) {
      const [answer] = await playStreamable(await openShop(t, isFast), [{ post, asJson: true }]);
      assert.match(JSON.stringify(answer?.messages), expected);
    }
  });

interface Heard {
  status: number | undefined;
  type: string | undefined;
  /** Of JSON-RPC, by id: no other order is promised. */
  messages: Message[];
  /** Of a refusal. */
  text?: string;
}

function kindsIn({ messages }: Heard): string[] {
  return messages.map(({ error, result }) => {
    if (error) return 'error';
    return result instanceof Object && 'isError' in result ? 'isError' : 'result';
  });
}

/** What each post is answered, and last the list as it has become. */
async function playStreamable(shop: Shop, steps: Step[]): Promise<Heard[]> {
  const opening = await send(shop, '/', initialize);
  await opening.said;
  const id = String(opening.headers['mcp-session-id']);
  const session = { 'Mcp-Session-Id': id, 'Mcp-Protocol-Version': version };
  const answers: Promise<Heard>[] = [];
  for (const step of steps) {
    if (step === 'release') shop.release();
    else answers.push(heard(await send(shop, '/', step.post, { ...session, ...typesOf(step) })));
  }
  shop.release();
  const all = await Promise.all(answers);
  all.push(await heard(await send(shop, '/', getItems, session)));
  await (await send(shop, '/', undefined, session, 'DELETE')).said;
  return all;
}

/** A late call holds one JSON answer back, head and all, and what comes next is not to wait. */
function typesOf({ post, asJson }: Exclude<Step, 'release'>): Record<string, string> {
  return asJson && !JSON.stringify(post).includes('"late"') ? { Accept: 'application/json' } : {};
}

/** How each post is taken, and what comes on the stream, last the list as it has become. */
async function playSse(shop: Shop, steps: Step[]): Promise<Heard[]> {
  const stream = await begin(shop, '/sse', undefined, {}, 'GET');
  const events = eventsIn(stream);
  const path = (await events.next()).value ?? '';
  const taken = [await heard(await send(shop, path, initialize))];
  for (const step of steps) {
    if (step === 'release') shop.release();
    else taken.push(await heard(await send(shop, path, step.post)));
  }
  shop.release();
  await (await send(shop, path, getItems)).said;
  const messages: Message[] = [];
  for await (const data of events) {
    messages.push(JSON.parse(data));
    if (messages.at(-1)?.id === getItems.id) break;
  }
  stream.destroy();
  return [...taken, { status: 200, type: 'text/event-stream', messages: byId(messages) }];
}

function byId(messages: Message[]): Message[] {
  const key = ({ id }: Message) => JSON.stringify(id) ?? '';
  return messages.sort((one, other) => key(one).localeCompare(key(other)));
}

function toolCall(name: string, args: object = {}): Message {
  return { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } };
}

const version = '2025-03-26'; // the one with batches
const clientInfo = { name: 'test', version: '0' };
const initialize = {
  jsonrpc: '2.0',
  id: 'initialize',
  method: 'initialize',
  params: { protocolVersion: version, capabilities: {}, clientInfo },
};
const getItems = { jsonrpc: '2.0', id: 'end', method: 'tools/call', params: { name: 'get_items' } };

interface Sent {
  status: number | undefined;
  headers: IncomingHttpHeaders;
  /** Resolves with the whole body. */
  said: Promise<string>;
}

/** Resolves with the head of the answer: by then the server has heard what was posted. */
async function send(...[shop, path, ...rest]: Parameters<typeof begin>): Promise<Sent> {
  const res = await begin(shop, path, ...rest);
  return { status: res.statusCode, headers: res.headers, said: text(res) };
}

async function begin(
  { port, agent }: Shop,
  path: string,
  post?: unknown,
  headers: Record<string, string> = {},
  method = 'POST',
): Promise<IncomingMessage> {
  const fields = { ...postHeaders, ...headers };
  const req = ask({ host: '127.0.0.1', port, agent, path, method, headers: fields });
  req.end(JSON.stringify(post));
  const [res] = await once(req, 'response');
  return res;
}

const postHeaders = {
  'Content-Type': 'application/json',
  Accept: 'application/json, text/event-stream',
};

async function heard({ status, headers, said }: Sent): Promise<Heard> {
  const text = await said;
  const type = headers['content-type'];
  if (status !== 200) return { status, type, text, messages: [] };
  if (type === 'application/json')
    return { status, type, messages: byId([JSON.parse(text)].flat()) };
  return { status, type, messages: byId(dataIn(text).map(data => JSON.parse(data))) };
}

function dataIn(text: string): string[] {
  return [...text.matchAll(/^data: ([^\n]+)/gm)].map(([, data = '']) => data);
}

async function* eventsIn(res: IncomingMessage): AsyncGenerator<string, void> {
  let rest = '';
  for await (const chunk of res.setEncoding('utf8')) {
    const blocks = `${rest}${chunk}`.split('\n\n');
    rest = blocks.pop() ?? '';
    yield* blocks.flatMap(dataIn);
  }
}
