/** Sessions: how many, how long, who ends them, and what is answered while all of them end. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import test, { type TestContext } from 'node:test';
import { inspect } from 'node:util';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { type McpOptions, mcpApp } from '../../../apps/mcp/app.ts';
import {
  closed,
  opened,
  received,
  type SentEvent,
  type SessionEvent,
  type StreamEvent,
  sent,
  streaming,
} from '../../../apps/mcp/channels.ts';
import type { McpServerLike, SessionTransport } from '../../../apps/mcp/sessions.ts';
import { accessLog } from '../../../apps/xray/log.ts';
import { watchHandshakes } from '../../../apps/xray/watchdog.ts';
import { stuckLine } from '../../../program/startup.ts';
import { createApp } from '../../../server.ts';
import { memoryStore, type Store } from '../../../store.ts';
import { connect, serve, type Transport } from '../../support.ts';
import {
  ask,
  call,
  eventsOf,
  type Frame,
  gate,
  type Headers,
  initialize,
  messagesIn,
  openRaw,
  openSession,
  openSse,
  openStream,
  post,
  posted,
  type Stream,
  toolCall,
} from './wire.ts';

const soon = { timeout: 60_000 }; // a test that waits for what never comes fails

const transports: Transport[] = ['sse', 'streamable'];
const streamOnly: Headers = { Accept: 'text/event-stream' };

/** An mcpApp whose tool 'wait' is answered when the test says so. */
async function serveWaiting(t: TestContext, options: McpOptions = {}) {
  const { opened: released, open: release } = gate();
  t.after(release);
  let closings = 0;
  const app = mcpApp(() => {
    const server = new McpServer({ name: 'waiting', version: '0' });
    server.registerTool('wait', {}, async () => {
      await released;
      return { content: [{ type: 'text', text: 'waited' }] };
    });
    server.server.onclose = () => closings++;
    return server;
  }, options);
  const origin = await serve(t, app);
  return { app, origin, release, serversClosed: () => closings };
}

for (const transport of transports) {
  test(
    `past the cap a client over ${transport} is told to come again, and those inside are served`,
    soon,
    async t => {
      const { app, origin } = await serveWaiting(t, { maxSessions: 2 });
      const session = await openSession(origin);
      const stream = await openSse(t, `${origin}/sse`);
      const refused =
        transport === 'sse' ? await ask(`${origin}/sse`) : await post(origin, initialize());
      assert.equal(refused.status, 503);
      assert.equal(refused.headers['content-type'], 'application/problem+json');
      assert.match(refused.body, /All 2 sessions are taken/);
      assert.ok(Number(refused.headers['retry-after']) > 0);

      const answer = await post(origin, call(1, 'ping'), session);
      assert.deepEqual(messagesIn(answer), [{ jsonrpc: '2.0', id: 1, result: {} }]);
      assert.equal((await post(stream.messages, call(2, 'ping'))).status, 202);
      assert.deepEqual((await stream.message()).message, { jsonrpc: '2.0', id: 2, result: {} });
      assert.deepEqual(app.stats(), { sessions: 2, maxSessions: 2, stopping: false });
    },
  );

  test(`a session that ends makes room for one over ${transport}`, soon, async t => {
    const { app, origin } = await serveWaiting(t, { maxSessions: 1 });
    const gone = eventsOf<SessionEvent>(t, closed);
    (await openSse(t, `${origin}/sse`)).cut();
    await gone.until(({ length }) => length === 1);
    const session = await openSession(origin);
    await ask(origin, { method: 'DELETE', headers: session });
    const url = transport === 'sse' ? `${origin}/sse` : origin;
    await connect(t, url, transport);
    assert.equal(app.stats().sessions, 1);
  });
}

test(
  'a session ends with its SSE stream, its DELETE or its idle time, and its server with it',
  soon,
  async t => {
    const { app, origin, serversClosed } = await serveWaiting(t, { idleMs: 200 });
    const begun = eventsOf<SessionEvent>(t, opened);
    const gone = eventsOf<SessionEvent>(t, closed);
    const stream = await openSse(t, `${origin}/sse`);
    const deleted = await openSession(origin);
    await openSession(origin); // and never heard of again
    stream.cut();
    await ask(origin, { method: 'DELETE', headers: deleted });
    await gone.until(({ length }) => length === 3);
    const ids = (events: SessionEvent[]) => events.map(({ sessionId }) => sessionId).sort();
    assert.deepEqual(ids(gone.seen), ids(begun.seen), 'each once');
    assert.equal(serversClosed(), 3);
    assert.equal(app.stats().sessions, 0);
  },
);

