/**
 * What was once lost, cut or let grow on a session's streams. Each test says what the user saw; the
 * comment above it, why.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test, { type TestContext } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { JSONRPCMessage, JSONRPCRequest, RequestId } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { type McpOptions, mcpApp } from '../../apps/mcp/app.ts';
import { type ReceivedEvent, received } from '../../apps/mcp/channels.ts';
import { fastCalls, type PlainTool } from '../../apps/mcp/fast-calls.ts';
import {
  type Answer,
  ask,
  call,
  eventsOf,
  gate,
  type Headers,
  messagesIn,
  openRaw,
  openSession,
  openSse,
  openStream,
  post,
  posted,
  postHeaders,
  type Raw,
  type Stream,
  toolCall,
} from '../apps/mcp/wire.ts';
import type { Held } from '../fixtures/unread-server.ts';
import { serve } from '../support.ts';

const soon = { timeout: 60_000 }; // a test that waits for what never comes fails

const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] });

/** Tools whose calls `pause` as the test has it. */
function toolServer(pause: () => Promise<void>): McpServer {
  const server = new McpServer({ name: 'tools', version: '0' }, { capabilities: { logging: {} } });
  const long = { inputSchema: { chars: z.int(), wait: z.boolean().default(false) } };
  server.registerTool('long', long, async ({ chars, wait }) => {
    if (wait) await pause();
    return text('x'.repeat(chars));
  });
  server.registerTool('talk', { inputSchema: { times: z.int() } }, async ({ times }, extra) => {
    await pause();
    for (let progress = 1; progress <= times; progress++) {
      const params = { progressToken: 't', progress };
      await extra.sendNotification({ method: 'notifications/progress', params });
    }
    return text('said');
  });
  return server;
}

/** An app whose calls wait until the test lets them go, in their order. */
async function serveTools(t: TestContext, options: McpOptions = {}) {
  const waiting: (() => void)[] = [];
  const servers: McpServer[] = [];
  const calls = eventsOf<ReceivedEvent>(t, received);
  const app = mcpApp(() => {
    const server = toolServer(() => new Promise(done => waiting.push(done)));
    servers.push(server);
    return server;
  }, options);
  const url = await serve(t, app);
  t.after(() => {
    for (const go of waiting) go();
  });

  /** Lets the oldest call go that waits. */
  const release = () => waiting.shift()?.();
  /** Until so many messages have come, from now on. */
  const heard = (count: number) => {
    const first = calls.seen.length;
    return calls.until(({ length }) => length >= first + count);
  };
  return { url, servers, release, heard };
}

const waitingCall = (id: RequestId, chars = 1) => toolCall(id, 'long', { chars, wait: true });
const longCall = (id: RequestId, chars: number) => toolCall(id, 'long', { chars });

/** Calls, and goes away once the stream has begun. Returns the id of the last event seen. */
async function callAndLeave(t: TestContext, url: string, session: Headers, messages: object) {
  const stream = await openStream(t, url, posted(messages, session));
  const { id = '' } = (await stream.next()) ?? {};
  stream.cut();
  return id;
}

/** Has so many calls answered that nobody misses. */
async function callOften(url: string, session: Headers, times: number): Promise<void> {
  const pings = Array.from({ length: times }, (_, index) => call(`ping ${index}`, 'ping'));
  while (pings.length > 0) await post(url, pings.splice(0, 100), session);
}

function resume(url: string, session: Headers, lastEventId: string): Promise<Answer> {
  const headers = { ...session, Accept: 'text/event-stream', 'Last-Event-ID': lastEventId };
  return ask(url, { headers });
}

/** How calls were answered: with so many characters, or with an error that says to call again. */
function outcomes(messages: JSONRPCMessage[]): Map<unknown, unknown> {
  return new Map(
    messages.flatMap((message): [unknown, unknown][] => {
      if ('method' in message) return [];
      if ('error' in message) return [[message.id, message.error.message.match(/Call again/)?.[0]]];
      const { content } = message.result as { content?: { text: string }[] }; // a tool's
      return [[message.id, content?.[0]?.text.length]];
    }),
  );
}

