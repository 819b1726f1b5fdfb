/**
 * What a hostile client can send, and what it gets for it. After each attack the list is served
 * as if nothing had been. Those that need a process to be measured are in attacks-heavy.test.ts.
 */
import assert from 'node:assert/strict';
import { Agent, get, type IncomingMessage, request } from 'node:http';
import test, { type TestContext } from 'node:test';
import { closed, type ReceivedEvent, received, type SessionEvent } from '../apps/mcp/channels.ts';
import type { Timeouts } from '../http/listen.ts';
import { type AppOptions, createApp } from '../server.ts';
import { memoryStore, type Store } from '../store.ts';
import {
  ask,
  call,
  eventsOf,
  gate,
  type Headers,
  initialize,
  messagesIn,
  openRaw,
  openSession,
  openSse,
  post,
  postHeaders,
  type Raw,
  toolCall,
} from './apps/mcp/wire.ts';
import { bodies, headOf, host, ping, postOf, requestOf, targets } from './attack-table.ts';
import { listen } from './held.ts';

const soon = { timeout: 60_000 }; // a test that waits for what never comes fails

interface Target {
  port: number;
  origin: string;
  url: string;
  /** Lets the additions to the list through, which wait until then. */
  release(): void;
}

/** The whole server as it is run. */
async function startServer(
  t: TestContext,
  options: AppOptions = {},
  timeouts: Partial<Timeouts> = {},
): Promise<Target> {
  const { opened: released, open: release } = gate();
  const inner = memoryStore();
  const store: Store = {
    ...inner,
    async add(item) {
      await released;
      return inner.add(item);
    },
  };
  const { port, stop } = await listen(createApp(store, options), ['127.0.0.1'], 0, timeouts);
  t.after(async () => {
    release();
    await stop();
  });
  const origin = `http://127.0.0.1:${port}`;
  return { port, origin, url: `${origin}/mcp`, release };
}

const soonMs = 2_000; // an answer takes a millisecond; a busy machine may make that hundreds

async function assertServes({ origin }: Target): Promise<void> {
  const begun = performance.now();
  const { status, body } = await ask(`${origin}/items/`);
  const ms = performance.now() - begun;
  assert.equal(status, 200);
  assert.match(body, /"Apples"/);
  assert.ok(ms < soonMs, `${ms} ms`);
}

async function sessionsAt({ origin }: Target): Promise<number> {
  return JSON.parse((await ask(`${origin}/healthz`)).body).sessions;
}

/** Sends `bytes` as they are on a connection of their own, which then waits as it is. */
async function statusOf(t: TestContext, { port }: Target, bytes: string): Promise<number> {
  const raw = openRaw(t, port);
  raw.send(bytes);
  const { status } = await raw.answer;
  raw.socket.destroy();
  return status;
}

test('no target and no head gets in, opens a session or stops the server', soon, async t => {
  const target = await startServer(t);
  for (const [attack, bytes, status, reason] of targets) {
    const seen = await statusOf(t, target, bytes);
    assert.ok([status].flat().includes(seen), `${seen}, not ${status}: ${attack}: ${reason}`);
    await assertServes(target);
  }
  assert.equal(await sessionsAt(target), 0);
});

const many = JSON.stringify(Array.from({ length: 10_000 }, (_, id) => call(id, 'ping')));
const zeros = `[${'0,'.repeat(2_000_000)}0]`; // as many as fit
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
const itemBytes = 64 * 1024; // what the list takes

type Door = [path: string, headers: Headers];

/** Every place that takes JSON, with sessions that stay open. */
async function doorsOf(t: TestContext, { url }: Target): Promise<Door[]> {
  const session = await openSession(url);
  const { pathname, search } = new URL((await openSse(t, `${url}/sse`)).messages);
  return [
    ['/mcp', session],
    [pathname + search, {}],
    ['/items/', {}],
  ];
}

test('no body gets past the door it is sent to', soon, async t => {
  const target = await startServer(t);
  const doors = await doorsOf(t, target);
  for (const [attack, body, headers, status, reason] of bodies) {
    for (const [path, named] of doors) {
      const bytes = postOf(path, body, { ...named, ...headers });
      const expected = path === '/items/' && body.length > itemBytes ? 413 : status;
      assert.equal(await statusOf(t, target, bytes), expected, `${attack}: ${reason} (${path})`);
    }
    await assertServes(target);
  }
  assert.equal(await sessionsAt(target), 2);
});

