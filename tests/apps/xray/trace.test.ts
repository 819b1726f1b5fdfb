/** What shows requests: steps, the access log, the watchdog, the live events. And what stays hidden. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, get, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import * as mcpChannels from '../../../apps/mcp/channels.ts';
import { keepAlive } from '../../../apps/mcp/stream.ts';
import { xray } from '../../../apps/xray/app.ts';
import { accessLog, type LogFormat } from '../../../apps/xray/log.ts';
import { OpenCalls } from '../../../apps/xray/open-calls.ts';
import { record } from '../../../apps/xray/record.ts';
import { type Exchange, observe, type Step } from '../../../apps/xray/steps.ts';
import { type StuckSession, watchHandshakes } from '../../../apps/xray/watchdog.ts';
import type { Batch, WireStep } from '../../../apps/xray/wire-step.ts';
import { refused } from '../../../guard.ts';
import { answered, matched, type RequestEvent } from '../../../http/channels.ts';
import { problemSent } from '../../../http/problem.ts';
import { redact, shortId } from '../../../http/redact.ts';
import { createRouter } from '../../../router.ts';
import { type AppOptions, createApp } from '../../../server.ts';
import { memoryStore, type Store } from '../../../store.ts';
import { connect, serve } from '../../support.ts';
import {
  ask,
  call,
  initialize,
  openSession,
  openSse,
  openStream,
  post,
  toolCall,
} from '../mcp/wire.ts';

const token = 'a-token-for-this-test';
const { opened, closed, received, sent, streaming } = mcpChannels;
const channels = [
  ...[matched, problemSent, refused],
  ...[opened, closed, received, sent, streaming],
];

/** The whole server, below `prefix`; closed when the test ends, so that no listener outlives it. */
async function serveApp(t: TestContext, options: AppOptions = {}, prefix = ''): Promise<string> {
  const app = createApp(memoryStore(), options);
  t.after(() => app.close?.());
  return serve(t, prefix === '' ? app : createRouter().mount(prefix, app));
}

/** Things that are told later, and a wait for them. */
function collection<T>() {
  const all: T[] = [];
  let check = () => {};
  return {
    all,
    add(one: T): void {
      all.push(one);
      check();
    },
    /** The first that fits, as soon as it is there. */
    first(fits: (one: T) => boolean): Promise<T> {
      return new Promise(done => {
        check = () => {
          const found = all.find(fits);
          if (found !== undefined) done(found);
        };
        check();
      });
    },
  };
}

type ToldStep = Step & { exchange: Exchange };

function steps(t: TestContext) {
  const { all, add, first } = collection<ToldStep>();
  const ended: string[] = [];
  const stop = observe({
    step: (step, exchange) => add({ ...step, exchange }),
    sessionClosed: id => ended.push(id),
  });
  t.after(stop);
  const of = ({ id }: Exchange) => all.filter(step => step.exchange.id === id);
  /** All of the exchange with this target, once it is answered. */
  const answeredTo = async (target: string) =>
    of(
      (await first(({ kind, exchange }) => kind === 'answered' && exchange.target === target))
        .exchange,
    );
  return { all, first, of, answeredTo, ended, stop };
}

function sessionOf({ messages }: { messages: string }): string {
  return new URL(messages).searchParams.get('sessionId') ?? '';
}

/** In a word or two, for comparing. */
function brief(step: Step): string {
  if (step.kind === 'matched') {
    const { rootPath, match } = step;
    if (match.kind === 'mount') return `${rootPath || '/'}: mount ${match.mount.prefix || '/'}`;
    if (match.kind === 'route')
      return `${rootPath || '/'}: ${match.route.method} ${match.route.path}`;
    return `${rootPath || '/'}: ${match.kind}`;
  }
  if (step.kind === 'refused') return `refused by ${step.by}: ${step.status}`;
  if (step.kind === 'message') return `message ${methodOf(step.message)}`;
  if (step.kind === 'frame') return `frame ${step.frame.split('\n', 1)[0]}`;
  if (step.kind === 'opened') return `opened ${step.transport}`;
  if (step.kind === 'answered') return `answered ${step.status}`;
  return step.kind;
}

function methodOf(message: object): string {
  return 'method' in message ? String(message.method) : 'answer';
}

// --- steps

test('a request is seen at each router, where it is refused, and once when it is answered', async t => {
  const origin = await serveApp(t, { tokens: [token] }, '/a');
  const { answeredTo } = steps(t);
  const auth = { Authorization: `Bearer ${token}` };
  const rows: [why: string, path: string, headers: Record<string, string>, way: string[]][] = [
    ['a route', '/a/items/', auth, ['/: mount /a', '/a: GET /items/', 'answered 200']],
    [
      'a guard on a route',
      '/a/items/1',
      {},
      ['/: mount /a', '/a: GET /items/:id', 'refused by bearer: 401', 'answered 401'],
    ],
    [
      'a guard on a mount',
      '/a/mcp',
      {},
      ['/: mount /a', '/a: mount /mcp', 'refused by bearer: 401', 'answered 401'],
    ],
    [
      'a guard around it all',
      '/a/docs',
      { Host: 'evil.example' },
      ['/: mount /a', 'refused by hostGuard: 403', 'answered 403'],
    ],
    ['unknown to the outer router', '/b', {}, ['/: refused', 'answered 404']],
    ['unknown to the inner one', '/a/b', {}, ['/: mount /a', '/a: refused', 'answered 404']],
    [
      'unknown to a mounted app',
      '/a/mcp/b',
      auth,
      ['/: mount /a', '/a: mount /mcp', '/a/mcp: refused', 'answered 404'],
    ],
    ['ambiguous', '/a/%2f', {}, ['/: refused', 'answered 400']],
    [
      'a handler',
      '/a/items/99',
      auth,
      ['/: mount /a', '/a: GET /items/:id', 'refused by handler: 404', 'answered 404'],
    ],
    [
      'a handler in a mounted app',
      '/a/mcp?as=text',
      { ...auth, Accept: 'text/plain' },
      ['/: mount /a', '/a: mount /mcp', '/a/mcp: GET /', 'refused by handler: 406', 'answered 406'],
    ],
  ];
  for (const [why, path, headers, way] of rows) {
    await ask(origin + path, { headers });
    assert.deepEqual((await answeredTo(path)).map(brief), ['request', ...way], why);
  }
});

