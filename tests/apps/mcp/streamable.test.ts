/**
 * Streamable HTTP against its specification, 2025-03-26 to 2025-11-25: what is answered how, on
 * which stream a message goes, what a client that lost its connection gets back. And what a tool
 * may ask of its client, over both transports.
 */
import assert from 'node:assert/strict';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import test, { type TestContext } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import {
  CallToolResultSchema,
  CreateMessageRequestSchema,
  CreateMessageResultSchema,
  ElicitRequestSchema,
  ElicitResultSchema,
  JSONRPCMessageSchema,
  LATEST_PROTOCOL_VERSION,
  ResourceUpdatedNotificationSchema,
  SUPPORTED_PROTOCOL_VERSIONS,
} from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { type McpOptions, mcpApp } from '../../../apps/mcp/app.ts';
import { type ReceivedEvent, received } from '../../../apps/mcp/channels.ts';
import { streamDefaults } from '../../../apps/mcp/stream.ts';
import { StreamableTransport } from '../../../apps/mcp/streamable-transport.ts';
import { createRouter } from '../../../router.ts';
import { createApp } from '../../../server.ts';
import { memoryStore } from '../../../store.ts';
import { itemsUri } from '../../../tools.ts';
import { connect, serve, type Transport } from '../../support.ts';
import {
  type Answer,
  type Asked,
  ask,
  call,
  eventsOf,
  gate,
  type Headers,
  initialize,
  messagesIn,
  openSession,
  openStream,
  post,
  posted,
  type Stream,
  toolCall,
} from './wire.ts';

const soon = { timeout: 60_000 }; // a test that waits for what never comes fails

const streamOnly: Headers = { Accept: 'text/event-stream' };
const jsonOnly: Headers = { Accept: 'application/json' };

/** Takes `steps` one by one as the test lets it, telling its progress before each. */
interface Pace {
  step(): void;
  next(): Promise<void>;
}

function pace(): Pace {
  const waiting: (() => void)[] = [];
  let steps = 0;
  return {
    step() {
      const go = waiting.shift();
      if (go) go();
      else steps++;
    },
    next() {
      if (steps === 0) return new Promise(done => waiting.push(done));
      steps--;
      return Promise.resolve();
    },
  };
}

const text = (value: unknown) => ({ content: [{ type: 'text' as const, text: String(value) }] });

/** A server whose tools do, at the test's pace, what tools may do with their stream. */
function toolServer({ next }: Pace, servers: McpServer[]): McpServer {
  const server = new McpServer({ name: 'tools', version: '0' }, { capabilities: { logging: {} } });
  server.registerTool('echo', { inputSchema: { say: z.string() } }, ({ say }) => text(say));
  server.registerTool('wait', {}, async () => {
    await next();
    return text('waited');
  });
  server.registerTool('count', { inputSchema: { to: z.int() } }, async ({ to }, extra) => {
    for (let progress = 1; progress <= to; progress++) {
      await next();
      const params = { progressToken: extra.requestId, progress };
      await extra.sendNotification({ method: 'notifications/progress', params });
    }
    await next();
    return text(`counted to ${to}`);
  });
  server.registerTool('hang_up', {}, async extra => {
    const can = extra.closeSSEStream !== undefined;
    extra.closeSSEStream?.();
    extra.closeStandaloneSSEStream?.();
    await next();
    return text(can ? 'came back' : 'could not hang up');
  });
  server.registerTool('ask_model', {}, async extra => {
    const content = { type: 'text' as const, text: 'Capital of France?' };
    const params = { maxTokens: 9, messages: [{ role: 'user' as const, content }] };
    const request = { method: 'sampling/createMessage' as const, params };
    const answer = await extra.sendRequest(request, CreateMessageResultSchema);
    return text(JSON.stringify(answer.content));
  });
  server.registerTool('ask_user', {}, async extra => {
    const requestedSchema = {
      type: 'object' as const,
      properties: { size: { type: 'string' as const } },
    };
    const params = { mode: 'form' as const, message: 'Which size?', requestedSchema };
    const request = { method: 'elicitation/create' as const, params };
    const answer = await extra.sendRequest(request, ElicitResultSchema);
    return text(JSON.stringify(answer));
  });
  servers.push(server);
  return server;
}

async function serveTools(t: TestContext, options: McpOptions = {}) {
  const steps = pace();
  const servers: McpServer[] = [];
  const app = mcpApp(() => toolServer(steps, servers), options);
  const origin = await serve(t, createRouter().mount('/mcp', app));
  t.after(() => {
    for (let left = 0; left < 500; left++) steps.step();
  });
  return { app, url: `${origin}/mcp`, step: steps.step, servers };
}