function idOf({ sessionId }: SessionEvent): string {
  return sessionId;
}

test('the idle time-out spares open streams and calls in flight', soon, async t => {
  const { app, origin, release } = await serveWaiting(t, { idleMs: 200 });
  const gone = eventsOf<SessionEvent>(t, closed);
  const legacy = await openSse(t, `${origin}/sse`);
  const listening = await openSession(origin);
  const listener = await openStream(t, origin, { headers: { ...listening, ...streamOnly } });
  const calling = await openSession(origin);
  const cutOff = await openSession(origin);
  const answer = post(origin, toolCall(1, 'wait'), calling);
  (await openStream(t, origin, posted(toolCall(1, 'wait'), cutOff))).cut(); // the call goes on

  // Each idle one is opened after the last has gone, so the others outlive it several times over.
  for (let rounds = 1; rounds <= 2; rounds++) {
    const { 'Mcp-Session-Id': idle } = await openSession(origin);
    await gone.until(({ length }) => length >= rounds);
    assert.deepEqual(gone.seen.slice(rounds - 1).map(idOf), [idle], 'and no other');
  }

  legacy.cut();
  listener.cut();
  release();
  assert.equal(messagesIn(await answer).length, 1);
  await gone.until(({ length }) => length === 2 + 4);
  assert.equal(app.stats().sessions, 0, 'and none is spared for ever');
});

test('each message puts the idle time-out off', soon, async t => {
  const { origin } = await serveWaiting(t, { idleMs: 200 });
  const gone = eventsOf<SessionEvent>(t, closed);
  const session = await openSession(origin);
  let idle = await openSession(origin);
  for (let rounds = 0; rounds < 2; rounds++) {
    const rest = gone.seen.length;
    while (gone.seen.length === rest)
      assert.equal((await post(origin, call(1, 'ping'), session)).status, 200);
    assert.equal(gone.seen.at(-1)?.sessionId, idle['Mcp-Session-Id']);
    idle = await openSession(origin);
  }
});

test('an idle time longer than a timer can be is no idle time of a millisecond', soon, async t => {
  const { origin } = await serveWaiting(t, { idleMs: 365 * 24 * 3_600_000 });
  const short = await serveWaiting(t, { idleMs: 4 });
  const gone = eventsOf<SessionEvent>(t, closed);
  const session = await openSession(origin);
  await openSession(short.origin);
  await gone.until(({ length }) => length === 1);
  assert.equal((await post(origin, call(1, 'ping'), session)).status, 200);
});

test('every kind of stream is kept alive with comments', soon, async t => {
  const { origin } = await serveWaiting(t, { keepAliveMs: 5 });
  const session = await openSession(origin);
  const calling = await openStream(t, origin, posted(toolCall(1, 'wait'), session));
  const primed = await calling.next();
  const listen = (headers: Headers) =>
    openStream(t, origin, { headers: { ...session, ...streamOnly, ...headers } });
  const streams: [kind: string, stream: Stream][] = [
    ['the older transport’s', await openSse(t, `${origin}/sse`)],
    ['the answer to a call', calling],
    ['the one for what is unasked', await listen({})],
  ];
  for (const [kind, stream] of streams) await assertPings(stream, kind);
  calling.cut();
  await assertPings(await listen({ 'Last-Event-ID': primed?.id ?? '' }), 'a resumed one');
});

async function assertPings(stream: Stream, kind: string): Promise<void> {
  const frames: (Frame | undefined)[] = [];
  while (frames.length < 3) {
    const frame = await stream.next();
    if (frame?.id === undefined && !frame?.retry) frames.push(frame);
  }
  assert.deepEqual(frames, Array(3).fill({ comment: 'ping' }), kind);
}