test('a request that no router sees is seen all the same', async t => {
  const origin = await serveApp(t);
  const { answeredTo } = steps(t);
  await ask(`${origin}/items/`, { headers: { Host: 'evil.example' } });
  const way = await answeredTo('/items/');
  assert.deepEqual(way.map(brief), ['request', 'refused by hostGuard: 403', 'answered 403']);
});

test('an exchange ends up with the innermost split', async t => {
  const origin = await serveApp(t, {}, '/a');
  const { answeredTo } = steps(t);
  await ask(`${origin}/a/mcp/messages?sessionId=1`, { method: 'POST' });
  const [first] = await answeredTo('/a/mcp/messages?sessionId=1');
  const { rootPath, url, method, target } = first?.exchange ?? {};
  assert.deepEqual(
    { rootPath, url, method, target },
    {
      rootPath: '/a/mcp',
      url: '/messages?sessionId=1',
      method: 'POST',
      target: '/a/mcp/messages?sessionId=1',
    },
  );
});

test('an exchange with a mounted app that is no router is split there', async t => {
  const app = createRouter().mount('/b', (_req, res) => res.end());
  const origin = await serve(t, createRouter().mount('/a', app));
  const { answeredTo } = steps(t);
  await ask(`${origin}/a/b/c`);
  const [first] = await answeredTo('/a/b/c');
  assert.deepEqual([first?.exchange.rootPath, first?.exchange.url], ['/a/b', '/c']);
});

test('SSE: the stream, the message on one connection, its answer as a frame on the other', async t => {
  const url = `${await serveApp(t)}/mcp`;
  const { first, of, answeredTo, ended, all } = steps(t);
  const stream = await openSse(t, `${url}/sse`);
  await post(stream.messages, initialize());
  const { message } = await stream.message();
  const target = new URL(stream.messages).pathname + new URL(stream.messages).search;
  assert.deepEqual((await answeredTo(target)).map(brief), [
    'request',
    '/: mount /mcp',
    '/mcp: POST /messages',
    'message initialize',
    'answered 202',
  ]);
  const answer = await first(step => step.kind === 'frame' && step.message !== undefined);
  assert.ok(answer.kind === 'frame');
  assert.deepEqual(JSON.parse(JSON.stringify(answer.message)), message);
  stream.cut();
  await first(step => step.kind === 'answered' && step.exchange === answer.exchange);
  assert.deepEqual(of(answer.exchange).map(brief), [
    'request',
    '/: mount /mcp',
    '/mcp: GET /sse',
    'opened sse',
    'stream',
    'frame event: endpoint',
    'frame event: message',
    'answered 200',
  ]);
  const sessions = all.flatMap(step => ('sessionId' in step ? [step.sessionId] : []));
  assert.equal(new Set(sessions).size, 1);
  assert.deepEqual(ended, [sessions[0]], 'its end is told once');
});