/** Says something that no client asked for. */
function say(server: McpServer | undefined, data: unknown): Promise<void> | undefined {
  return server?.sendLoggingMessage({ level: 'info', data });
}

function listen(t: TestContext, url: string, session: Headers, headers: Headers = {}) {
  return openStream(t, url, { headers: { ...session, ...streamOnly, ...headers } });
}

/** What a logging or progress notification, or a tool's answer, says; or what a client is to do. */
function told(message: unknown): unknown {
  const said = message as {
    params?: { data?: unknown; progress?: number };
    result?: { content?: { text: string }[] };
    error?: { message: string };
  }; // one of these four, or the comparison fails
  if (said.error) return /call again/i.exec(said.error.message)?.[0].toLowerCase();
  return said.params?.data ?? said.params?.progress ?? said.result?.content?.[0]?.text;
}

async function nextTold(stream: Stream): Promise<unknown> {
  return told((await stream.message()).message);
}

/** All that a stream still has to tell before it ends. */
async function restOf(stream: Stream): Promise<unknown[]> {
  const rest: unknown[] = [];
  for (let frame = await stream.next(); frame; frame = await stream.next())
    if (frame.data) rest.push(told(JSON.parse(frame.data)));
  return rest;
}

test('a call is answered in the form that the client accepts', soon, async t => {
  const streams = await serveTools(t);
  const json = await serveTools(t, { enableJsonResponse: true });
  const [stream, plain] = ['text/event-stream', 'application/json'];
  const rows: [why: string, accept: string | undefined, streams: string, json: string][] = [
    ['both, as the specification asks', 'application/json, text/event-stream', stream, plain],
    ['in the other order', 'text/event-stream, application/json', stream, plain],
    ['with weights', 'application/json;q=0.9, text/event-stream;q=0.1', stream, plain],
    ['only a stream', 'text/event-stream', stream, stream],
    ['only JSON', 'application/json', plain, plain],
    ['anything, as curl says', '*/*', stream, plain],
    ['nothing said is anything', undefined, stream, plain],
  ];
  for (const [why, accept, ...types] of rows) {
    for (const [i, { url }] of [streams, json].entries()) {
      const session = await openSession(url);
      const { headers, ...asked } = posted(toolCall(1, 'echo', { say: 'hello' }), session);
      const { Accept, ...others } = headers;
      const answer = await ask(url, {
        ...asked,
        headers: accept ? { ...others, Accept: accept } : others,
      });
      assert.equal(answer.status, 200, why);
      assert.equal(answer.headers['content-type'], types[i], why);
      assert.deepEqual(messagesIn(answer).map(told), ['hello'], why);
    }
  }
});

test('a stream is marked so that nothing between holds its events back', soon, async t => {
  const { url } = await serveTools(t);
  const session = await openSession(url);
  const listening = await listen(t, url, session);
  const answer = await post(url, call(1, 'ping'), session);
  for (const { headers } of [listening, answer]) {
    assert.equal(headers['cache-control'], 'no-cache, no-transform');
    assert.equal(headers['x-accel-buffering'], 'no');
  }
});

test('initialize names the session and the protocol version', soon, async t => {
  const { url } = await serveTools(t);
  const versions = [...SUPPORTED_PROTOCOL_VERSIONS, '1999-01-01'];
  const ids = new Set<unknown>();
  for (const version of versions) {
    for (const accept of [{}, jsonOnly]) {
      const answer = await post(url, initialize(version), accept);
      const [message] = messagesIn(answer);
      const { protocolVersion } = (message as unknown as Initialized).result;
      const known = SUPPORTED_PROTOCOL_VERSIONS.includes(version);
      assert.equal(protocolVersion, known ? version : LATEST_PROTOCOL_VERSION);
      ids.add(answer.headers['mcp-session-id']);
    }
  }
  assert.equal(ids.size, versions.length * 2, 'each its own');
  for (const id of ids) assert.match(String(id), /^[\x21-\x7e]{20,}$/, 'visible ASCII');
});

/** What initialize is answered with. */
interface Initialized {
  result: { protocolVersion: string };
}

