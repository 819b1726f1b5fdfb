/** Calls past the SDK's Protocol: answered as the SDK answers them, and only where that is safe. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type {
  CallToolResult,
  JSONRPCMessage,
  JSONRPCRequest,
} from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { fastCalls, type PlainTool } from '../../../apps/mcp/fast-calls.ts';
import type { McpServerLike } from '../../../apps/mcp/sessions.ts';
import { memoryStore } from '../../../store.ts';
import { shoppingServer, shoppingTools } from '../../../tools.ts';
import { gate } from './wire.ts';

type Way = 'fast' | 'sdk';
type Params = Record<string, unknown>;

const calls: [params: Params | undefined, way: Way, reason: string][] = [
  [{ name: 'get_items' }, 'fast', 'without arguments'],
  [{ name: 'get_items', arguments: {} }, 'fast', 'with none in them'],
  [{ name: 'add_item', arguments: { name: ' Ginger ' } }, 'fast', 'the schema trims and fills in'],
  [{ name: 'update_item', arguments: { id: 1, quantity: 7 } }, 'fast', 'with arguments'],
  [{ name: 'remove_item', arguments: { id: 999 } }, 'fast', 'an error that is a result'],
  [{ name: 'get_items', arguments: { all: true } }, 'sdk', 'a key the schema does not know'],
  [{ name: 'add_item' }, 'sdk', 'what is required is missing'],
  [{ name: 'add_item', arguments: { name: '' } }, 'sdk', 'out of bounds'],
  [{ name: 'add_item', arguments: { name: 7 } }, 'sdk', 'of another type'],
  [{ name: 'get_items', arguments: null }, 'sdk', 'arguments that are no object'],
  [{ name: 'get_items', arguments: [] }, 'sdk', 'a list of them'],
  [{ name: 'get_all' }, 'sdk', 'no such tool'],
  [{ name: '__proto__' }, 'sdk', 'a name that every object has'],
  [{ name: 'toString' }, 'sdk', 'one more'],
  [{ name: 7 }, 'sdk', 'no name'],
  [{}, 'sdk', 'nothing'],
  [undefined, 'sdk', 'less than that'],
  [{ name: 'get_items', _meta: { progressToken: 1 } }, 'sdk', 'asks to be told of progress'],
  [{ name: 'get_items', task: { ttl: 1 } }, 'sdk', 'asks for a task'],
];

for (const [params, way, reason] of calls)
  test(`${JSON.stringify(params)} is answered as by the SDK: ${reason}`, async t => {
    const slow = await ask(t, shop('sdk'), params);
    const fast = await ask(t, shop('fast'), params);
    assert.deepEqual(fast, slow);
    const { reached, server } = recorder();
    const { send } = await connect(t, fastCalls(server, shoppingTools(memoryStore())));
    await send(call(1, params));
    assert.equal(reached.length, way === 'sdk' ? 1 : 0, `it goes the ${way} way`);
  });

function shop(way: Way): McpServerLike {
  const store = memoryStore();
  const tools = shoppingTools(store);
  const server = shoppingServer(store, tools);
  return way === 'fast' ? fastCalls(server, tools) : server;
}

test('what a tool throws is its answer, as with the SDK', async t => {
  for (const thrown of [new Error('out of milk'), 'out of words', new TypeError('')]) {
    const tool = plain(() => {
      throw thrown;
    });
    const late = plain(async () => {
      throw thrown;
    });
    for (const failing of [tool, late]) {
      const slow = await ask(t, serverOf(failing), { name: 'it' });
      assert.deepEqual(
        await ask(t, fastCalls(serverOf(failing), { it: failing }), { name: 'it' }),
        slow,
      );
      assert.match(JSON.stringify(slow), /"isError":true/);
    }
  }
});

test('a tool may throw what has no words', async t => {
  const tool = plain(async () => {
    throw Object.create(null);
  });
  const answer = await ask(t, fastCalls(serverOf(tool), { it: tool }), { name: 'it' });
  assert.match(JSON.stringify(answer), /an error without words.*"isError":true/);
});

test('a tool that answers nothing is an error that its caller reads', async t => {
  const tool = plain(async () => undefined as never); // as JavaScript has it, without a compiler
  const answer = await ask(t, fastCalls(serverOf(tool), { it: tool }), { name: 'it' });
  assert.match(JSON.stringify(answer), /The tool answered nothing.*"isError":true/);
});

test('arguments that are no object are left to the SDK, whatever the schema', async t => {
  const tool = { ...plain(async () => ({ content: [] })), config: { inputSchema: z.unknown() } };
  for (const given of [7, null, [1], 'x']) {
    const { reached, server } = recorder();
    const { send } = await connect(t, fastCalls(server, { it: tool }));
    await send(call(1, { name: 'it', arguments: given }));
    assert.equal(reached.length, 1, JSON.stringify(given));
  }
});

test('a schema that throws is left to the SDK', async t => {
  const inputSchema = z.object({}).refine(() => {
    throw new Error('out of order');
  });
  const tool = { ...plain(async () => ({ content: [] })), config: { inputSchema } };
  const slow = await ask(t, serverOf(tool), { name: 'it' });
  assert.deepEqual(await ask(t, fastCalls(serverOf(tool), { it: tool }), { name: 'it' }), slow);
  assert.match(JSON.stringify(slow), /out of order/);
});

test('a call does not get ahead of what came before it in its turn', async t => {
  const together: Params[] = [
    { name: 'add_item', arguments: { name: 'Ginger' }, _meta: { progressToken: 1 } },
    { name: 'get_items' },
  ];
  const [slow, fast] = await Promise.all(
    (['sdk', 'fast'] as const).map(async way => {
      const { send, next } = await connect(t, shop(way));
      for (const [i, params] of together.entries()) void send(call(i, params));
      return [await next(), await next()];
    }),
  );
  assert.deepEqual(fast, slow);
  assert.match(JSON.stringify(fast?.[1]), /Ginger/);
});

test('after that turn calls go the fast way again', async t => {
  const { reached, server } = recorder();
  const { send } = await connect(t, fastCalls(server, shoppingTools(memoryStore())));
  await send({ jsonrpc: '2.0', id: 1, method: 'ping' });
  await new Promise(setImmediate);
  await send(call(2, { name: 'get_items' }));
  assert.equal(reached.length, 1);
});

test('a cancelled call is not answered, others are, and its id is free', async t => {
  const gates = [gate(), gate(), gate()];
  let started = 0;
  const tool = plain(async () => {
    const text = `${started}`;
    await gates[started++]?.opened;
    return { content: [{ type: 'text', text }] };
  });
  const { send, answers, next } = await connect(t, fastCalls(serverOf(tool), { it: tool }));
  const turn = () => new Promise(setImmediate);
  await send(call(1, { name: 'it' }));
  await send(call(2, { name: 'it' }));
  await send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } });
  await turn();
  await send(call(1, { name: 'it' }));
  for (const { open } of gates) {
    open();
    await turn();
  }
  await next();
  await next();
  await send({ jsonrpc: '2.0', id: 3, method: 'ping' });
  await next();
  const seen = answers.map(answer => [
    'id' in answer && answer.id,
    /"text":"(.)"/.exec(JSON.stringify(answer))?.[1],
  ]);
  assert.deepEqual(seen, [
    [2, '1'],
    [1, '2'],
    [3, undefined],
  ]);
});

test('two calls with one id are both answered, as by the SDK, beside many others', async t => {
  for (const way of ['fast', 'sdk'] as const) {
    const { opened, open } = gate();
    const tool = plain(async () => {
      await opened;
      return { content: [] };
    });
    const server = serverOf(tool);
    const tools = way === 'fast' ? fastCalls(server, { it: tool }) : server;
    const { send, next } = await connect(t, tools);
    const ids = [1, 1, ...Array.from({ length: 40 }, (_, index) => index + 2)];
    for (const id of ids) await send(call(id, { name: 'it' }));
    await new Promise(setImmediate);
    open();
    const answered: unknown[] = [];
    for (const _ of ids) {
      const answer = await next();
      answered.push(answer && 'id' in answer && answer.id);
    }
    assert.deepEqual(answered.sort(), ids.sort(), way);
  }
});

test('a call that outlives its session is not answered, and nobody is told', async t => {
  const { open, opened } = gate();
  const tool = plain(async () => {
    await opened;
    return { content: [] };
  });
  const server = serverOf(tool);
  const errors: Error[] = [];
  server.server.onerror = error => errors.push(error);
  const fast = fastCalls(server, { it: tool });
  const { send, answers } = await connect(t, fast);
  await send(call(1, { name: 'it' }));
  await fast.close();
  open();
  await new Promise(setImmediate);
  assert.deepEqual([answers, errors], [[], []]);
});

test('an answer that can not be sent is an error of the server', async t => {
  const ways = [
    () => Promise.reject(new Error('gone')),
    () => {
      throw new Error('gone');
    },
  ];
  for (const way of ways) {
    const tool = plain(async () => ({ content: [] }));
    const server = serverOf(tool);
    const failed = new Promise<Error>(done => {
      server.server.onerror = done;
    });
    const { send, serverSide } = await connect(t, fastCalls(server, { it: tool }));
    serverSide.send = way;
    await send(call(1, { name: 'it' }));
    assert.equal((await failed).message, 'An answer was not sent: gone');
  }
});

function plain(answer: () => Promise<CallToolResult>): PlainTool {
  return { config: { inputSchema: z.strictObject({}) }, answer };
}

function serverOf({ config, answer }: PlainTool): McpServer {
  const server = new McpServer({ name: 'test', version: '0' });
  server.registerTool('it', config, input => answer(input));
  return server;
}

/** In place of the SDK: keeps what reaches it. */
function recorder() {
  const reached: JSONRPCMessage[] = [];
  const server: McpServerLike = {
    async connect(transport) {
      transport.onmessage = message => reached.push(message);
      await transport.start();
    },
    async close() {},
  };
  return { reached, server };
}

function call(id: number, params: Params | undefined): JSONRPCRequest {
  return { jsonrpc: '2.0', id, method: 'tools/call', ...(params && { params }) };
}

async function ask(t: TestContext, server: McpServerLike, params: Params | undefined) {
  const { send, next } = await connect(t, server);
  await send(call(1, params));
  return next();
}

/** The client's end of a server. */
async function connect(t: TestContext, server: McpServerLike) {
  const [clientSide, serverSide] = InMemoryTransport.createLinkedPair();
  const answers: JSONRPCMessage[] = [];
  let onanswer = () => {};
  let read = 0;
  clientSide.onmessage = message => {
    answers.push(message);
    onanswer();
  };
  await server.connect(serverSide);
  await clientSide.start();
  t.after(() => server.close());

  async function next(): Promise<JSONRPCMessage | undefined> {
    while (answers.length <= read) await new Promise<void>(done => (onanswer = done));
    return answers[read++];
  }
  return { send: (message: JSONRPCMessage) => clientSide.send(message), answers, next, serverSide };
}