test('pings end with their stream', soon, async t => {
  const { origin } = await serveWaiting(t, { keepAliveMs: 5 });
  const begun = eventsOf<SessionEvent>(t, opened);
  const gone = eventsOf<SessionEvent>(t, closed); // and those of tests before, which may still end
  const streams = eventsOf<StreamEvent>(t, streaming);
  const staying = await openSse(t, `${origin}/sse`);
  for (let count = 0; count < 3; count++) (await openSse(t, `${origin}/sse`)).cut();
  const [, ...cut] = begun.seen.map(idOf);
  await gone.until(seen => cut.every(id => seen.map(idOf).includes(id)));
  const ours = new Set(streams.seen.map(({ res }) => res));
  const pings = eventsOf<SentEvent>(t, sent);
  const pinged = () => pings.seen.map(({ res }) => res).filter(res => ours.has(res));
  await pings.until(() => pinged().length >= 8); // two rounds, were all four still pinged
  assert.equal(new Set(pinged()).size, 1);
  staying.cut();
});

test(
  'a client can post as soon as it has read the endpoint, while its server still connects',
  soon,
  async t => {
    const { opened: connected, open } = gate();
    const app = mcpApp(() => connecting(connected));
    const origin = await serve(t, app);
    const stream = await openSse(t, `${origin}/sse`);
    const answer = await post(stream.messages, call(1, 'ping'));
    assert.equal(answer.status, 202, answer.body);
    assert.deepEqual((await stream.message()).message, { jsonrpc: '2.0', id: 1, result: {} });
    open();
  },
);

/** A server that takes messages at once, but takes its time to say that it is connected. */
function connecting(connected: Promise<void>): McpServerLike {
  const server = new McpServer({ name: 'slow', version: '0' });
  return {
    async connect(transport) {
      await server.connect(transport);
      await connected;
    },
    close: () => server.close(),
  };
}

test('a server that fails to connect leaves no session behind', soon, async t => {
  const log = t.mock.method(console, 'error', () => {});
  const app = mcpApp(() => ({
    connect: () => Promise.reject(new Error('no database')),
    close: async () => {},
  }));
  const origin = await serve(t, app);
  const answers = [await ask(`${origin}/sse`), await post(origin, initialize())];
  assert.deepEqual(
    answers.map(({ status }) => status),
    [500, 500],
  );
  assert.equal(app.stats().sessions, 0);
  assert.equal(log.mock.callCount(), 2);
});

test('no session id appears whole in anything that is logged', soon, async t => {
  const lines = captureConsole(t);
  t.after(accessLog('text', line => lines.push(line)));
  t.after(accessLog('json', line => lines.push(line)));
  t.after(watchHandshakes(stuck => lines.push(stuckLine(stuck))));
  const begun = eventsOf<SessionEvent>(t, opened);
  const gone = eventsOf<SessionEvent>(t, closed);
  const origin = await serve(t, createApp(memoryStore()));
  const broken = await serve(t, mcpApp(breaking));

  for (const [at, prefix] of [
    [origin, '/mcp'],
    [broken, ''],
  ] as const) {
    const session = await openSession(at + prefix);
    const stream = await openSse(t, `${at}${prefix}/sse`);
    await post(at + prefix, toolCall(1, 'get_items'), session).catch(() => {}); // may be cut
    await post(at + prefix, [], session);
    await post(stream.messages, toolCall(1, 'get_items'));
    await post(stream.messages, [], { 'Content-Type': 'text/plain' });
    await ask(stream.messages, { method: 'PUT' });
    await cutInBody(t, stream.messages);
    await cutInBody(t, at + prefix, session);
    await ask(at + prefix, { method: 'DELETE', headers: session });
    await post(at + prefix, call(1, 'ping'), session);
    stream.cut();
    await post(stream.messages, call(1, 'ping'));
  }
  await gone.until(ended =>
    begun.seen.every(({ sessionId }) => ended.map(idOf).includes(sessionId)),
  );

  const printed = lines.join('\n');
  assert.match(printed, /no message for you/, 'failures are logged');
  assert.match(printed, /does not close/);
  assert.equal(begun.seen.length, 4);
  for (const { sessionId } of begun.seen) {
    assert.ok(!printed.includes(sessionId), `${sessionId} in:\n${printed}`);
    assert.ok(!printed.includes(sessionId.slice(9)), 'nor most of one');
  }
});