test('Streamable HTTP: the answer is a frame on the connection that asked', async t => {
  const url = `${await serveApp(t)}/mcp`;
  const { all, first, ended } = steps(t);
  const session = await openSession(url);
  await post(url, call(2, 'tools/list'), session);
  await post(url, call(3, 'ping'), { ...session, Accept: 'application/json' });
  await ask(url, { method: 'DELETE', headers: session });
  await first(({ kind, exchange }) => kind === 'answered' && exchange.method === 'DELETE');
  const way = ['request', '/: mount /mcp', '/mcp: POST /'];
  const ids = [...new Set(all.map(step => step.exchange.id))];
  const [opening, list, ping, end] = ids.map(id =>
    all.filter(step => step.exchange.id === id).map(brief),
  );
  const frame = 'frame event: message';
  assert.deepEqual(opening?.slice(0, 5), [...way, 'opened streamable', 'stream']);
  assert.deepEqual(opening?.slice(-2), [frame, 'answered 200']);
  assert.deepEqual(list?.slice(0, 4), [...way, 'stream']);
  assert.deepEqual(list?.slice(-2), [frame, 'answered 200']);
  assert.ok(list?.includes('message tools/list'));
  assert.equal(ping?.[3], 'message ping', 'one JSON body is no stream');
  assert.match(ping?.[4] ?? '', /^frame \{"/);
  assert.equal(ping?.[5], 'answered 200');
  assert.deepEqual(end, ['request', '/: mount /mcp', '/mcp: DELETE /', 'answered 204']);
  assert.equal(ended.length, 1);
});

test('a ping is a frame like any other', async t => {
  const url = `${await serveApp(t, { mcp: { keepAliveMs: 10 } })}/mcp/sse`;
  const { first } = steps(t);
  await openStream(t, url);
  await first(step => step.kind === 'frame' && step.frame === ': ping\n\n');
});

test('a stream that ended before its reader took all of it gets no ping', async t => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const errors: Error[] = []; // unheard, they would end the process
  const responses = collection<ServerResponse>();
  const origin = await serve(t, (_req, res) => {
    keepAlive(res, 10);
    res.on('error', error => errors.push(error)).write('x'.repeat(32 * 1024 * 1024));
    res.end();
    responses.add(res);
  });
  await openStream(t, origin); // which does not read
  const res = await responses.first(Boolean);
  t.mock.timers.tick(10);
  await new Promise(setImmediate);
  assert.ok(!res.writableFinished, 'more than the connection holds');
  assert.deepEqual(errors, []);
});

test('every request is answered once, whatever becomes of it', async t => {
  const origin = await serveApp(t, {}, '/a');
  const { all, first } = steps(t);
  for (const path of [
    '/',
    '/a/',
    '/a/items/',
    '/a/items/99',
    '/a/mcp',
    '/a/nowhere',
    '/a/%00',
    '/a/docs',
  ])
    for (const headers of [{}, { Host: 'evil.example' }]) await ask(origin + path, { headers });
  await ask(`${origin}/last`);
  await first(({ kind, exchange }) => kind === 'answered' && exchange.target === '/last');
  const count = (kind: Step['kind']) => all.filter(step => step.kind === kind).length;
  assert.equal(count('request'), 17);
  assert.equal(count('answered'), 17);
  assert.equal(new Set(all.map(step => step.exchange.id)).size, 17);
});

test('an answer that its client did not wait for is not whole', async t => {
  const router = createRouter().get('/slow', req => void req.socket.destroy());
  const origin = await serve(t, router);
  const { first } = steps(t);
  await assert.rejects(ask(`${origin}/slow`));
  const end = await first(step => step.kind === 'answered');
  assert.ok(end.kind === 'answered' && !end.whole);
});

test('bytes are those of the one response, on a connection that had others before', async t => {
  const origin = await serveApp(t);
  const { all, first } = steps(t);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  for (const path of ['/items/', '/items/1']) {
    const [res] = await once(get(origin + path, { agent }), 'response');
    await text(res);
    await first(({ kind, exchange }) => kind === 'answered' && exchange.target === path);
  }
  const [list, one] = all.flatMap(step => (step.kind === 'answered' ? [step] : []));
  assert.equal(list?.exchange.req.socket, one?.exchange.req.socket);
  assert.ok(list && one && list.bytes > one.bytes, `${list?.bytes} and ${one?.bytes} bytes`);
  assert.ok(one.bytes > 100, 'head and body');
});

test('nothing is published when nobody listens, and nobody is left when observing ends', async t => {
  const listeners = () =>
    channels.filter(channel => channel.hasSubscribers).map(({ name }) => name);
  assert.deepEqual(listeners(), []);
  const app = createApp(memoryStore());
  const origin = await serve(t, app);
  assert.deepEqual(listeners(), [], 'an app alone');

  const stops = [observe({ step() {} }), accessLog('text', () => {}), watchHandshakes(() => {})];
  assert.deepEqual(
    listeners(),
    channels.map(({ name }) => name),
  );
  await ask(`${origin}/items/`);
  for (const stop of stops) stop();
  assert.deepEqual(listeners(), [], 'all have stopped');
});

test('whoever has stopped hears nothing more of what is under way', async t => {
  const { all, stop } = steps(t);
  let isOver: Promise<unknown> | undefined;
  const router = createRouter().get('/slow', (_req, res) => {
    isOver = once(res, 'close'); // heard of after all others
    stop();
    res.end();
  });
  await ask(`${await serve(t, router)}/slow`);
  await isOver;
  assert.deepEqual(
    all.map(({ kind }) => kind),
    ['request', 'matched'],
  );
});

test('of a client that has left already the steps come in their order', async t => {
  const { all, first } = steps(t);
  const router = createRouter().get('/late', () => {});
  const client = new AbortController();
  const origin = await serve(t, async (req, res) => {
    client.abort();
    await once(res, 'close');
    await router(req, res);
  });
  await assert.rejects(fetch(`${origin}/late`, { signal: client.signal }));
  await first(({ kind }) => kind === 'answered');
  assert.deepEqual(
    all.map(({ kind }) => kind),
    ['request', 'matched', 'answered'],
  );
});

test('the end of a request is told once, and not of one that came while nobody listened', async t => {
  const ends: string[] = [];
  const tell = (event: unknown) => ends.push((event as RequestEvent).req.url ?? '');
  let finish = () => {};
  const inner = createRouter()
    .get('/now', (_req, res) => res.end())
    .get('/slow', (_req, res) => {
      finish = () => res.end();
    });
  const origin = await serve(t, createRouter().mount('/in', inner));
  const { first } = steps(t);
  const slow = ask(`${origin}/in/slow`);
  await first(({ kind }) => kind === 'matched');
  answered.subscribe(tell);
  t.after(() => answered.unsubscribe(tell));
  await ask(`${origin}/in/now`);
  await ask(`${origin}/nowhere`);
  finish();
  await slow;
  await ask(`${origin}/in/now`);
  assert.deepEqual(ends, ['/now', '/nowhere', '/now']);
});

test('the x-ray listens from the start, and no more once the app is closed', async t => {
  const app = createApp(memoryStore(), { xray: true });
  await serve(t, app);
  const perRequest = [matched, refused, sent, streaming];
  assert.ok(
    perRequest.every(channel => channel.hasSubscribers),
    'before anybody looks',
  );
  assert.ok(!answered.hasSubscribers, 'which tells of each request, also of those not kept');
  await app.close?.();
  assert.ok(
    channels.every(channel => !channel.hasSubscribers),
    'afterwards',
  );
});

// --- the access log

function log(t: TestContext, format: LogFormat, colour = false) {
  const { all, add, first } = collection<string>();
  t.after(accessLog(format, add, { colour }));
  return { lines: all, line: (pattern: RegExp) => first(line => pattern.test(line)) };
}

test('the log has a line a request: where it was split, and what became of it', async t => {
  const origin = await serveApp(t);
  const { line } = log(t, 'text');
  await ask(`${origin}/items/?page=1`);
  assert.match(
    await line(/items/),
    /^\d\d:\d\d:\d\d {2}GET +\/items\/\?page=1 +200 {2}[\d.]+ ms {2}\d+ B\n$/,
  );
  await ask(`${origin}/mcp/nowhere`);
  assert.match(
    await line(/nowhere/),
    /^[\d:]+ {2}GET +\/mcp \| \/nowhere +404 {2}[\d.]+ ms {2}\d+ B\n$/,
  );
  await ask(`${origin}/docs`, { headers: { Host: 'evil.example' } });
  assert.match(await line(/docs/), /^[\d:]+ {2}GET +\/docs +403 {2}[\d.]+ ms {2}\d+ B\n$/);
});

test('in JSON the same line has the original path, mount and rest', async t => {
  const origin = await serveApp(t, {}, '/a');
  const { line } = log(t, 'json');
  await ask(`${origin}/a/mcp/nowhere?x`);
  const { time, ms, bytes, ...entry } = JSON.parse(await line(/nowhere/));
  assert.deepEqual(entry, {
    method: 'GET',
    path: '/a/mcp/nowhere?x',
    mount: '/a/mcp',
    url: '/nowhere?x',
    status: 404,
  });
  assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000);
  assert.ok(ms >= 0 && bytes > 60);
});