test('a body whose declared length is too large is refused unread', soon, async t => {
  const target = await startServer(t);
  const begun = performance.now();
  const refusals = (await doorsOf(t, target)).map(async ([path, headers]) => {
    const raw = openRaw(t, target.port);
    raw.send(headOf(path, { ...headers, 'Content-Length': '104857600' }));
    const { status, body } = await raw.answer;
    assert.equal(status, 413, path);
    assert.match(body, /Send less at a time/);
    assert.ok(performance.now() - begun < soonMs);
    await raw.closed; // the rest is not waited for either
  });
  await assertServes(target);
  await Promise.all(refusals);
  await assertServes(target);
});

test('a body that goes on past the limit is refused in the middle, and cut', soon, async t => {
  const target = await startServer(t);
  const refusals = (await doorsOf(t, target)).map(async ([path, headers]) => {
    const raw = openRaw(t, target.port);
    raw.send(headOf(path, { ...headers, 'Transfer-Encoding': 'chunked' }));
    pour(raw);
    assert.equal((await raw.answer).status, 413, path);
    await assertServes(target);
    await raw.closed;
  });
  await Promise.all(refusals);
  await assertServes(target);
});

const block = chunk('x'.repeat(64 * 1024));

/** Sends without end, as fast as it is taken. */
function pour({ socket }: Raw): void {
  const more = () => {
    while (!socket.destroyed && socket.write(block, 'latin1')) {}
  };
  socket.on('drain', more);
  more();
}

test('a batch of 10,000 and ids that are in flight already are refused', soon, async t => {
  const target = await startServer(t);
  const calls = eventsOf<ReceivedEvent>(t, received);
  const session = await openSession(target.url);
  const stream = await openSse(t, `${target.url}/sse`);
  const adding = toolCall(7, 'add_item', { name: 'Milk' });
  const doors: [url: string, headers: Headers][] = [
    [target.url, session],
    [stream.messages, {}],
  ];
  for (const [url, headers] of doors) {
    for (const batch of [many, zeros]) {
      assert.equal((await ask(url, asked(batch, headers))).status, 400, batch.slice(0, 50));
      await assertServes(target);
    }
    const before = calls.seen.length;
    const first = post(url, adding, headers);
    await calls.until(({ length }) => length > before);
    const rows: [why: string, body: object][] = [
      ['the same id again', toolCall(7, 'get_items')],
      ['hidden in a batch', [call(8, 'ping'), call(7, 'ping')]],
      ['twice in one batch', [call(9, 'ping'), call(9, 'ping')]],
    ];
    for (const [why, body] of rows) {
      const { status, body: problem } = await post(url, body, headers);
      assert.equal(status, 400, why);
      assert.match(problem, /in flight/, why);
    }
    const other = await post(url, call('7', 'ping'), headers);
    assert.ok(other.status < 300, 'a string is another id than the number');
    await assertServes(target);
    void first;
  }
  assert.equal(calls.seen.length, 5, 'initialize, two calls, two pings: none of a refused batch');
});

function asked(body: string, headers: Headers) {
  return { method: 'POST', headers: { ...postHeaders, ...headers }, body };
}

test('a session id that every object has names no session', soon, async t => {
  const target = await startServer(t);
  for (const id of [
    '__proto__',
    'constructor',
    'toString',
    'x'.repeat(5_000),
    '../items',
    'null',
  ]) {
    const headers = { 'Mcp-Session-Id': id };
    const answers = [
      await post(target.url, call(1, 'ping'), headers),
      await ask(target.url, { headers: { ...headers, Accept: 'text/event-stream' } }),
      await ask(target.url, { method: 'DELETE', headers }),
      await post(`${target.url}/messages?sessionId=${id}`, call(1, 'ping')),
    ];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [404, 404, 404, 404],
      id,
    );
    await assertServes(target);
  }
  assert.equal((await post(`${target.url}/messages`, call(1, 'ping'))).status, 404, 'none named');
});