/** A server that fails in every way the app logs. */
function breaking(): McpServerLike {
  return {
    async connect(transport) {
      const { kind } = transport as SessionTransport; // what mcpApp connects it to
      await transport.start();
      transport.onmessage = message => {
        const isInitialize = 'method' in message && message.method === 'initialize';
        if (!isInitialize) throw new Error(`no message for you, ${kind}`);
        void transport.send({ jsonrpc: '2.0', id: 'initialize', result: {} });
      };
    },
    close: () => Promise.reject(new Error('it does not close')),
  };
}

/** All that is printed from now on. */
function captureConsole(t: TestContext): string[] {
  const lines: string[] = [];
  const take = (...args: unknown[]) => void lines.push(args.map(arg => inspect(arg)).join(' '));
  for (const method of ['error', 'log', 'warn', 'info'] as const)
    t.mock.method(console, method, take);
  return lines;
}

/** Goes away in the middle of a body, and waits until the server has seen it. */
async function cutInBody(t: TestContext, url: string, headers: Headers = {}): Promise<void> {
  const raw = await startBody(t, url, 100, headers);
  raw.send('{"jsonrpc":');
  raw.socket.end();
  await raw.closed;
}

/** A POST whose head the server has, and whose body of `length` bytes is still to be sent. */
async function startBody(t: TestContext, url: string, length: number, headers: Headers = {}) {
  const { port, pathname, search } = new URL(url);
  const raw = openRaw(t, Number(port));
  const fields = Object.entries({ ...headers, Host: 'localhost', 'Content-Length': `${length}` });
  const lines = [...fields, ['Content-Type', 'application/json'], ['Expect', '100-continue']];
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  raw.send(`POST ${pathname}${search} HTTP/1.1\r\n${head}\r\n`);
  await once(raw.socket, 'data'); // 100: the server has its head
  return raw;
}

test('a session that ends while a message is on its way to it is unknown', soon, async t => {
  const { origin } = await serveWaiting(t);
  const gone = eventsOf<SessionEvent>(t, closed);
  const stream = await openSse(t, `${origin}/sse`);
  const body = JSON.stringify(call(1, 'ping'));
  const raw = await startBody(t, stream.messages, body.length);
  stream.cut();
  await gone.until(({ length }) => length === 1);
  raw.send(body);
  const [answer] = await once(raw.socket, 'data');
  assert.match(answer, /^HTTP\/1\.1 404 /);
});

/** The whole server over a list whose additions wait until the test lets them through. */
async function serveList(t: TestContext, options: McpOptions = {}) {
  const { opened: released, open: release } = gate();
  t.after(release);
  const inner = memoryStore();
  const store: Store = {
    ...inner,
    async add(item) {
      await released;
      return inner.add(item);
    },
  };
  const app = createApp(store, { mcp: options });
  const origin = await serve(t, app);
  return { app, origin, release };
}

test(
  'close() answers the calls in flight, ends the streams, and refuses what comes later',
  soon,
  async t => {
    const { app, origin, release } = await serveList(t);
    const url = `${origin}/mcp`;
    const calls = eventsOf(t, received);
    const legacy = await openSse(t, `${url}/sse`);
    const session = await openSession(url);
    const listener = await openStream(t, url, { headers: { ...session, ...streamOnly } });
    const pages = await openStream(t, `${origin}/live/events`);
    await post(legacy.messages, toolCall(1, 'add_item', { name: 'Milk' }));
    const answer = openStream(t, url, posted(toolCall(1, 'add_item', { name: 'Tea' }), session));
    const json = post(url, toolCall(2, 'add_item', { name: 'Jam' }), {
      ...session,
      Accept: 'application/json',
    });
    await calls.until(({ length }) => length === 4); // initialize and three calls

    const closing = app.close?.();
    assert.deepEqual(await healthOf(origin), {
      alive: [200, { status: 'ok', sessions: 2, maxSessions: 1_000, stopping: true }],
      ready: [503, 2],
    });
    const later = [
      await post(url, toolCall(3, 'get_items'), session),
      await post(legacy.messages, toolCall(3, 'get_items')),
      await post(url, initialize()),
      await ask(`${url}/sse`),
    ];
    for (const { status, headers, body } of later) {
      assert.equal(status, 503);
      assert.ok(Number(headers['retry-after']) > 0);
      assert.match(body, /stopping/);
    }
    const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 99 } };
    assert.equal(
      (await post(url, cancel, session)).status,
      202,
      'what wants no answer is still taken',
    );

    release();
    const names = [
      await nameIn(legacy),
      await nameIn(await answer),
      nameOf(messagesIn(await json)[0]),
    ];
    assert.deepEqual(names, ['Milk', 'Tea', 'Jam']);
    await closing;
    for (const stream of [legacy, await answer, listener, pages]) await assertEnds(stream);
    assert.equal((await post(url, call(1, 'ping'), session)).status, 404);
    assert.equal((await healthOf(origin)).alive[1].sessions, 0);
  },
);