test('what wants no answer is accepted with 202 and no body', soon, async t => {
  const { url } = await serveTools(t);
  const session = await openSession(url);
  const rows: [why: string, body: object][] = [
    ['a notification', { jsonrpc: '2.0', method: 'notifications/initialized' }],
    ['a response, though nobody asked', { jsonrpc: '2.0', id: 7, result: {} }],
    ['an error, too', { jsonrpc: '2.0', id: 7, error: { code: -1, message: 'no' } }],
    [
      'several',
      [
        { jsonrpc: '2.0', method: 'notifications/x' },
        { jsonrpc: '2.0', id: 1, result: {} },
      ],
    ],
  ];
  for (const [why, body] of rows) {
    const answer = await post(url, body, session);
    assert.deepEqual([answer.status, answer.body], [202, ''], why);
  }
});

test(
  'a batch is answered whole: as one array, or on one stream that ends with its last answer',
  soon,
  async t => {
    const { url, step } = await serveTools(t);
    const session = await openSession(url, {}, '2025-03-26');
    const batch = [
      toolCall('a', 'wait'),
      { jsonrpc: '2.0', method: 'notifications/initialized' },
      toolCall('b', 'echo', { say: 'quick' }),
    ];
    const stream = await openStream(t, url, posted(batch, session));
    assert.equal(await nextTold(stream), 'quick', 'the quick one does not wait for the slow one');
    step();
    assert.deepEqual(await restOf(stream), ['waited']);

    step();
    const json = await post(url, batch, { ...session, ...jsonOnly });
    assert.deepEqual(JSON.parse(json.body).map(told).sort(), ['quick', 'waited']);
    const one = await post(url, [call(1, 'ping')], { ...session, ...jsonOnly });
    assert.deepEqual(
      JSON.parse(one.body),
      [{ jsonrpc: '2.0', id: 1, result: {} }],
      'an array of one',
    );
  },
);

test(
  'the answers to a batch are bounded where they wait for each other, one alone is not',
  soon,
  async t => {
    const { url } = await serveTools(t, { maxBufferedBytes: 10_000 });
    const session = await openSession(url);
    const json = { ...session, ...jsonOnly };
    const long = (id: number, length: number) => toolCall(id, 'echo', { say: 'x'.repeat(length) });
    const rows: [why: string, body: object, headers: Headers, status: number][] = [
      ['two that fit', [long(1, 4_000), long(2, 4_000)], json, 200],
      ['two that do not', [long(1, 6_000), long(2, 6_000), long(3, 1)], json, 400],
      ['one, however long', [long(1, 50_000)], json, 200],
      ['outside a batch', long(1, 50_000), json, 200],
      ['on a stream each goes out at once', [long(1, 6_000), long(2, 6_000)], session, 200],
    ];
    for (const [why, body, headers, status] of rows) {
      const answer = await post(url, body, headers);
      assert.equal(answer.status, status, why);
      if (status === 200) assert.equal(messagesIn(answer).length, [body].flat().length, why);
      else assert.match(JSON.parse(answer.body).detail, /Send fewer calls at a time/);
    }
  },
);