test('somebody else’s session is unknown, though its id was seen', soon, async t => {
  const [mine, theirs] = ['m'.repeat(32), 't'.repeat(32)];
  const target = await startServer(t, { tokens: [mine, theirs] });
  const as = (token: string) => ({ Authorization: `Bearer ${token}` });
  const session = await openSession(target.url, as(mine));
  const stream = await openSse(t, `${target.url}/sse`, as(mine));
  const stolen = [
    await post(target.url, toolCall(1, 'get_items'), { ...session, ...as(theirs) }),
    await ask(target.url, { method: 'DELETE', headers: { ...session, ...as(theirs) } }),
    await post(stream.messages, toolCall(1, 'get_items'), as(theirs)),
  ];
  assert.deepEqual(
    stolen.map(({ status }) => status),
    [404, 404, 404],
  );
  assert.equal((await post(target.url, call(1, 'ping'), session)).status, 200);
});

test('keys that reach for a prototype change none', soon, async t => {
  const target = await startServer(t);
  target.release();
  const session = await openSession(target.url);
  const evil = '"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}';
  const params = (rest: string) => `"params":{${evil},${rest}}`;
  const rows: [attack: string, body: string, answer: RegExp][] = [
    ['in the message', `{"jsonrpc":"2.0","id":1,"method":"ping",${evil}}`, /JSON-RPC|"result"/],
    [
      'in the params',
      `{"jsonrpc":"2.0","id":1,"method":"tools/list",${params('"x":1')}}`,
      /"tools"/,
    ],
    [
      'in the arguments',
      `{"jsonrpc":"2.0","id":1,"method":"tools/call",${params(`"name":"add_item","arguments":{"name":"Milk",${evil}}`)}}`,
      /isError|"error"/,
    ],
    ['as the method', '{"jsonrpc":"2.0","id":1,"method":"__proto__"}', /-32601/],
    ['as the tool', JSON.stringify(toolCall(1, '__proto__')), /isError|"error"/],
    ['as another tool', JSON.stringify(toolCall(1, 'constructor')), /isError|"error"/],
    ['as the prompt', JSON.stringify(call(1, 'prompts/get', { name: 'constructor' })), /"error"/],
    [
      'as the resource',
      JSON.stringify(call(1, 'resources/read', { uri: '__proto__:x' })),
      /"error"/,
    ],
    ['as the id', '{"jsonrpc":"2.0","id":"__proto__","method":"ping"}', /"id":"__proto__"/],
    ['an id that is an object', '{"jsonrpc":"2.0","id":{},"method":"ping"}', /no JSON-RPC/],
  ];
  for (const [attack, body, answer] of rows) {
    assert.match((await ask(target.url, asked(body, session))).body, answer, attack);
    await assertServes(target);
  }
  const added = await ask(`${target.origin}/items/`, asked(`{"name":"Milk",${evil}}`, {}));
  assert.equal(added.status, 422, 'and the web door names the fields');
  assert.equal(Reflect.get({}, 'polluted'), undefined);
  assert.doesNotMatch((await ask(`${target.origin}/items/`)).body, /Milk|polluted/);
});

test(
  'a connection that is reset in the middle of a call ends no more than itself',
  soon,
  async t => {
    const target = await startServer(t);
    const calls = eventsOf<ReceivedEvent>(t, received);
    const gone = eventsOf<SessionEvent>(t, closed);
    const session = await openSession(target.url);

    const legacy = openRaw(t, target.port);
    legacy.send(requestOf('GET /mcp/sse HTTP/1.1', host));
    const endpoint = await new Promise<string>(done => {
      legacy.socket.on('data', text => /data: (\S+)/.test(String(text)) && done(String(text)));
    });
    const [, messages = ''] = /data: (\S+)/.exec(endpoint) ?? [];
    await post(target.origin + messages, toolCall(1, 'add_item', { name: 'Milk' }));

    const calling = openRaw(t, target.port);
    calling.send(postOf('/mcp', JSON.stringify(toolCall(1, 'add_item', { name: 'Tea' })), session));
    const posting = openRaw(t, target.port);
    posting.send(headOf('/mcp', { ...session, 'Content-Length': '100' }));
    await calls.until(({ length }) => length === 3);

    for (const { socket } of [legacy, calling, posting]) socket.resetAndDestroy();
    await gone.until(({ length }) => length === 1);
    await assertServes(target);
    assert.equal(
      await sessionsAt(target),
      1,
      'the session of the stream is gone, the other is not',
    );

    target.release();
    const list = await post(target.url, toolCall(2, 'get_items'), session);
    assert.match(JSON.stringify(messagesIn(list)), /Milk.*Tea/, 'what was accepted is done');
    const headers = { ...session, Accept: 'text/event-stream', 'Last-Event-ID': '2.0' };
    assert.match((await ask(target.url, { headers })).body, /Tea/, 'and its answer can be had');
  },
);