async function healthOf(origin: string) {
  const [alive, ready] = [await ask(`${origin}/healthz`), await ask(`${origin}/readyz`)];
  return {
    alive: [alive.status, JSON.parse(alive.body)] as const,
    ready: [ready.status, JSON.parse(ready.body).sessions] as const,
  };
}

async function nameIn(stream: Stream): Promise<unknown> {
  return nameOf((await stream.message()).message);
}

function nameOf(message: unknown): unknown {
  const { result } = message as { result: { structuredContent: { name: string } } }; // add_item's
  return result.structuredContent.name;
}

async function assertEnds(stream: Stream): Promise<void> {
  while (await stream.next()) {} // a stream that was cut rejects
}

test('health counts the sessions, and readiness says so before the server stops', soon, async t => {
  const { origin } = await serveList(t, { maxSessions: 7 });
  await openSession(`${origin}/mcp`);
  await openSse(t, `${origin}/mcp/sse`);
  const { alive, ready } = await healthOf(origin);
  assert.deepEqual(alive, [200, { status: 'ok', sessions: 2, maxSessions: 7, stopping: false }]);
  assert.deepEqual(ready, [200, 2]);
  assert.equal((await ask(`${origin}/readyz`)).headers['cache-control'], 'no-store');
  assert.equal((await ask(`${origin}/healthz`, { method: 'POST' })).status, 405);
});

for (const transport of transports) {
  test(`close() waits for a call over ${transport} no longer than its grace`, soon, async t => {
    const { app, origin } = await serveWaiting(t, { graceMs: 20 });
    const calls = eventsOf(t, received);
    const stream = await openCall(t, origin, transport);
    await calls.until(({ length }) => length > 0 && isToolCall(calls.seen.at(-1)));
    await app.close();
    assert.equal(app.stats().sessions, 0);
    await assertEnds(stream);
  });
}

/** A stream on which the answer to `wait` would come. */
async function openCall(t: TestContext, origin: string, transport: Transport): Promise<Stream> {
  if (transport === 'streamable') {
    return openStream(t, origin, posted(toolCall(1, 'wait'), await openSession(origin)));
  }
  const stream = await openSse(t, `${origin}/sse`);
  await post(stream.messages, toolCall(1, 'wait'));
  return stream;
}

function isToolCall(event: unknown): boolean {
  const { message } = event as { message: { method?: string } }; // what `received` carries
  return message.method === 'tools/call';
}

test(
  'close() of an app without sessions is done at once, and twice is as good as once',
  soon,
  async t => {
    const { app } = await serveWaiting(t);
    await app.close();
    await app.close();
    assert.deepEqual(app.stats(), { sessions: 0, maxSessions: 1_000, stopping: true });
  },
);

test('a call that is cancelled keeps close() waiting no longer', soon, async t => {
  const { app, origin } = await serveWaiting(t);
  const session = await openSession(origin);
  const stream = await openStream(t, origin, posted(toolCall(1, 'wait'), session));
  const closing = app.close();
  const params = { requestId: 1 };
  await post(origin, { jsonrpc: '2.0', method: 'notifications/cancelled', params }, session);
  await closing;
  await assertEnds(stream);
});