// The log kept 100 events of all streams: a resumed stream began with what was left of them, or was
// refused with 400. To that the SDK's client comes back twice and then lets the call hang.
test("a call over the SDK's client whose answer is lost is told to call again", soon, async t => {
  const { url, release } = await serveTools(t, { retryMs: 1 });
  const { client, transport, comesBack, letBack, gets } = await connectCutOff(t, url);
  const params = { name: 'long', arguments: { chars: 5, wait: true } };
  const answer = client.callTool(params, undefined, { timeout: 5_000 }); // else it hangs a minute
  const rejected = assert.rejects(answer, { code: -32_010, message: /Call again/ });
  await comesBack;
  release();
  await callOften(url, { 'Mcp-Session-Id': `${transport.sessionId}` }, 101);
  letBack();
  await rejected;
  while (gets.length < 3) await client.ping(); // as after any error: it is told to stay away
  for (let pings = 0; pings < 20; pings++) await client.ping();
  assert.equal(gets.length, 3, `its own stream, the lost one, and once more: ${gets}`);
});

/** The SDK's client. The stream of its first tool call is cut; the test lets it back. */
async function connectCutOff(t: TestContext, url: string) {
  const back = gate();
  const allowed = gate();
  const gets: string[] = [];
  let cut = false;
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    async fetch(to, init) {
      const isCall = String(init?.body).includes('"tools/call"');
      const isResumption = new Headers(init?.headers).has('last-event-id');
      if (init?.method === 'GET') gets.push(String(to));
      if (isResumption) back.open();
      if (isResumption) await allowed.opened;
      const response = await fetch(to, init);
      if (!isCall || cut) return response;
      cut = true;
      return new Response(cutAfterFirst(response), response);
    },
  });
  const client = new Client({ name: 'test', version: '0' });
  await client.connect(transport);
  t.after(() => client.close());
  return { client, transport, comesBack: back.opened, letBack: allowed.open, gets };
}

/** The first that a body brings, and then the end of its connection. */
function cutAfterFirst({ body }: Response): ReadableStream<Uint8Array> {
  const reader = body?.getReader();
  return new ReadableStream({
    async start(controller) {
      const { value } = (await reader?.read()) ?? {};
      if (value) controller.enqueue(value);
      await reader?.cancel();
      controller.error(new Error('cut'));
    },
  });
}

/** What happens to an answer that its client misses, and what the client is told then. */
interface Missed {
  why: string;
  /** Of the call that is missed; a list is a batch. */
  calls: JSONRPCRequest | JSONRPCRequest[];
  /** What else goes on in the session before the client is back. */
  meanwhile?(url: string, session: Headers, release: () => void): Promise<unknown>;
  told: [RequestId, number | 'Call again'][];
}

const kept = 1; // character
const tooLong = 300_000; // characters; the log takes 256 KB