test(
  'each refusal has its own status, and is a problem and a JSON-RPC error at once',
  soon,
  async t => {
    const { url, app } = await serveTools(t);
    const session = await openSession(url);
    const ping = call(1, 'ping');
    const unknown = { ...session, 'Mcp-Session-Id': '00000000-0000-4000-8000-000000000000' };
    const badVersion = { ...session, 'Mcp-Protocol-Version': '1999-01-01' };
    const rows: [why: string, asked: Asked, status: number, detail: RegExp][] = [
      ['no session named', posted(ping), 400, /Send initialize first/],
      ['an unknown one', posted(ping, unknown), 404, /Connect again/],
      [
        'a notification to one',
        posted({ jsonrpc: '2.0', method: 'notifications/x' }, unknown),
        404,
        /Connect again/,
      ],
      ['GET without a session', { headers: streamOnly }, 400, /Send initialize first/],
      ['GET for an unknown one', { headers: { ...unknown, ...streamOnly } }, 404, /Connect again/],
      ['DELETE without one', { method: 'DELETE' }, 400, /Send initialize first/],
      ['DELETE of an unknown one', { method: 'DELETE', headers: unknown }, 404, /Connect again/],
      [
        'a version nobody knows',
        posted(ping, badVersion),
        400,
        /Unknown protocol version\. Use .*2025-11-25/,
      ],
      [
        'on GET as well',
        { headers: { ...badVersion, ...streamOnly } },
        400,
        /Unknown protocol version/,
      ],
      [
        'on DELETE as well',
        { method: 'DELETE', headers: badVersion },
        400,
        /Unknown protocol version/,
      ],
      [
        'neither form accepted',
        posted(ping, { ...session, Accept: 'text/html' }),
        406,
        /Name both/,
      ],
      ['GET that wants no stream', { headers: { ...session, ...jsonOnly } }, 406, /Name both/],
      ['HEAD, which opens nothing', { method: 'HEAD', headers: session }, 405, /^/],
      ['an empty batch', posted([], session), 400, /The batch is empty/],
      ['initialize and more', posted([initialize(), ping]), 400, /initialize request comes alone/],
      ['two ids alike', posted([ping, ping], session), 400, /id 1 is in flight/],
      [
        'JSON of another kind',
        posted({ hello: 'world' }, session),
        400,
        /no JSON-RPC 2\.0 message/,
      ],
      [
        'JSON-RPC 1.0',
        posted({ ...ping, jsonrpc: '1.0' }, session),
        400,
        /no JSON-RPC 2\.0 message/,
      ],
      ['no JSON', { ...posted(ping, session), body: '{' }, 400, /The body is not JSON/],
      ['no body', { ...posted(ping, session), body: '' }, 400, /The body is not JSON/],
      [
        'another type',
        posted(ping, { ...session, 'Content-Type': 'text/plain' }),
        415,
        /application\/json/,
      ],
    ];
    for (const [why, asked, status, detail] of rows) {
      const answer = await ask(url, asked);
      assert.equal(answer.status, status, why);
      if (asked.method === 'HEAD') continue;
      assert.equal(answer.headers['content-type'], 'application/problem+json', why);
      const { id, ...problem } = JSON.parse(answer.body);
      assert.match(problem.detail, detail, why);
      assert.deepEqual([problem.status, id], [status, null], why);
      JSONRPCMessageSchema.parse({ jsonrpc: problem.jsonrpc, error: problem.error });
      assert.equal(problem.error.message, problem.detail, why);
    }
    const parse = await ask(url, { ...posted(ping, session), body: '{' });
    assert.equal(JSON.parse(parse.body).error.code, -32_700, 'a parse error');
    for (const method of ['PUT', 'PATCH', 'HEAD']) {
      const { status, headers } = await ask(url, { method, headers: session });
      const allow = String(headers.allow).split(', ');
      assert.equal(status, 405);
      for (const name of ['GET', 'POST', 'DELETE'])
        assert.ok(allow.includes(name), `${method} ${name}`);
      assert.ok(!allow.includes(method), method);
    }
    assert.equal(app.stats().sessions, 1, 'none of these opened a session');
  },
);

test(
  'every protocol version from 2025-03-26 on may be named, and none has to be',
  soon,
  async t => {
    const { url } = await serveTools(t);
    const { 'Mcp-Protocol-Version': _, ...unversioned } = await openSession(url);
    for (const version of [undefined, '2025-03-26', '2025-06-18', '2025-11-25']) {
      const headers = version ? { ...unversioned, 'Mcp-Protocol-Version': version } : unversioned;
      assert.equal((await post(url, call(1, 'ping'), headers)).status, 200, version);
    }
  },
);

test(
  'what the server says unasked goes on the stream of GET, and not on that of a call',
  soon,
  async t => {
    const { url, step, servers } = await serveTools(t);
    const session = await openSession(url);
    const listening = await listen(t, url, session);
    const calling = await openStream(t, url, posted(toolCall('c', 'count', { to: 1 }), session));
    await say(servers[0], 'news');
    assert.equal(await nextTold(listening), 'news');
    step();
    step();
    assert.deepEqual(
      await restOf(calling),
      [1, 'counted to 1'],
      'and progress on that of its call',
    );
  },
);

test('a second GET takes over, and the first stream ends', soon, async t => {
  const { url, servers } = await serveTools(t);
  const session = await openSession(url);
  const first = await listen(t, url, session);
  await say(servers[0], 'one');
  assert.equal(await nextTold(first), 'one');
  const second = await listen(t, url, session);
  assert.deepEqual(await restOf(first), []);
  await say(servers[0], 'two');
  assert.equal(await nextTold(second), 'two', 'each message goes out once');
});

test('what is said while no stream is open arrives on the next GET, once', soon, async t => {
  const { url, servers } = await serveTools(t);
  const session = await openSession(url);
  await say(servers[0], 'early');
  await say(servers[0], 'bird');
  const first = await listen(t, url, session);
  assert.deepEqual([await nextTold(first), await nextTold(first)], ['early', 'bird']);
  const second = await listen(t, url, session);
  assert.deepEqual(await restOf(first), []);
  await say(servers[0], 'worm');
  assert.equal(await nextTold(second), 'worm');
});

