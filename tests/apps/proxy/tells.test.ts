/** What the x-ray is told of requests that pass the proxy. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { createGzip, gzipSync } from 'node:zlib';
import { proxyApp } from '../../../apps/proxy/app.ts';
import { record } from '../../../apps/xray/record.ts';
import type { Step } from '../../../apps/xray/steps.ts';
import { createRouter } from '../../../router.ts';
import { serveOurs } from '../../check/support.ts';
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
import { serveBehind, serveProxy, startExample, watchSteps } from './support.ts';

/** In a word or two, for comparing. */
function brief(step: Step): string {
  if (step.kind === 'message') return `message ${'method' in step.message && step.message.method}`;
  if (step.kind === 'frame') return `frame ${step.frame.split(/\r?\n/, 1)[0]}`;
  if (step.kind === 'opened') return `opened ${step.transport}`;
  if (step.kind === 'relayed') return `relayed ${step.status}`;
  if (step.kind === 'answered') return `answered ${step.status}`;
  return step.kind;
}

for (const [name, path] of [
  ['simpleSseServer', '/mcp'],
  ['sseAndStreamableHttpCompatibleServer', '/sse'],
] as const)
  test(`SSE, of ${name}: stream, session, message and answer have the session in common`, async t => {
    const proxied = await serveProxy(t, await startExample(t, name));
    const { steps, first, until, closed } = watchSteps(t);
    const client = await connect(t, proxied + path);
    await client.listTools();
    const asked = await first('message', ({ message }) => methodOf(message) === 'tools/list');
    const { exchange } = asked;
    const answer = await first(
      'frame',
      ({ message }) => message !== undefined && 'result' in message && 'tools' in message.result,
    );
    assert.ok('id' in asked.message && answer.message && 'id' in answer.message);
    assert.equal(answer.message.id, asked.message.id);
    assert.equal(answer.exchange.sessionId, asked.sessionId);
    assert.notEqual(answer.exchange.id, exchange.id);
    await first('answered', step => step.exchange.id === exchange.id);
    const post = steps.filter(step => step.exchange.id === exchange.id).map(brief);
    const expected = ['request', 'matched', 'message tools/list', 'relayed 202', 'answered 202'];
    assert.deepEqual(
      post.filter(step => !step.startsWith('frame')),
      expected,
    );
    const stream = steps.filter(step => step.exchange.id === answer.exchange.id).map(brief);
    assert.deepEqual(stream.slice(0, 6), [
      'request',
      'matched',
      'relayed 200',
      'stream',
      'opened sse',
      'frame event: endpoint',
    ]);
    await client.close();
    await until(() => closed.includes(asked.sessionId) || undefined);
  });

test('Streamable HTTP: the answer to initialize names the session, and DELETE ends it', async t => {
  const proxied = await serveProxy(t, await startExample(t, 'simpleStreamableHttp'));
  const { steps, first, closed, until } = watchSteps(t);
  const session = await openSession(`${proxied}/mcp`);
  const begun = await first('message', ({ message }) => methodOf(message) === 'initialize');
  assert.equal(begun.sessionId, session['Mcp-Session-Id']);
  const answer = await first('frame', ({ exchange }) => exchange.id === begun.exchange.id);
  assert.ok(begun.n < answer.n, 'what was asked is told before what was answered');
  await post(`${proxied}/mcp`, toolCall(7, 'greet', { name: 'Ada' }), session);
  const called = await first('message', ({ message }) => methodOf(message) === 'tools/call');
  assert.equal(called.sessionId, session['Mcp-Session-Id']);
  await first('answered', ({ exchange }) => exchange.id === called.exchange.id);
  const way = steps.filter(({ exchange }) => exchange.id === called.exchange.id);
  assert.deepEqual(
    way.map(brief).filter(step => !/^frame (?:id|retry)/.test(step)),
    [
      'request',
      'matched',
      'message tools/call',
      'relayed 200',
      'stream',
      'frame event: message',
      'answered 200',
    ],
  );
  await ask(`${proxied}/mcp`, { method: 'DELETE', headers: session });
  await until(() => closed.includes(begun.sessionId) || undefined);
});