const missed: Missed[] = [
  {
    why: 'an answer that others pushed out, however many',
    calls: waitingCall(7),
    meanwhile: (url, session) => callOften(url, session, 5_000),
    told: [[7, 'Call again']],
  },
  {
    why: 'an answer that is longer than the log',
    calls: waitingCall(7, tooLong),
    told: [[7, 'Call again']],
  },
  {
    why: 'of a batch the answer that is too long: it was left out in silence',
    calls: [waitingCall('a'), waitingCall('b', tooLong), waitingCall('c')],
    told: [
      ['a', kept],
      ['b', 'Call again'],
      ['c', kept],
    ],
  },
  {
    why: 'a batch of which all was pushed out',
    calls: [waitingCall('a'), waitingCall(0), waitingCall('')],
    meanwhile: (url, session) => callOften(url, session, 101),
    told: [
      ['a', 'Call again'],
      [0, 'Call again'],
      ['', 'Call again'],
    ],
  },
  {
    why: 'ids that are no plain words in a header',
    calls: [waitingCall(`a,b."1ü'`), waitingCall('7'), waitingCall(-7)],
    meanwhile: (url, session) => callOften(url, session, 101),
    told: [
      [`a,b."1ü'`, 'Call again'],
      ['7', 'Call again'],
      [-7, 'Call again'],
    ],
  },
  {
    why: 'an answer that is too long, to an id that is too long to be named in that of an event',
    calls: waitingCall('7'.repeat(2_000), tooLong),
    told: [['7'.repeat(2_000), 'Call again']],
  },
  {
    why: 'an answer beside one too long for the log, which wiped the log before it was measured',
    calls: waitingCall(7),
    meanwhile: (url, session) => post(url, longCall(8, tooLong), session),
    told: [[7, kept]],
  },
  {
    why: 'an answer beside many notifications, which pushed it out',
    calls: waitingCall(7),
    async meanwhile(url, session, release) {
      const talking = post(url, toolCall(8, 'talk', { times: 500 }), session);
      await post(url, call(9, 'ping'), session); // its turn is after that of the call
      release();
      await talking;
    },
    told: [[7, kept]],
  },
  {
    why: 'a call that says more than is kept, and is answered then',
    calls: toolCall(7, 'talk', { times: 500 }),
    told: [[7, 'said'.length]],
  },
];

// Only an answer ends the waiting of a call, whatever the status of the resumed stream: so there is
// one to each. And what is not an answer must not cost one.
for (const { why, calls, meanwhile, told } of missed)
  test(`a client that comes back is told of each call how it went: ${why}`, soon, async t => {
    const { url, release } = await serveTools(t);
    const session = await openSession(url);
    const lastEventId = await callAndLeave(t, url, session, calls);
    for (const _ of [calls].flat()) release();
    await meanwhile?.(url, session, release);
    const back = await resume(url, session, lastEventId);
    assert.equal(back.status, 200, back.body);
    assert.deepEqual(outcomes(messagesIn(back)), new Map(told));
  });

// After an error the SDK's client comes back once more, with the id it has seen last.
test('a client that has been told of a lost answer is told to stay away', soon, async t => {
  const { url, release } = await serveTools(t);
  const session = await openSession(url);
  const lastEventId = await callAndLeave(t, url, session, waitingCall(7, tooLong));
  release();
  const { body } = await resume(url, session, lastEventId);
  const [, id = ''] = /^id: (.*)$/m.exec(body) ?? [];
  assert.equal((await resume(url, session, id)).status, 204);
});

// Else a client that cancels comes back for the answer, and is told that it was lost.
test('a client that cancelled its call is not told to call again', soon, async t => {
  const { url } = await serveTools(t);
  const session = await openSession(url);
  const stream = await openStream(t, url, posted(waitingCall(7), session));
  await stream.next();
  await post(url, cancellationOf(7), session);
  const { id = '' } = (await stream.next()) ?? {};
  assert.equal(await stream.next(), undefined, 'it ends');
  assert.equal((await resume(url, session, id)).status, 204);
});

// The error for a lost answer must not go to a call that has taken over the id.
test('a call in flight is not ended by the loss of an older one with its id', soon, async t => {
  const { url, release } = await serveTools(t);
  const session = await openSession(url);
  const lastEventId = await callAndLeave(t, url, session, waitingCall(7));
  release();
  await callOften(url, session, 101);
  const again = await openStream(t, url, posted(waitingCall(7), session));
  assert.equal((await resume(url, session, lastEventId)).status, 204);
  release();
  assert.deepEqual(outcomes([(await again.message()).message]), new Map([[7, 1]]));
});