test(
  'a call whose stream is cut gets its progress and its answer after Last-Event-ID',
  soon,
  async t => {
    const { url, step } = await serveTools(t);
    const session = await openSession(url);
    const cut = await openStream(t, url, posted(toolCall('c', 'count', { to: 4 }), session));
    step();
    const { id, message } = await cut.message();
    assert.equal(told(message), 1);
    cut.cut();

    const missed = await post(url, toolCall('e', 'echo', { say: 'x' }), session); // other streams go on
    assert.deepEqual(messagesIn(missed).map(told), ['x']);
    step();
    step();
    const resumed = await listen(t, url, session, { 'Last-Event-ID': id ?? '' });
    assert.deepEqual([await nextTold(resumed), await nextTold(resumed)], [2, 3], 'what it missed');
    step();
    assert.equal(await nextTold(resumed), 4, 'what comes now');
    step();
    assert.deepEqual(await restOf(resumed), ['counted to 4'], 'and then it ends');

    const again = await listen(t, url, session, { 'Last-Event-ID': id ?? '' });
    assert.deepEqual(await restOf(again), [2, 3, 4, 'counted to 4'], 'after it was answered, too');
  },
);

test('a stream of GET that is cut goes on after Last-Event-ID', soon, async t => {
  const { url, servers } = await serveTools(t);
  const session = await openSession(url);
  const cut = await listen(t, url, session);
  for (const news of ['one', 'two', 'three']) await say(servers[0], news);
  const { id } = await cut.message();
  cut.cut();
  await say(servers[0], 'four');
  const resumed = await listen(t, url, session, { 'Last-Event-ID': id ?? '' });
  const list = [await nextTold(resumed), await nextTold(resumed), await nextTold(resumed)];
  assert.deepEqual(list, ['two', 'three', 'four']);
  await say(servers[0], 'five');
  assert.equal(await nextTold(resumed), 'five');
});

test('event ids are unique in a session, whichever the stream', soon, async t => {
  const { url, step, servers } = await serveTools(t);
  const session = await openSession(url);
  const listening = await listen(t, url, session);
  const ids: (string | undefined)[] = [];
  for (let round = 0; round < 3; round++) {
    const calling = await openStream(t, url, posted(toolCall(round, 'count', { to: 1 }), session));
    step();
    step();
    ids.push((await calling.message()).id, (await calling.message()).id);
    await say(servers[0], round);
    ids.push((await listening.message()).id);
  }
  assert.ok(ids.every(id => id !== undefined));
  assert.equal(new Set(ids).size, 9);
});

test(
  'the event log is bounded: of what is gone only an answer is spoken of, with what to do instead',
  soon,
  async t => {
    const { url, servers, step } = await serveTools(t);
    const session = await openSession(url);
    const cut = await openStream(t, url, posted(toolCall('c', 'count', { to: 2 }), session));
    step();
    const { id = '' } = await cut.message();
    cut.cut();
    step();
    step();
    const fills: [fill: () => Promise<unknown>, rest: unknown[], why: string][] = [
      [
        () => post(url, toolCall('e', 'echo', { say: 'after it' }), session),
        [2, 'counted to 2'],
        'kept',
      ],
      [() => sayOften(servers[0], 150, 'x'), ['counted to 2'], 'many events'],
      [() => sayOften(servers[0], 3, 'x'.repeat(200_000)), ['counted to 2'], 'large ones'],
      [() => echoOften(url, session, 3, 'x'.repeat(200_000)), ['call again'], 'large answers'],
    ];
    for (const [fill, rest, why] of fills) {
      await fill();
      const resumed = await listen(t, url, session, { 'Last-Event-ID': id });
      assert.equal(resumed.status, 200, why);
      assert.deepEqual(await restOf(resumed), rest, why);
    }
  },
);

async function sayOften(server: McpServer | undefined, times: number, data: string): Promise<void> {
  for (let count = 0; count < times; count++) await say(server, data);
}

async function echoOften(url: string, session: Headers, times: number, say: string): Promise<void> {
  for (let id = 0; id < times; id++) await post(url, toolCall(id, 'echo', { say }), session);
}

test('a Last-Event-ID that this session never sent is refused', soon, async t => {
  const { url } = await serveTools(t);
  const other = await openSession(url);
  await post(url, call(1, 'ping'), other);
  const session = await openSession(url, jsonOnly);
  const rows: [why: string, id: string][] = [
    ['of another session', '2.1'],
    ['a number', '1'],
    ['three of them', '0.0.0'],
    ['a negative one', '-1.0'],
    ['words', 'last'],
    ['a name every object has', '__proto__'],
    ['a stream to come', '99.0'],
    ['more digits than a number holds', `${'9'.repeat(400)}.0`],
  ];
  for (const [why, id] of rows) {
    const headers = { ...session, ...streamOnly, 'Last-Event-ID': id };
    assert.equal((await ask(url, { headers })).status, 400, why);
  }
});