// Short enough to be waited for.
const hasty = { headersTimeout: 150, requestTimeout: 300, connectionsCheckingInterval: 20 };

test('a head or a body that comes drop by drop is cut, while others are served', soon, async t => {
  const target = await startServer(t, {}, hasty);
  const session = await openSession(target.url);
  const long = { 'Content-Length': '1000' };
  const starts: [why: string, bytes: string][] = [
    ['half a line', 'GET /items/ HT'],
    ['half a head', `GET /items/ HTTP/1.1\r\n${host}\r\nX-Slow: `],
    ['a body', headOf('/mcp', { ...session, ...long }) + ping],
    [
      'a body of unknown length',
      `${headOf('/mcp', { ...session, 'Transfer-Encoding': 'chunked' })}fff\r\n${ping}`,
    ],
    ['a body for the list', `${headOf('/items/', long)}{"name":`],
    ['a second request, half sent', `${postOf('/mcp', ping, session)}POST /mcp HT`],
  ];
  const slow = starts.flatMap(([why, bytes]) =>
    Array.from({ length: 10 }, () => ({ why, bytes, raw: openRaw(t, target.port) })),
  );
  const drops = slow.map(({ bytes, raw }) => {
    raw.send(bytes);
    const drip = setInterval(() => raw.socket.writable && raw.send(' '), 25);
    void raw.closed.then(() => clearInterval(drip));
    return raw.closed;
  });
  await assertServes(target);
  const begun = performance.now();
  await Promise.all(drops);
  assert.ok(performance.now() - begun < soonMs, 'none was kept for its whole time');
  await assertServes(target);
  for (const { why, raw } of slow) {
    const first = why === 'a second request, half sent' ? 200 : 408;
    // A drop that comes after the end resets the connection, and with it the answer may be lost.
    const status = await raw.answer.then(answer => answer.status).catch(() => first);
    // A space may also be what makes a half line no HTTP.
    assert.ok([first, 400].includes(status), `${why}: ${status}`);
  }
  assert.equal(await sessionsAt(target), 1);
});

test(
  'of 5,000 opens all but the cap are told to come again, and those inside are served',
  soon,
  async t => {
    const maxSessions = 40;
    // on a busy machine this takes longer than a client is given to go on after its initialize
    const handshakeMs = 600_000;
    const target = await startServer(t, { mcp: { maxSessions, handshakeMs } });
    const session = await openSession(target.url);
    const stream = await openSse(t, `${target.url}/sse`);
    const statuses: Record<string, number> = {};
    const agent = new Agent({ keepAlive: true, maxSockets: 100 });
    t.after(() => agent.destroy());
    let left = 5_000;
    const openOne = async () => {
      while (left-- > 0) {
        const res = await openWith(agent, target.url, left % 2 === 0 ? 'sse' : 'streamable');
        const { statusCode = 0, headers } = res;
        const key = `${statusCode}${headers['retry-after'] ? ', come again' : ''}`;
        statuses[key] = (statuses[key] ?? 0) + 1;
        if (headers['content-type'] !== 'text/event-stream') await drained(res);
        else res.on('error', () => {}).resume(); // held open; cut when the test ends
      }
    };
    await Promise.all(Array.from({ length: 50 }, openOne));
    assert.deepEqual(statuses, {
      200: maxSessions - 2,
      '503, come again': 5_000 - maxSessions + 2,
    });
    assert.equal(await sessionsAt(target), maxSessions);

    assert.equal((await post(target.url, call(1, 'ping'), session)).status, 200);
    assert.equal((await post(stream.messages, call(1, 'ping'))).status, 202);
    assert.deepEqual((await stream.message()).message, { jsonrpc: '2.0', id: 1, result: {} });
    await assertServes(target);
  },
);

function openWith(agent: Agent, url: string, transport: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { ...postHeaders };
    const req =
      transport === 'sse'
        ? get(`${url}/sse`, { agent }, resolve)
        : request(url, { agent, method: 'POST', headers }, resolve);
    req.on('error', reject).end(transport === 'sse' ? undefined : JSON.stringify(initialize()));
  });
}

function drained(res: IncomingMessage): Promise<void> {
  return new Promise(done => res.once('end', done).resume());
}