// The specification has a client give up on them; to all that was given there is an answer.
test('400 is for event ids that were never given', soon, async t => {
  const { url } = await serveTools(t);
  const session = await openSession(url);
  const lastEventId = await callAndLeave(t, url, session, waitingCall(7));
  const [stream] = lastEventId.split('.');
  const never = [
    ['a stream to come', '99.0'],
    ['an event to come', `${stream}.5`],
    ['an event to come of what is unasked', '0.5'],
    ['a call of what is unasked', '0.0.7'],
    ['no name of a call', `${stream}.0.%`],
    ['no id of a call', `${stream}.0.[7]`],
    ['more calls than are named', `${stream}.0.${Array(600).fill(7)}`],
    ['words', 'last'],
  ] as const;
  for (const [why, id] of never) assert.equal((await resume(url, session, id)).status, 400, why);
});

// The SDK's client forgets which stream it is on when it is cut off again before an event has come:
// it comes back without Last-Event-ID, to the stream for what is unasked, and the call hangs.
test("a tool that hangs up twice on the SDK's client is still answered", soon, async t => {
  const steps = [gate(), gate(), gate()];
  const app = mcpApp(
    () => {
      const server = new McpServer({ name: 'tools', version: '0' });
      server.registerTool('poll', {}, async ({ closeSSEStream }) => {
        for (const { opened } of steps) {
          closeSSEStream?.();
          await opened;
        }
        return text('polled');
      });
      return server;
    },
    { retryMs: 1 },
  );
  const url = await serve(t, app);
  let resumed = 0;
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    async fetch(to, init) {
      const response = await fetch(to, init);
      if (new Headers(init?.headers).has('last-event-id')) steps[resumed++]?.open();
      return response;
    },
  });
  const client = new Client({ name: 'test', version: '0' });
  await client.connect(transport);
  t.after(() => client.close());
  const answer = await client.callTool({ name: 'poll' }, undefined, { timeout: 5_000 });
  assert.deepEqual(answer, text('polled'));
});

const unreadChars = 20_000_000; // more than sockets hold

// Over the bound, the answer that came next was cut, whoever's reader it was that had stopped.
for (const [form, accept] of [
  ['a stream', 'text/event-stream'],
  ['JSON', 'application/json'],
] as const)
  test(`a reader that stops costs itself its answer as ${form}, and no other`, soon, async t => {
    const { url, heard } = await serveTools(t, { maxBufferedBytes: 1_000_000 });
    const session = { ...(await openSession(url)), Accept: accept };
    const called = heard(1);
    const stopped = unread(t, url, longCall('stopped', unreadChars), session);
    await called;
    for (let id = 0; id < 5; id++) {
      const answer = await post(url, longCall(id, 1_000), session);
      assert.deepEqual(outcomes(messagesIn(answer)), new Map([[id, 1_000]]));
    }
    await assertCut(stopped);
  });

test('a reader that stops makes room for one that comes back, too', soon, async t => {
  const { url, heard, release } = await serveTools(t, { maxBufferedBytes: 1_000_000 });
  const session = await openSession(url);
  const lastEventId = await callAndLeave(t, url, session, waitingCall(7));
  release();
  const called = heard(1);
  const stopped = unread(t, url, longCall('stopped', unreadChars), session);
  await called;
  const back = await resume(url, session, lastEventId);
  assert.deepEqual(outcomes(messagesIn(back)), new Map([[7, 1]]));
  await assertCut(stopped);
});

test('what a server says unasked is bounded where its reader stops', soon, async t => {
  const { url, servers } = await serveTools(t, { maxBufferedBytes: 1_000_000 });
  const session = await openSession(url);
  const stream = unread(t, url, undefined, { ...session, Accept: 'text/event-stream' });
  let isOpen = true;
  void stream.closed.then(() => {
    isOpen = false;
  });
  for (let said = 0; isOpen; said++) {
    assert.ok(said < 200, 'its reader comes late, and it is still open');
    await servers[0]?.sendLoggingMessage({ level: 'info', data: 'x'.repeat(1_000_000) });
    await new Promise(setImmediate);
    if (said === 20) stream.socket.resume();
  }
});