test('DELETE ends the session, its streams and its calls', soon, async t => {
  const { url, app } = await serveTools(t);
  const calls = eventsOf<ReceivedEvent>(t, received);
  const session = await openSession(url);
  const listening = await listen(t, url, session);
  const calling = await openStream(t, url, posted(toolCall(1, 'wait'), session));
  const json = post(url, toolCall(2, 'wait'), { ...session, ...jsonOnly });
  await calls.until(({ length }) => length === 3);
  assert.equal((await ask(url, { method: 'DELETE', headers: session })).status, 204);
  assert.deepEqual(await restOf(listening), []);
  assert.deepEqual(await restOf(calling), []);
  const abandoned = await json;
  assert.equal(abandoned.status, 503, 'a call that JSON would have answered');
  assert.match(abandoned.body, /session ended before the call/);
  assert.ok(abandoned.headers['retry-after']);
  const later = await Promise.all([
    post(url, call(3, 'ping'), session),
    ask(url, { headers: { ...session, ...streamOnly } }),
    ask(url, { method: 'DELETE', headers: session }),
  ]);
  assert.deepEqual(
    later.map(({ status }) => status),
    [404, 404, 404],
  );
  assert.equal(app.stats().sessions, 0);
});

test('a cancelled call ends its stream without an answer', soon, async t => {
  const { url, step } = await serveTools(t);
  const session = await openSession(url);
  const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } };
  const stream = await openStream(t, url, posted(toolCall(1, 'wait'), session));
  await post(url, cancel, session);
  assert.deepEqual(await restOf(stream), []);

  const calls = eventsOf<ReceivedEvent>(t, received);
  const json = post(url, toolCall(1, 'wait'), { ...session, ...jsonOnly });
  await calls.until(({ length }) => length === 1);
  await post(url, cancel, session);
  assert.deepEqual([(await json).status, (await json).body], [202, '']);

  const batch = [toolCall(1, 'wait'), toolCall(2, 'wait')];
  const both = await openStream(t, url, posted(batch, session));
  await post(url, cancel, session);
  for (let waiting = 0; waiting < 4; waiting++) step();
  assert.deepEqual(await restOf(both), ['waited'], 'the other of a batch is answered');
  assert.equal((await post(url, toolCall(1, 'echo', { say: 'again' }), session)).status, 200);
});

test(
  'from 2025-11-25 on a stream begins with an id, and a tool can hang up and be polled',
  soon,
  async t => {
    const { url, step } = await serveTools(t, { retryMs: 7 });
    const session = await openSession(url);
    const listening = await listen(t, url, session);
    const primed = await listening.next();
    assert.deepEqual([primed?.data, primed?.retry], ['', '7']);
    const stream = await openStream(t, url, posted(toolCall(1, 'hang_up'), session));
    const first = await stream.next();
    assert.deepEqual([first?.data, first?.retry], ['', '7']);
    assert.deepEqual(await restOf(stream), [], 'it hung up without an answer');
    assert.deepEqual(await restOf(listening), [], 'on the other stream as well');

    const back = await listen(t, url, session, { 'Last-Event-ID': first?.id ?? '' });
    step();
    assert.deepEqual(await restOf(back), ['came back']);
  },
);

test('an older client gets no event without data, and no tool hangs up on it', soon, async t => {
  const { url, step, servers } = await serveTools(t);
  for (const version of ['2025-03-26', '2025-06-18']) {
    const session = await openSession(url, {}, version);
    const listening = await listen(t, url, session);
    await say(servers.at(-1), 'first');
    assert.ok((await listening.next())?.data);
    const stream = await openStream(t, url, posted(toolCall(1, 'hang_up'), session));
    step();
    const frame = await stream.next();
    assert.equal(told(JSON.parse(frame?.data ?? '')), 'could not hang up');
  }
});

test('the head of a stream does not wait for its first event', soon, async t => {
  const { url, step } = await serveTools(t);
  for (const version of SUPPORTED_PROTOCOL_VERSIONS) {
    const session = await openSession(url, {}, version);
    const stream = await openStream(t, url, posted(toolCall(1, 'wait'), session));
    assert.equal(stream.status, 200, version);
    step();
    assert.deepEqual(await restOf(stream), ['waited'], version);
  }
});