test('a JSON answer is a frame that carries its message', async t => {
  const proxied = await serveProxy(t, await startExample(t, 'jsonResponseStreamableHttp'));
  const { first } = watchSteps(t);
  await connect(t, `${proxied}/mcp`, 'streamable');
  const { message, frame, exchange } = await first('frame');
  assert.ok(message && 'result' in message);
  assert.match(frame, /^\{"result":/);
  assert.ok(exchange.sessionId);
});

test('a server without sessions has one for each request, so that call and answer are joined', async t => {
  const proxied = await serveProxy(t, await startExample(t, 'simpleStatelessStreamableHttp'));
  const { steps, first, closed, until } = watchSteps(t);
  const client = await connect(t, `${proxied}/mcp`, 'streamable');
  await client.listTools();
  const asked = await first('message', ({ message }) => methodOf(message) === 'tools/list');
  await first('frame', ({ exchange }) => exchange.id === asked.exchange.id);
  const begun = await first('message', ({ message }) => methodOf(message) === 'initialize');
  assert.notEqual(asked.sessionId, begun.sessionId);
  assert.ok(!steps.some(({ kind }) => kind === 'opened'));
  await until(() => closed.includes(asked.sessionId) || undefined); // nothing of it is kept for ever
});

test('a stream opens one session, however often it names an endpoint', async t => {
  const { proxied } = await serveBehind(t, (_req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream' });
    res.end('event: endpoint\ndata: /messages?sessionId=1\n\n'.repeat(20));
  });
  const { steps, first, closed } = watchSteps(t);
  await ask(`${proxied}/sse`);
  await first('answered');
  assert.equal(steps.filter(({ kind }) => kind === 'frame').length, 20);
  assert.equal(steps.filter(({ kind }) => kind === 'opened').length, 1);
  assert.deepEqual(closed, ['1']);
});

test('how long the upstream took is told apart from how long all of it took', async t => {
  const { proxied } = await serveBehind(t, (_req, res) => res.end());
  const { first } = watchSteps(t);
  await ask(`${proxied}/x`);
  const { ms, upstream } = await first('relayed');
  const all = await first('answered');
  assert.ok(ms > 0 && ms <= all.ms, `${ms} of ${all.ms}`);
  assert.match(upstream, /^http:\/\/localhost:\d+$/);
});

test('an endpoint event with another host, one that escapes and one that is right', async t => {
  let endpoint = '';
  const { direct, proxied } = await serveBehind(t, (_req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream' });
    res.write(`event: endpoint\ndata: ${endpoint}\n\n`);
  });
  const { steps, first } = watchSteps(t);
  endpoint = '/mcp/messages?sessionId=1';
  await openSse(t, `${proxied}/mcp/sse`);
  await first('frame');
  assert.ok(!steps.some(({ kind }) => kind === 'bypassed'));
  endpoint = `${direct}/mcp/messages?sessionId=2`;
  await openSse(t, `${proxied}/mcp/sse`);
  const other = await first('bypassed', ({ detail }) => detail.includes('another host'));
  assert.ok(other.detail.includes(new URL(direct).host));
  endpoint = '/messages?sessionId=3';
  await openSse(t, `${proxied}/mcp/sse`);
  await first('bypassed', ({ detail }) => detail.includes('/messages, which is not below /mcp'));
});

test('a redirect is told with where it leads, and one to the upstream’s own address leads past', async t => {
  const { direct, proxied } = await serveBehind(t, ({ url = '', headers: { host } }, res) => {
    const location = url === '/own' ? `http://${host}/mcp/` : '/mcp/';
    res.writeHead(307, { Location: location }).end();
  });
  const { steps, first } = watchSteps(t);
  const plain = await ask(`${proxied}/mcp`);
  assert.deepEqual([plain.status, plain.headers.location], [307, '/mcp/']);
  assert.equal((await first('relayed')).location, '/mcp/');
  assert.ok(!steps.some(({ kind }) => kind === 'bypassed'));
  const own = await ask(`${proxied}/own`);
  assert.equal(own.headers.location, `${direct}/mcp/`, 'it is said, not mended');
  const { detail } = await first('bypassed');
  assert.ok(detail.includes(new URL(direct).host), detail);
});

test('a message is told also where no answer comes: the upstream is down, or its client leaves', async t => {
  let asked = () => {};
  const arrived = new Promise<void>(done => {
    asked = done;
  });
  const { proxied } = await serveBehind(t, req => {
    if (req.url === '/down') req.socket.destroy();
    else asked();
  });
  const { steps, first } = watchSteps(t);
  await post(`${proxied}/down`, initialize());
  const down = await first('message');
  const failed = await first('refused', ({ exchange }) => exchange.id === down.exchange.id);
  assert.deepEqual([failed.by, failed.status], ['handler', 502]);
  const req = request(`${proxied}/hangs`, { method: 'POST' }).on('error', () => {});
  req.end(JSON.stringify(call(2, 'tools/list')));
  await arrived;
  req.destroy();
  const hung = await first('message', ({ exchange }) => exchange.target === '/hangs');
  await post(`${proxied}/down`, initialize()); // by now it is known that the other's upstream is left
  const { id } = hung.exchange;
  const ended = await first('answered', ({ exchange }) => exchange.id === id);
  assert.ok(hung.n < ended.n, 'after that nothing of it is kept');
  assert.ok(!steps.some(({ kind, exchange }) => kind === 'refused' && exchange.id === id));
});

test('what says why there is no answer is shown, and a page is not', async t => {
  const { proxied } = await serveBehind(t, (req, res) => {
    const type = req.url === '/page' ? 'text/html' : 'text/plain; charset=utf-8';
    res.writeHead(404, { 'Content-Type': type }).end('Session not found');
  });
  const { steps, first } = watchSteps(t);
  await ask(`${proxied}/page`);
  await ask(`${proxied}/mcp`);
  const { frame, exchange } = await first('frame');
  assert.deepEqual([exchange.target, frame], ['/mcp', 'Session not found']);
  assert.equal(steps.filter(({ kind }) => kind === 'frame').length, 1);
});

test('a token that is asked for through the proxy is not shown', async t => {
  const { proxied } = await serveBehind(t, (_req, res) => {
    res.writeHead(200, { 'Content-Type': 'application/json' }).end('{"access_token":"secret"}');
  });
  const { steps, first } = watchSteps(t);
  assert.match((await ask(`${proxied}/token`, { method: 'POST' })).body, /secret/);
  await first('answered');
  assert.ok(!steps.some(({ kind }) => kind === 'frame'));
});

test('a compressed stream is passed on as it is, and shown as its client reads it', async t => {
  const { proxied } = await serveBehind(t, (req, res) => {
    const head = { 'Content-Encoding': 'gzip', 'Content-Type': 'text/event-stream' };
    const message = JSON.stringify({ jsonrpc: '2.0', id: 1, result: {} });
    if (req.url === '/whole') return res.writeHead(200, head).end(gzipSync(`data: ${message}\n\n`));
    const gzip = createGzip();
    gzip.pipe(res.writeHead(200, head));
    gzip.write(`data: ${message}\n\n`);
    gzip.flush(() => gzip.end(': bye\n\n'));
  });
  for (const path of ['/whole', '/parts']) {
    const { first } = watchSteps(t);
    const answer = await fetch(proxied + path);
    assert.equal(answer.headers.get('content-encoding'), 'gzip');
    assert.match(await answer.text(), /^data: \{"jsonrpc"/);
    const { message } = await first('frame', ({ exchange }) => exchange.target === path);
    assert.ok(message && 'result' in message);
  }
});

test('a long compressed answer is shown, in however many parts it comes', async t => {
  const text = randomBytes(300_000).toString('hex'); // which gzip makes half as long, and no shorter
  const whole = gzipSync(JSON.stringify({ jsonrpc: '2.0', id: 1, result: { text } }));
  const { proxied } = await serveBehind(t, (_req, res) => {
    res.writeHead(200, { 'Content-Encoding': 'gzip', 'Content-Type': 'application/json' });
    Readable.from([whole.subarray(0, 280_000), whole.subarray(280_000)]).pipe(res);
  });
  const { first } = watchSteps(t);
  await (await fetch(`${proxied}/mcp`)).text();
  await first('answered');
  const { message } = await first('frame');
  assert.ok(message && 'result' in message);
});

test('a compressed stream that grows long is passed on unread', async t => {
  const frame = `data: ${'x'.repeat(1_500_000)}\n\n`;
  const { proxied } = await serveBehind(t, async (_req, res) => {
    const gzip = createGzip();
    const head = { 'Content-Encoding': 'gzip', 'Content-Type': 'text/event-stream' };
    gzip.pipe(res.writeHead(200, head));
    for (let i = 0; i < 2; i++) {
      gzip.write(frame);
      await new Promise<void>(done => gzip.flush(done));
    }
    gzip.end();
  });
  const { steps, first } = watchSteps(t);
  assert.equal(await (await fetch(proxied)).text(), frame + frame);
  await first('answered');
  assert.ok(steps.filter(({ kind }) => kind === 'frame').length < 2);
});

test('a compressed message is long, whatever its length as it was sent', async t => {
  const { direct } = await serveBehind(
    t,
    (req, res) => void req.resume().once('end', () => res.end()),
  );
  const router = createRouter().mount('/', proxyApp(new URL(direct)));
  const nobody = { step() {}, leftOut() {}, closed() {} };
  const recording = record(router, nobody, { own: createRouter(), outside: false });
  t.after(recording.stop);
  const { first } = watchSteps(t);
  const body = gzipSync(JSON.stringify(toolCall(1, 'add_item', { name: 'x'.repeat(1_000_000) })));
  const headers = { 'Content-Encoding': 'gzip' };
  await fetch(await serve(t, router), { method: 'POST', headers, body });
  await first('answered');
  const [kept = assert.fail()] = recording.requests();
  assert.ok(kept.steps.some(({ kind }) => kind === 'long message'));
  assert.ok(kept.size < 10_000, `${kept.size}`);
});

test('the page is told of no session id whole, and of no token', async t => {
  const proxied = await serveProxy(t, await serveOurs(t));
  const events = await openStream(t, `${proxied}/xray/events`);
  const stream = await openSse(t, `${proxied}/mcp/sse`, { Authorization: 'Bearer a-secret-token' });
  const [, sessionId = ''] = /sessionId=(.*)/.exec(stream.messages) ?? [];
  await post(stream.messages, initialize(), { Authorization: 'Bearer a-secret-token' });
  let told = '';
  while (!told.includes('"kind":"answered"')) told += (await events.next())?.data ?? '';
  assert.ok(told.includes('initialize') && told.includes(sessionId.slice(0, 8)));
  assert.ok(!told.includes(sessionId) && !told.includes('a-secret-token'));
});

test('nor of one in an address that the upstream names', async t => {
  const { proxied } = await serveBehind(t, ({ url, headers: { host } }, res) => {
    const secret = '/x?access_token=a-secret-token';
    if (url === '/login') return res.writeHead(302, { Location: `http://${host}${secret}` }).end();
    res.writeHead(200, { 'Content-Type': 'text/event-stream' });
    res.end(`event: endpoint\ndata: http://[${secret}\n\n`);
  });
  const events = await openStream(t, `${proxied}/xray/events`);
  await ask(`${proxied}/login`);
  let told = '';
  while (!told.includes('"kind":"answered"')) told += (await events.next())?.data ?? '';
  assert.match(told, /"kind":"relayed"[^}]*"location":"[^"]*access_token=…"/);
  await ask(`${proxied}/sse`);
  while (!told.includes('names no URL')) told += (await events.next())?.data ?? '';
  assert.ok(!told.includes('a-secret-token'));
});

function methodOf(message: object): string {
  return 'method' in message ? String(message.method) : '';
}