test('of a session whose calls are all answered the log keeps nothing', () => {
  const calls = new OpenCalls();
  for (const id of [1, 2]) calls.add('a', { jsonrpc: '2.0', id, method: 'ping' });
  assert.equal(calls.take('a', 1)?.name, 'ping');
  assert.equal(calls.bySession.size, 1);
  calls.take('a', 2);
  assert.equal(calls.bySession.size, 0);
  assert.equal(calls.take('a', 2), undefined);
});

test('a stream has a line when it opens and one, with its duration, when it closes', async t => {
  const url = `${await serveApp(t)}/mcp`;
  const { lines, line } = log(t, 'json');
  const stream = await openSse(t, `${url}/sse`);
  const opens = JSON.parse(await line(/"stream":"opens"/));
  const session = shortId(sessionOf(stream));
  const { time, ...entry } = opens;
  assert.deepEqual(entry, {
    method: 'GET',
    path: '/mcp/sse',
    mount: '/mcp',
    url: '/sse',
    session,
    stream: 'opens',
  });

  await post(stream.messages, initialize());
  const posted = JSON.parse(await line(/"method":"POST"/));
  assert.deepEqual([posted.rpc, posted.session, posted.status], ['initialize', session, 202]);
  while (Date.now() < Date.parse(time) + 20) await ask(url.replace('/mcp', '/healthz'));

  stream.cut();
  const closes = JSON.parse(await line(/"stream":"closes"/));
  assert.deepEqual([closes.session, closes.status, closes.path], [session, 200, '/mcp/sse']);
  const open = Date.parse(closes.time) - Date.parse(time);
  assert.ok(closes.ms > open - 5 && closes.ms < open + 1_000, `${closes.ms} ms, not ${open}`);
  const ofStream = lines.map(text => JSON.parse(text)).filter(({ path }) => path === '/mcp/sse');
  assert.deepEqual(
    ofStream.map(({ stream }) => stream),
    ['opens', 'answers', 'closes'],
  );
});

test('as text the two lines of a stream say so', async t => {
  const url = `${await serveApp(t)}/mcp`;
  const { line } = log(t, 'text');
  const stream = await openSse(t, `${url}/sse`);
  assert.match(
    await line(/opens/),
    /^[\d:]+ {2}GET +\/mcp \| \/sse +stream opens {2}session [0-9a-f]{8}…\n$/,
  );
  stream.cut();
  assert.match(
    await line(/closes/),
    /^[\d:]+ {2}GET +\/mcp \| \/sse +200 {2}[\d.]+ ms {2}\d+ B {2}stream closes {2}session [0-9a-f]{8}…\n$/,
  );
});

test('bytes are those of the body, and none where there is none', async t => {
  const origin = await serveApp(t);
  const { line } = log(t, 'json');
  const { body } = await ask(`${origin}/items/`);
  assert.equal(JSON.parse(await line(/GET.*items/)).bytes, Buffer.byteLength(body));
  await ask(`${origin}/items/`, { method: 'HEAD' });
  assert.equal(JSON.parse(await line(/HEAD/)).bytes, 0);
  await ask(`${origin}/items/`, { method: 'OPTIONS' });
  assert.equal(JSON.parse(await line(/OPTIONS/)).bytes, 0);
});

test('an answer that leaves on the stream has a line, which names its call and how long it took', async t => {
  const url = `${await serveApp(t)}/mcp`;
  const [texts, { lines, line }] = [log(t, 'text'), log(t, 'json')];
  const stream = await openSse(t, `${url}/sse`);
  await post(stream.messages, initialize());
  await post(stream.messages, toolCall(7, 'get_items'));
  const { time, ms, bytes, ...entry } = JSON.parse(await line(/"id":7/));
  assert.deepEqual(entry, {
    method: 'GET',
    path: '/mcp/sse',
    mount: '/mcp',
    url: '/sse',
    stream: 'answers',
    id: 7,
    rpc: 'tools/call get_items',
    session: shortId(sessionOf(stream)),
  });
  assert.ok(ms >= 0 && bytes > 100 && Date.parse(time) > 0);
  const answers = lines.filter(text => text.includes('"stream":"answers"'));
  assert.equal(answers.length, 2, 'of initialize and of the call');
  assert.match(
    await texts.line(/id 7/),
    /^[\d:]+ {2}GET +\/mcp \| \/sse +answer to id 7 {2}[\d.]+ ms {2}\d+ B {2}tools\/call get_items {2}session [0-9a-f]{8}…\n$/,
  );
});