test(
  'a stream that ends because its reader stopped is resumed where the reader was',
  soon,
  async t => {
    const { url, servers } = await serveTools(t, { maxBufferedBytes: 1_000 });
    const session = await openSession(url);
    const stalled = await listen(t, url, session);
    const { id } = { id: '0.0', ...(await stalled.next()) };
    const large = 'x'.repeat(50_000);
    for (let sent = 0; sent < 5; sent++) await say(servers[0], large);
    stalled.cut();
    const resumed = await listen(t, url, session, { 'Last-Event-ID': id });
    for (let read = 0; read < 5; read++) assert.equal(await nextTold(resumed), large);
  },
);

const transports: Transport[] = ['sse', 'streamable'];

/** An SDK client that answers what tools ask. */
async function connectAnswering(
  t: TestContext,
  url: string,
  transport: Transport,
): Promise<Client> {
  const info = { name: 'answering', version: '0' };
  const client = new Client(info, { capabilities: { sampling: {}, elicitation: { form: {} } } });
  client.setRequestHandler(CreateMessageRequestSchema, ({ params }) => {
    assert.equal(params.maxTokens, 9);
    return { model: 'm', role: 'assistant', content: { type: 'text', text: 'Paris' } };
  });
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
    assert.equal(params.message, 'Which size?');
    return { action: 'accept', content: { size: 'XL' } };
  });
  await client.connect(
    transport === 'sse'
      ? new SSEClientTransport(new URL(`${url}/sse`))
      : // its optional sessionId does not fit exactOptionalPropertyTypes
        (new StreamableHTTPClientTransport(new URL(url)) as never),
  );
  t.after(() => client.close());
  return client;
}

async function textOf(client: Client, name: string, args = {}, options = {}): Promise<unknown> {
  const result = await client.callTool({ name, arguments: args }, CallToolResultSchema, options);
  return told({ result });
}

for (const transport of transports) {
  test(`a tool can ask the client's model and its user, over ${transport}`, soon, async t => {
    const { url } = await serveTools(t);
    const client = await connectAnswering(t, url, transport);
    assert.equal(await textOf(client, 'ask_model'), '{"type":"text","text":"Paris"}');
    assert.equal(await textOf(client, 'ask_user'), '{"action":"accept","content":{"size":"XL"}}');
    const both = [textOf(client, 'ask_model'), textOf(client, 'ask_user')];
    assert.match((await Promise.all(both)).join(), /Paris.*XL/, 'and both at once');
  });

  test(`the SDK client hears progress, cancels and goes on, over ${transport}`, soon, async t => {
    const { url, step } = await serveTools(t);
    const client = await connectAnswering(t, url, transport);
    const heard: number[] = [];
    const onprogress = ({ progress }: { progress: number }) => {
      heard.push(progress);
      step(); // the client drops progress that arrives in one read with the answer
    };
    step();
    // The tool takes the call's id as its progress token, as the SDK's client does.
    assert.equal(await textOf(client, 'count', { to: 3 }, { onprogress }), 'counted to 3');
    assert.deepEqual(heard, [1, 2, 3]);

    const calls = eventsOf<ReceivedEvent>(t, received);
    const abort = new AbortController();
    const waiting = textOf(client, 'wait', {}, { signal: abort.signal });
    await calls.until(({ length }) => length === 1);
    abort.abort('enough');
    await assert.rejects(waiting, /enough/);
    assert.equal(await textOf(client, 'echo', { say: 'still here' }), 'still here');
  });

  test(
    `the SDK client works the list and hears of its changes, over ${transport}`,
    soon,
    async t => {
      const origin = await serve(t, createApp(memoryStore()));
      const url = `${origin}/mcp${transport === 'sse' ? '/sse' : ''}`;
      const client = await connect(t, url, transport);
      const { opened: heard, open } = gate();
      client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => {
        assert.equal(params.uri, itemsUri);
        open();
      });
      await client.subscribeResource({ uri: itemsUri });
      const { tools } = await client.listTools();
      assert.equal(tools.length, 4);
      await client.callTool({ name: 'add_item', arguments: { name: 'Milk' } });
      assert.match((await ask(`${origin}/items/`)).body, /"Milk"/);
      await heard;
      const { contents } = await client.readResource({ uri: itemsUri });
      assert.match(JSON.stringify(contents), /Milk/);
      const { messages } = await client.getPrompt({
        name: 'plan_shopping',
        arguments: { dish: 'Soup' },
      });
      assert.match(JSON.stringify(messages), /Soup/);
    },
  );
}