/** What of the answer is read in the end is not all. */
async function assertCut({ socket, answer }: Raw): Promise<void> {
  socket.resume();
  const { body } = await answer;
  assert.ok(body.length < unreadChars, `${body.length}`);
}

/** Posts, or without a message gets, and does not read the answer. */
function unread(t: TestContext, url: string, message: object | undefined, session: Headers): Raw {
  const raw = openRaw(t, Number(new URL(url).port));
  raw.socket.pause();
  const method = message ? 'POST' : 'GET';
  const body = message ? JSON.stringify(message) : '';
  const fields = { Host: 'localhost', ...postHeaders, 'Content-Length': body.length, ...session };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  raw.send(`${method} ${new URL(url).pathname} HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
  return raw;
}

// The answers of a batch that wait for its last one were bounded a batch, not together.
test('batches that wait for one answer each are bounded together', soon, async t => {
  const { url, heard } = await serveTools(t, { maxBufferedBytes: 1_000_000 });
  const session = { ...(await openSession(url)), Accept: 'application/json' };
  const called = heard(20);
  const batches = Array.from({ length: 10 }, (_, index) => {
    const batch = [waitingCall(`slow ${index}`), longCall(`long ${index}`, 200_000)];
    return post(url, batch, session);
  });
  await called;
  for (const index of batches.keys()) await post(url, cancellationOf(`slow ${index}`), session);
  const statuses = (await Promise.all(batches)).map(({ status }) => status);
  assert.ok(statuses.includes(400), `${statuses}`); // too long: send fewer calls
  assert.ok(statuses.includes(200), `${statuses}`);
});

// Calls were taken without end, and each looked for among all: 100,000 made others wait 9 s.
for (const transport of ['SSE', 'Streamable, as a stream', 'Streamable, as JSON'] as const)
  test(`past the bound of calls in flight a call is told so, over ${transport}`, soon, async t => {
    const { url, release } = await serveTools(t, { maxCallsInFlight: 3 });
    const { ask, answers } = await openEither(t, url, transport);
    for (let id = 1; id <= 3; id++) await ask(waitingCall(id));
    for (const id of [4, 0]) await ask(waitingCall(id));
    const refused = [await answers(), await answers()];
    assert.deepEqual(
      refused.map(({ id }) => id),
      [4, 0],
    );
    for (const { error } of refused) {
      assert.equal(error?.code, -32_011);
      assert.match(error?.message ?? '', /3 calls of this session are in flight\. Call again/);
    }
    release();
    assert.equal((await answers()).id, 1);
    await ask(longCall(4, 1));
    assert.equal((await answers()).id, 4, 'there is room again, and its id is free');
  });

type Answered = { id?: RequestId; result?: unknown; error?: { code: number; message: string } };

/** A session that is asked, and answers in any order, over either transport. */
async function openEither(t: TestContext, url: string, transport: string) {
  const answered: Answered[] = [];
  let onanswer = () => {};
  const take = (message: JSONRPCMessage) => {
    answered.push(message as Answered); // nothing else is said
    onanswer();
  };
  async function answers(): Promise<Answered> {
    while (answered.length === 0) await new Promise<void>(done => (onanswer = done));
    return answered.shift() ?? {};
  }
  if (transport === 'SSE') {
    const stream = await openSse(t, `${url}/sse`);
    void readAll(stream, take);
    return { ask: (message: object) => post(stream.messages, message), answers };
  }
  const form = transport.endsWith('JSON') ? 'application/json' : 'text/event-stream';
  const session = { ...(await openSession(url)), Accept: form };
  const messages = eventsOf<ReceivedEvent>(t, received);
  async function ask(message: object): Promise<void> {
    const before = messages.seen.length;
    void post(url, message, session).then(
      answer => messagesIn(answer).map(take),
      () => {}, // the session ends with the test
    );
    await messages.until(({ length }) => length > before);
  }
  return { ask, answers };
}

async function readAll(stream: Stream, take: (message: JSONRPCMessage) => void): Promise<void> {
  try {
    for (;;) take((await stream.message()).message);
  } catch {} // it ends with the test
}

test('a thousand calls in flight are no burden to the next, in batches or alone', soon, async t => {
  const { url } = await serveTools(t);
  const { messages, message } = await openSse(t, `${url}/sse`);
  const calls = Array.from({ length: 20_000 }, (_, id) => waitingCall(id));
  while (calls.length > 0) await post(messages, calls.splice(0, 100));
  await post(messages, call('last', 'ping'));
  const codes: unknown[] = [];
  for (let id: unknown; id !== 'last'; ) {
    const answer: Answered = (await message()).message as Answered; // nothing else is said
    ({ id } = answer);
    codes.push(answer.error?.code);
  }
  assert.deepEqual(codes, Array(20_000 - 1_000 + 1).fill(-32_011), 'a ping is a call, too');
});

// The SDK takes 0 and '' for no id, and so cancels no such call: its answer went to the next.
for (const id of [0, '', 7])
  for (const way of ['SDK', 'fast'] as const)
    for (const transport of ['SSE', 'Streamable, as a stream'])
      test(
        `a call whose id, ${JSON.stringify(id)}, was that of a cancelled one gets its own answer, ` +
          `over ${transport}, the ${way} way`,
        soon,
        async t => {
          const { url, release } = await serveNumbered(t, way);
          const { ask, answers } = await openEither(t, url, transport);
          await ask(toolCall(id, 'number'));
          await ask(cancellationOf(id));
          await ask(toolCall(id, 'number'));
          release(1);
          await ask(toolCall('between', 'number')); // answered at once, after what was released
          assert.equal((await answers()).id, 'between');
          release(2);
          assert.deepEqual(await answers(), { jsonrpc: '2.0', id, result: text('2') });
        },
      );

function cancellationOf(requestId: RequestId): object {
  return { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } };
}

/** A server whose tool tells the how manieth call it is; the first two wait for the test. */
async function serveNumbered(t: TestContext, way: 'SDK' | 'fast') {
  const gates = [gate(), gate()];
  let calls = 0;
  const tool: PlainTool = {
    config: { inputSchema: z.strictObject({}) },
    async answer() {
      const number = ++calls;
      await gates[number - 1]?.opened;
      return text(`${number}`);
    },
  };
  const app = mcpApp(() => {
    const server = new McpServer({ name: 'numbers', version: '0' });
    server.registerTool('number', tool.config, input => tool.answer(input));
    return way === 'fast' ? fastCalls(server, { number: tool }) : server;
  });
  const url = await serve(t, app);
  return { url, release: (number: number) => gates[number - 1]?.open() };
}

// `{ maxBufferedBytes: undefined }` was a bound that nothing exceeds.
test('a bound that is given as undefined is the one by default', soon, async t => {
  const options = {
    maxBufferedBytes: undefined,
    maxBufferedTotalBytes: undefined,
    maxCallsInFlight: undefined,
  };
  // As callers without exactOptionalPropertyTypes may, or in JavaScript.
  const { url } = await serveTools(t, options as unknown as McpOptions);
  const stream = await openSse(t, `${url}/sse`);
  const calls = Array.from({ length: 1_001 }, (_, id) => waitingCall(id));
  while (calls.length > 0) await post(stream.messages, calls.splice(0, 100));
  const { error } = (await stream.message()).message as Answered; // the one that is refused
  assert.equal(error?.code, -32_011);
});

const mib = 1024 * 1024;

// Each session had its bound, and nothing all of them: 84 readers that stopped ended a process of
// 512 MB. And what waited was counted in characters, where it is up to five bytes for each.
test('readers that stop do not fill the memory of a process, however many they are', {
  timeout: 180_000,
}, async t => {
  const options = { maxBufferedTotalBytes: 24 * mib };
  const { origin, exited } = await startUnread(t, ['--max-old-space-size=96'], options);
  const others = await openSession(`${origin}/mcp`);
  const other = await openSse(t, `${origin}/mcp/sse`);
  const before = await heldBy(origin);
  let most = 0;
  for (let reader = 0; reader < 40; reader++) {
    if (reader % 4 > 0) await overrunSse(t, origin);
    else await overrunStreamable(t, origin);
    assert.equal(exited(), undefined, `it lives, after ${reader} readers`);
    assert.equal(
      (await post(`${origin}/mcp`, toolCall(reader, 'big', { chars: 1, of: 'x' }), others)).status,
      200,
    );
    most = Math.max(most, (await heldBy(origin)).bytes - before.bytes);
  }
  await post(other.messages, call(1, 'ping'));
  assert.deepEqual((await other.message()).message, { jsonrpc: '2.0', id: 1, result: {} });
  t.diagnostic(`${(most / mib).toFixed(1)} MiB at the most`);
  assert.ok(most < 24 * mib + 32 * mib, `${most} bytes`); // beside it, what is being answered
});

async function startUnread(t: TestContext, flags: string[], options: McpOptions) {
  const fixture = 'tests/fixtures/unread-server.ts';
  const args = [...flags, '--expose-gc', '--import', 'tsx', fixture, JSON.stringify(options)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const [line] = await once(child.stdout, 'data');
  const exited = () => child.exitCode ?? child.signalCode ?? undefined;
  return { origin: String(line).trim(), exited };
}

async function heldBy(origin: string): Promise<Held> {
  return JSON.parse((await ask(`${origin}/memory`)).body);
}

/** Has an SSE session hold what its own bound allows, and read nothing. */
async function overrunSse(t: TestContext, origin: string): Promise<void> {
  const messages = await openUnreadSse(t, origin);
  for (let id = 0; id < 5; id++) await post(messages, bigCall(id, 'x'));
}

async function overrunStreamable(t: TestContext, origin: string): Promise<void> {
  const session = await openSession(`${origin}/mcp`);
  for (let id = 0; id < 5; id++) unread(t, `${origin}/mcp`, bigCall(id, '€'), session);
}

function bigCall(id: number, of: string): JSONRPCRequest {
  return toolCall(id, 'big', { chars: 2_000_000, of });
}

/** Reads the endpoint and nothing after it. Returns where to post. */
async function openUnreadSse(t: TestContext, origin: string): Promise<string> {
  const raw = openRaw(t, Number(new URL(origin).port));
  raw.send('GET /mcp/sse HTTP/1.1\r\nHost: localhost\r\n\r\n');
  let head = '';
  while (!/^data: .*$/m.test(head)) head += String((await once(raw.socket, 'data'))[0]);
  raw.socket.pause();
  const [, path = ''] = /^data: (\S*)/m.exec(head) ?? [];
  return origin + path;
}

// Beside each write Node keeps some 300 bytes: a bound of 4 MB let short messages take 25 MB.
test('what waits for a reader is counted as what it takes, short messages too', {
  timeout: 180_000,
}, async t => {
  const maxBufferedBytes = 2 * mib;
  const { origin } = await startUnread(t, [], { maxBufferedBytes });
  const calls = Array.from({ length: 100 }, (_, id) => toolCall(id, 'big', { chars: 1, of: 'x' }));
  const warmUp = await openSession(`${origin}/mcp`, {}, '2025-03-26');
  for (let count = 0; count < 50; count++) await post(`${origin}/mcp`, calls, warmUp);
  const before = await heldBy(origin);
  const messages = await openUnreadSse(t, origin);
  let most = 0;
  for (let count = 1; ; count++) {
    if ((await post(messages, calls)).status === 404) break;
    if (count % 50 === 0) most = Math.max(most, (await heldBy(origin)).bytes - before.bytes);
  }
  t.diagnostic(`${(most / mib).toFixed(1)} MiB at the most`);
  assert.ok(most < 1.75 * maxBufferedBytes, `${most} bytes`);
});