test('colours say the prefix and the kind of answer, and nothing a client sends makes one', async t => {
  const origin = await serveApp(t);
  const { line } = log(t, 'text', true);
  await ask(`${origin}/mcp/nowhere`);
  const text = await line(/nowhere/);
  for (const part of ['\x1b[36m/mcp\x1b[0m | /nowhere', '\x1b[33m404\x1b[0m'])
    assert.ok(text.includes(part), text);
  const session = await openSession(`${origin}/mcp`);
  await post(`${origin}/mcp`, call(1, '\x1b[31mforged'), session);
  assert.match(await line(/forged/), /\\u001b\[31mforged/);
});

test('a Streamable call has one line, which names its JSON-RPC methods and session', async t => {
  const url = `${await serveApp(t)}/mcp`;
  const session = await openSession(url, {}, '2025-03-26');
  const { lines, line } = log(t, 'json');
  await post(url, [call(1, 'ping'), toolCall(2, 'get_items')], session);
  const entry = JSON.parse(await line(/ping/));
  assert.equal(entry.rpc, 'ping,tools/call get_items');
  assert.equal(entry.session, shortId(session['Mcp-Session-Id'] ?? ''));
  assert.equal(lines.length, 1);
});

test('no session id and no token is logged or shown whole, wherever it stands', async t => {
  const options: AppOptions = { tokens: [token], xray: true };
  const origin = await serveApp(t, options);
  const auth = { Authorization: `Bearer ${token}` };
  const texts = [log(t, 'text'), log(t, 'json')];
  const viewer = await look(t, origin, auth);

  const session = await openSession(`${origin}/mcp`, auth);
  const stream = await openSse(t, `${origin}/mcp/sse`, auth);
  const ids = [session['Mcp-Session-Id'] ?? '', sessionOf(stream)];
  await post(stream.messages, toolCall(1, 'add_item', { name: `Bearer ${token}` }), auth);
  await post(`${origin}/mcp`, toolCall(1, 'add_item', { name: ids.join(' ') }), session);
  for (const secret of [token, ...ids])
    for (const [path, headers] of carriersOf(secret))
      await ask(origin + path, { method: 'POST', headers });
  stream.cut();
  await ask(`${origin}/last`, { headers: auth }); // what comes without is shown to nobody

  await viewer.event('steps', data => data.includes('/last'));
  for (const { line } of texts) await line(/last/);
  const shown = [
    ...texts.flatMap(({ lines }) => lines),
    ...viewer.seen.flatMap(({ event, data }) => (event === 'panel' ? [] : [data])),
  ].join('\n');
  for (const secret of [token, ...ids]) assert.ok(!shown.includes(secret), `${secret} is shown`);
  assert.ok(
    shown.includes(shortId(ids[0] ?? '')) && shown.includes(shortId(ids[1] ?? '')),
    'short ids are',
  );
});

/** Requests with the secret in different places. Fewer than the page would leave out as too many. */
function carriersOf(secret: string): [path: string, headers: Record<string, string>][] {
  const known = { Authorization: `Bearer ${token}`, 'Mcp-Session-Id': secret };
  return [
    [`/mcp/messages?sessionId=${secret}`, known],
    [`/mcp?access_token=${secret}`, known],
    [`/items/?page=1&api_key=${secret}&x=1`, known],
    [`/nowhere?token=${secret}`, known],
    [`/%2f?sessionId=${secret}`, known],
    [`/mcp/messages?sessionId=${secret}`, { ...known, Host: 'evil.example' }],
    [`/mcp/messages?sessionId=${secret}`, { ...known, Authorization: `Bearer ${secret}` }],
    [`/mcp?key=${secret}`, { ...known, Authorization: `Basic ${secret}` }],
  ];
}

test('what is redacted, and what is left', () => {
  const id = '0F1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0';
  const rows: [why: string, text: string, shown: string][] = [
    ['a session id anywhere', `a ${id} b`, `a ${shortId(id)} b`],
    [
      'in an endpoint event',
      `data: /x?sessionId=${id}\n\n`,
      `data: /x?sessionId=${shortId(id)}\n\n`,
    ],
    [
      'one of another server, of any form',
      '/x?sessionId=abc&y=1',
      `/x?sessionId=${shortId('abc')}&y=1`,
    ],
    [
      'one that stands in a path',
      `data: /messages/${'0123456789abcdef'.repeat(2)}\n\n`,
      'data: /messages/01234567…\n\n',
    ],
    [
      'one of two parts, none of which is a node',
      `/x?sessionId=${'s'.repeat(57)}.v1`,
      '/x?sessionId=ssssssss…',
    ],
    ['a bearer token', 'Authorization: bearer abc.DEF-_~+/==', 'Authorization: bearer …'],
    ['a basic one', 'Basic dXNlcjpwYXNz', 'Basic …'],
    ['a token in a query', '/x?access_token=abc&page=2', '/x?access_token=…&page=2'],
    ['by other names', '/x?a=1&api_key=k&client-secret=s', '/x?a=1&api_key=…&client-secret=…'],
    ['in JSON', '{"url":"/x?token=abc"}', '{"url":"/x?token=…"}'],
    ['nothing else', '/items/?page=1&tokens=2', '/items/?page=1&tokens=2'],
  ];
  for (const [why, text, shown] of rows) assert.equal(redact(text), shown, why);
});

test('a method of any name and length can neither forge a line nor fill the log', async t => {
  const url = `${await serveApp(t)}/mcp`;
  const session = await openSession(url);
  const { lines, line } = log(t, 'text');
  const method = `x\nGET     /forged  200\r\x1b[2J\u2028\u202e${'y'.repeat(100_000)}`;
  await post(url, call(1, method), session);
  const text = await line(/POST/);
  assert.ok(text.length < 400, `${text.length} characters`);
  assert.match(text, /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*\n$/u);
  assert.equal(lines.length, 1);
});

// --- the watchdog

test('a stream that gets no message yields one line with the likely causes, after five seconds', async t => {
  const url = `${await serveApp(t)}/mcp`;
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const told: StuckSession[] = [];
  t.after(watchHandshakes(stuck => told.push(stuck)));
  const stream = await openSse(t, `${url}/sse`);
  t.mock.timers.tick(4_999);
  assert.equal(told.length, 0);
  t.mock.timers.tick(1);
  t.mock.timers.tick(60_000);
  assert.equal(told.length, 1);
  assert.equal(told[0]?.session, shortId(sessionOf(stream)));
  assert.deepEqual(
    told[0]?.causes.map(cause => /endpoint event|Streamable HTTP|curl|proxy/.exec(cause)?.[0]),
    ['endpoint event', 'Streamable HTTP', 'curl', 'proxy'],
  );
});

test('through a proxy the first suspect is the proxy', async t => {
  const url = `${await serveApp(t)}/mcp/sse`;
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const told: StuckSession[] = [];
  t.after(watchHandshakes(stuck => told.push(stuck), 10));
  await openSse(t, url, { 'X-Forwarded-For': '192.0.2.1' });
  t.mock.timers.tick(10);
  assert.match(told[0]?.causes[0] ?? '', /^a proxy strips a path prefix/);
  assert.equal(told[0]?.causes.length, 4);
});

test('a handshake that goes on, a stream that closed and Streamable HTTP yield none', async t => {
  const url = `${await serveApp(t)}/mcp`;
  const { ended, first } = steps(t);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const told: StuckSession[] = [];
  t.after(watchHandshakes(stuck => told.push(stuck)));

  const healthy = await openSse(t, `${url}/sse`);
  await post(healthy.messages, initialize());
  await openSession(url);
  const gone = await openSse(t, `${url}/sse`);
  gone.cut();
  await first(step => step.kind === 'answered' && step.exchange.url === '/sse');
  assert.ok(ended.includes(sessionOf(gone)));
  t.mock.timers.tick(60_000);
  assert.equal(told.length, 0);
});

test('a watchdog that was stopped is silent', async t => {
  const url = `${await serveApp(t)}/mcp/sse`;
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const told: StuckSession[] = [];
  const stop = watchHandshakes(stuck => told.push(stuck));
  await openSse(t, url);
  stop();
  t.mock.timers.tick(60_000);
  assert.equal(told.length, 0);
});

// --- the live events

interface Seen {
  event: string;
  data: string;
}

/** Looks on as a page does, from after its first events. */
async function look(t: TestContext, origin: string, headers: Record<string, string> = {}) {
  const stream = await openStream(t, `${origin}/live/events`, { headers });
  assert.equal(stream.status, 200);
  const { all: seen, add, first } = collection<Seen>();
  const over = (async () => {
    for (;;) {
      const frame = await stream.next().catch(() => undefined);
      if (!frame) return;
      if (frame.event !== undefined) add({ event: frame.event, data: frame.data ?? '' });
    }
  })();
  const event = (name: string, fits: (data: string) => boolean = () => true) =>
    first(({ event, data }) => event === name && fits(data));
  await event('panel');
  return { seen, event, stream, over };
}

test('a page is told what is mounted, then the list, then the list as it changes', async t => {
  const origin = await serveApp(t);
  const { seen, event } = await look(t, origin);
  assert.equal(seen[0]?.event, 'hello');
  const { xray, tree } = JSON.parse(seen[0]?.data ?? '');
  assert.equal(xray, false);
  assert.deepEqual(
    tree.mounts.map((mount: { rootPath: string }) => mount.rootPath),
    ['/mcp', '/live'],
  );
  const items = await (await fetch(`${origin}/items/`)).json();
  assert.deepEqual(JSON.parse((await event('panel')).data), items);

  const client = await connect(t, `${origin}/mcp/sse`);
  await client.callTool({ name: 'add_item', arguments: { name: 'Oat milk' } });
  await event('panel', data => data.includes('Oat milk'));
  assert.ok(
    seen.every(({ event }) => event !== 'steps'),
    'without the x-ray no request is shown',
  );
  assert.equal((await ask(`${origin}/live/sources`)).status, 404);
});

test('what passed before anybody looked is kept and told first: the last hundred, and open streams', async t => {
  const origin = await serveApp(t, { xray: true });
  const stream = await openSse(t, `${origin}/mcp/sse`);
  await post(stream.messages, initialize());
  await stream.message();
  for (let count = 0; count < 120; count++) await ask(`${origin}/items/?n=${count}`);
  const { event } = await look(t, origin);
  const { steps }: { steps: WireStep[] } = JSON.parse((await event('past')).data);
  const targets = steps.flatMap(step => (step.kind === 'request' ? [step.target] : []));
  assert.equal(targets.filter(target => target.startsWith('/items/')).length, 100);
  assert.ok(targets.includes('/items/?n=119') && !targets.includes('/items/?n=19'));
  assert.ok(targets.includes('/mcp/sse'), 'which is older, and open');
  const frames = steps.flatMap(step =>
    step.kind === 'frame' ? [step.frame.split('\n', 1)[0]] : [],
  );
  assert.deepEqual(frames, ['event: endpoint', 'event: message']);
  const numbers = steps.map(step => step.n);
  assert.deepEqual(
    numbers,
    numbers.toSorted((a, b) => a - b),
  );
});

test('whoever comes after a rush is told how many were not kept', async t => {
  const origin = await serveApp(t, { xray: true });
  const asked = 2_000;
  for (let count = 0; count < asked; count += 50)
    await Promise.all(Array.from({ length: 50 }, () => ask(`${origin}/items/`)));
  const { event } = await look(t, origin);
  const { skipped, counts }: Batch = JSON.parse((await event('steps')).data);
  const unseen = skipped['before anybody looked'] ?? 0;
  assert.ok(unseen > 0 && unseen <= asked - 1_000, `${unseen} of ${asked}`);
  assert.equal(counts[' GET /items/'], asked);
});

test('what is kept is bounded in size, and a long message is cut', async t => {
  const origin = await serveApp(t, { xray: true });
  const session = await openSession(`${origin}/mcp`);
  const name = 'x'.repeat(200_000);
  for (let count = 0; count < 60; count++)
    await post(`${origin}/mcp`, toolCall(count, 'add_item', { name }), session);
  const { event } = await look(t, origin);
  const { data } = await event('past');
  assert.ok(data.length < 60 * 6_000, `${data.length} characters`);
  assert.match(data, /add_item/);
});

test('whose a session is, is kept of the last ten thousand', async t => {
  const router = createRouter().get('/', (req, res) => {
    for (let id = 0; id <= 10_000; id++)
      opened.publish({ sessionId: `${id}`, transport: 'sse', req });
    res.end();
  });
  const nobody = { step() {}, leftOut() {}, closed() {} };
  const recording = record(router, nobody, { own: createRouter(), outside: false });
  t.after(recording.stop);
  await ask(await serve(t, router), { headers: { Authorization: `Bearer ${token}` } });
  assert.ok(recording.ownerOf('1') && recording.ownerOf('10000'));
  assert.equal(recording.ownerOf('0'), undefined);
});

test('a session that comes again without a token is not the former token’s', async t => {
  const router = createRouter().get('/', (req, res) => {
    opened.publish({ sessionId: 'one', transport: 'sse', req });
    res.end();
  });
  const nobody = { step() {}, leftOut() {}, closed() {} };
  const recording = record(router, nobody, { own: createRouter(), outside: false });
  t.after(recording.stop);
  const origin = await serve(t, router);
  await ask(origin, { headers: { Authorization: `Bearer ${token}` } });
  assert.ok(recording.ownerOf('one'));
  await ask(origin);
  assert.equal(recording.ownerOf('one'), undefined);
});

test('counts are those of all that passed, told or not', async t => {
  const origin = await serveApp(t, { xray: true });
  const { seen, event } = await look(t, origin);
  await Promise.all(Array.from({ length: 200 }, () => ask(`${origin}/items/`)));
  await event('steps', data => JSON.parse(data).counts[' GET /items/'] === 200);
  const batches: Batch[] = seen
    .filter(({ event }) => event === 'steps')
    .map(({ data }) => JSON.parse(data));
  const told = batches.flatMap(({ steps }) => steps.filter(step => step.kind === 'request'));
  const skipped = batches.reduce((sum, batch) => sum + (batch.skipped['GET /items/'] ?? 0), 0);
  assert.equal(told.length + skipped, 200);
  assert.ok(skipped > 0);
});

test('a token is shown its own requests, and none that another was let in with', async t => {
  const tokens = [token, 'another-token-for-this-test'];
  const origin = await serveApp(t, { tokens, xray: true });
  const [mine = {}, theirs = {}] = tokens.map(one => ({ Authorization: `Bearer ${one}` }));
  await ask(`${origin}/items/?before=theirs`, { headers: theirs });
  const viewer = await look(t, origin, mine);
  await openSession(`${origin}/mcp`, theirs);
  await ask(`${origin}/items/?after=theirs`, { headers: theirs });
  await ask(`${origin}/items/?refused`);
  await ask(`${origin}/items/?last=mine`, { headers: mine });
  await viewer.event('steps', data => data.includes('last=mine'));
  const shown = viewer.seen.map(({ data }) => data).join('\n');
  assert.doesNotMatch(shown, /theirs|initialize/);
  assert.doesNotMatch(shown, /refused/, 'nobody’s is shown to nobody');
});

test('a router’s x-ray shows that router’s requests and no other’s', async t => {
  const router = createRouter().get('/ours', (_req, res) => res.end());
  const seen = xray(router);
  router.mount('/xray', seen);
  t.after(() => seen.close?.());
  const origin = await serve(t, router);
  const other = await serve(
    t,
    createRouter().get('/others', (_req, res) => res.end()),
  );
  await ask(`${other}/others`);
  await ask(`${origin}/ours`);
  const stream = await openStream(t, `${origin}/xray/events`);
  assert.equal((await stream.next())?.event, 'hello');
  const past = (await stream.next())?.data ?? '';
  assert.match(past, /\/ours/);
  assert.doesNotMatch(past, /\/others/);
  const page = await ask(`${origin}/xray`);
  assert.match(page.body, /src="\/xray\/main.js"/);
  const module = await ask(`${origin}/xray/main.js`);
  assert.match(String(module.headers['content-type']), /^text\/javascript/);
  const headers = { 'If-None-Match': String(module.headers.etag) };
  assert.equal((await ask(`${origin}/xray/main.js`, { headers })).status, 304);
});

test('the x-ray is for this machine: not under another name, and not through a proxy', async t => {
  const router = createRouter();
  const seen = xray(router);
  const open = xray(router, { remote: true });
  t.after(() => Promise.all([seen.close?.(), open.close?.()]));
  router.mount('/xray', seen).mount('/open', open);
  const origin = await serve(t, router);
  const rows: [why: string, headers: Record<string, string>, said: RegExp][] = [
    ['another name', { Host: 'list.example' }, /loopback name/],
    ['Forwarded', { Forwarded: 'for=192.0.2.1' }, /came with forwarded/],
    ['Via', { Via: '1.1 proxy' }, /came with via/],
    ['any X-Forwarded', { 'X-Forwarded-Proto': 'https' }, /came with x-forwarded-proto/],
  ];
  for (const [why, headers, said] of rows) {
    for (const path of ['/xray/events', '/xray/sources']) {
      const answer = await ask(origin + path, { headers });
      assert.equal(answer.status, 403, why);
      assert.match(answer.body, said, why);
    }
    assert.equal((await ask(`${origin}/open/sources`, { headers })).status, 200, why);
  }
});

test('with the x-ray on, steps are told, but not those of the page’s own stream', async t => {
  const origin = await serveApp(t, { xray: true });
  const { seen, event } = await look(t, origin);
  await look(t, origin); // another page
  await ask(`${origin}/mcpx`);
  await event('steps', data => data.includes('/mcpx'));
  const told = seen
    .filter(({ event }) => event === 'steps')
    .flatMap(({ data }) => JSON.parse(data).steps);
  const targets = told.flatMap(step => (step.kind === 'request' ? [step.target] : []));
  assert.deepEqual(targets, ['/mcpx']);
  const kinds = told.map(step => step.kind);
  assert.deepEqual(kinds.slice(0, 2), ['request', 'matched']);
  const { by, status, detail } = told[1];
  assert.deepEqual([by, status], ['refused', 404]);
  assert.match(detail, /a prefix ends at a segment/);
});

test('below another mount the page’s own stream is left out as well', async t => {
  const origin = `${await serveApp(t, { xray: true }, '/a/b')}/a/b`;
  const { seen, event } = await look(t, origin);
  await look(t, origin);
  await ask(`${origin}/items/`);
  await event('steps', data => data.includes('/items/'));
  const told = seen.filter(({ event }) => event === 'steps').map(({ data }) => data);
  assert.ok(told.every(data => !data.includes('/live/events')));
});

test('twenty pages look on, the next one is asked to wait, and a place is free when one leaves', async t => {
  const origin = await serveApp(t);
  const viewers = await Promise.all(Array.from({ length: 20 }, () => look(t, origin)));
  const refusal = await ask(`${origin}/live/events`);
  assert.equal(refusal.status, 503);
  assert.match(JSON.parse(refusal.body).detail, /Too many pages/);
  assert.equal((await ask(`${origin}/items/`)).status, 200);
  viewers[0]?.stream.cut();
  await lookUntilServed(t, origin);
});

// The server hears of a closed connection a moment after the client closed it.
async function lookUntilServed(t: TestContext, origin: string): Promise<void> {
  for (;;) {
    const stream = await openStream(t, `${origin}/live/events`);
    if (stream.status === 200) return;
    await stream.next();
  }
}

test('HEAD opens no stream, and takes no place of one', async t => {
  const origin = await serveApp(t, { xray: true });
  for (let count = 0; count < 25; count++)
    assert.equal((await ask(`${origin}/live/events`, { method: 'HEAD' })).status, 200);
  assert.equal((await openStream(t, `${origin}/live/events`)).status, 200);
});

test('closing the app ends the streams, and none is opened after', async t => {
  const app = createApp(memoryStore(), { xray: true });
  const origin = await serve(t, app);
  const viewers = [await look(t, origin), await look(t, origin)];
  await app.close?.();
  await Promise.all(viewers.map(({ over }) => over));
  const late = await ask(`${origin}/live/events`);
  assert.equal(late.status, 503);
  assert.ok(channels.every(channel => !channel.hasSubscribers));
});

test('a list that comes in while the app closes is written to nobody', async t => {
  let answer: (items: []) => void = () => {};
  const asked = collection<true>();
  const store: Store = {
    ...memoryStore(),
    list: () => {
      asked.add(true);
      return new Promise(done => (answer = done));
    },
  };
  const app = createApp(store);
  const stream = await openStream(t, `${await serve(t, app)}/live/events`);
  await asked.first(Boolean);
  await app.close?.();
  answer([]);
  const events: (string | undefined)[] = [];
  for (let frame = await stream.next(); frame; frame = await stream.next())
    events.push(frame.event);
  assert.deepEqual(events, ['hello']);
});

test('with tokens the live events ask for one', async t => {
  const origin = await serveApp(t, { tokens: [token], xray: true });
  for (const path of ['/live/events', '/live/sources'])
    assert.equal((await ask(origin + path)).status, 401);
});

test('the source lines behind each step are those of the files that run', async t => {
  const origin = await serveApp(t, { xray: true });
  const sources = JSON.parse((await ask(`${origin}/live/sources`)).body);
  for (const kind of [
    'request',
    'mount',
    'opened',
    'stream',
    'message',
    'frame',
    'hostGuard',
    'bearer',
  ]) {
    assert.ok(sources[kind], kind);
    assert.match(sources[kind].text, /\n.*[}\])];?$/s, `${kind} is shown to its end`);
  }
});