test('with JSON answers a tool still asks, on the stream of GET', soon, async t => {
  const { url } = await serveTools(t, { enableJsonResponse: true });
  const client = await connectAnswering(t, url, 'streamable');
  assert.equal(await textOf(client, 'ask_model'), '{"type":"text","text":"Paris"}');
});

test(
  'the SDK client comes back by itself when a tool hangs up, and gets its answer',
  soon,
  async t => {
    const { url, step } = await serveTools(t, { retryMs: 10 });
    const client = await connectAnswering(t, url, 'streamable');
    const answer = textOf(client, 'hang_up');
    step();
    assert.equal(await answer, 'came back');
  },
);

test('the SDK client ends its session with DELETE', soon, async t => {
  const { url, app } = await serveTools(t);
  const transport = new StreamableHTTPClientTransport(new URL(url));
  const client = new Client({ name: 'test', version: '0' });
  await client.connect(transport as never); // as above
  assert.equal(app.stats().sessions, 1);
  await transport.terminateSession();
  assert.equal(app.stats().sessions, 0);
  await client.close();
});

test('an answer that comes with its headers arrives in one piece', soon, async t => {
  const { url } = await serveTools(t);
  const session = await openSession(url);
  const answers: Answer[] = await Promise.all(
    Array.from({ length: 20 }, (_, i) => post(url, toolCall(i, 'echo', { say: `${i}` }), session)),
  );
  assert.deepEqual(
    answers.map(answer => messagesIn(answer).map(told)),
    answers.map((_, i) => [`${i}`]),
  );
});

function idsIn({ body }: Answer): string[] {
  return [...body.matchAll(/^id: (.*)$/gm)].map(([, id = '']) => id);
}

test(
  'an answer is kept for a client that got a part of it, however quick and long',
  soon,
  async t => {
    const { url } = await serveTools(t);
    const session = await openSession(url);
    for (const chars of [10, 2_000, 200_000]) {
      const answer = await post(url, toolCall(chars, 'echo', { say: 'x'.repeat(chars) }), session);
      const [primed = ''] = idsIn(answer);
      const again = await listen(t, url, session, { 'Last-Event-ID': primed });
      assert.deepEqual(await restOf(again), ['x'.repeat(chars)]);
    }
  },
);

test('a client that missed nothing of an ended stream is told to stay away', soon, async t => {
  const { url } = await serveTools(t);
  const session = await openSession(url);
  const answer = await post(url, toolCall(1, 'echo', { say: 'all' }), session);
  const last = idsIn(answer).at(-1) ?? '';
  const headers = { ...session, ...streamOnly, 'Last-Event-ID': last };
  assert.equal((await ask(url, { headers })).status, 204);
});

test('the SDK client does not come back for an error it has got', soon, async t => {
  const { url } = await serveTools(t, { retryMs: 10 });
  const asked: (string | null)[] = [];
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    fetch: (to, init) => {
      if (init?.method === 'GET') asked.push(new Headers(init.headers).get('last-event-id'));
      return fetch(to, init);
    },
  });
  const client = new Client({ name: 'test', version: '0' });
  await client.connect(transport);
  t.after(() => client.close());
  await assert.rejects(client.readResource({ uri: 'none://here' }));
  await new Promise(done => setTimeout(done, 500)); // fifty times retryMs
  assert.equal(asked.length, 2, `its own stream, then once for the error's: ${asked}`);
});

test('a session whose GET failed in a guard is not kept for it', soon, async t => {
  const mcp = mcpApp(() => new McpServer({ name: 'test', version: '0' }), { idleMs: 200 });
  let failing = false;
  const router = createRouter({ onError: () => {} }).mount('/mcp', async (req, res) => {
    await null;
    await mcp(req, res);
    if (failing) throw new Error('after the stream was attached');
  });
  const url = `${await serve(t, router)}/mcp`;
  const session = await openSession(url);
  failing = true;
  const { status } = await ask(url, { headers: { ...session, ...streamOnly } });
  assert.equal(status, 500);
  while (mcp.stats().sessions > 0) await new Promise(done => setTimeout(done, 50));
});

test('an answer that comes in the turn of a resumption is kept: its stream is known', async () => {
  const response = () => new ServerResponse(new IncomingMessage(new Socket()));
  const transport = new StreamableTransport(streamDefaults);
  transport.expect([7], response(), { json: false, batch: false, primed: true });
  transport.detach(7);
  assert.ok(transport.resume('1.0', response()));
  await transport.send({ jsonrpc: '2.0', id: 7, result: {} });
  assert.ok(transport.resume('1.0', response()), 'a second time');
});
