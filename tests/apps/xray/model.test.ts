/** The page's trace model, without a browser: steps go in, rows, joins and words come out. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { limits } from '../../../apps/xray/page/rows.js';
import { readTrace, saved, traceOf } from '../../../apps/xray/page/saved.js';
import { stepsOf } from '../../../apps/xray/page/steps.js';
import { apply, newTrace } from '../../../apps/xray/page/trace.js';
import type { Exchange, Trace } from '../../../apps/xray/page/types.d.ts';
import type { Hello, WireStep } from '../../../apps/xray/wire-step.ts';
import { createApp } from '../../../server.ts';
import { memoryStore } from '../../../store.ts';
import { connect, serve, type Transport } from '../../support.ts';
import { ask, openStream, type Stream } from '../mcp/wire.ts';

type Told<Step = WireStep> = Step extends WireStep ? Omit<Step, 'n' | 'at' | 'exchange'> : never;

let n = 0;

/** A step of one exchange, the next in time. */
function step(exchange: number, told: Told): WireStep {
  return { ...told, exchange, n: ++n, at: 1_700_000_000_000 + n } as WireStep; // what Told left out
}

/** A request that a route of the router itself answers, whole. */
function plain(exchange: number, target: string, status = 200): WireStep[] {
  return [
    step(exchange, { kind: 'request', method: 'GET', target, headers: { host: 'localhost' } }),
    step(exchange, { kind: 'matched', by: 'route', name: 'GET /x', rootPath: '', url: target }),
    step(exchange, { kind: 'answered', status, ms: 1, bytes: 10, whole: true }),
  ];
}

function traced(steps: WireStep[]): Trace {
  const trace = newTrace();
  for (const one of steps) apply(trace, one);
  return trace;
}

function exchangesOf(trace: Trace): string[] {
  return [...trace.rows.values()].map(
    ({ exchange, told }) =>
      `${told ? 'told ' : ''}${exchange.request.method} ${exchange.request.target} ×${exchange.times}`,
  );
}

/** What the server has kept of a client's whole visit, put into a model as the page does. */
async function visit(t: TestContext, transport: Transport): Promise<Trace> {
  const app = createApp(memoryStore(), { xray: true });
  t.after(() => app.close?.());
  const origin = await serve(t, app);
  const url = transport === 'sse' ? `${origin}/mcp/sse` : `${origin}/mcp`;
  const client = await connect(t, url, transport);
  await client.callTool({ name: 'get_items', arguments: {} });
  await ask(`${origin}/mcpx`);
  const stream = await openStream(t, `${origin}/live/events`);
  const hello: Hello = JSON.parse(await dataOf(stream, 'hello'));
  const past: { steps: WireStep[] } = JSON.parse(await dataOf(stream, 'past'));
  const trace = { ...newTrace(), tree: hello.tree };
  for (const one of past.steps) apply(trace, one);
  return trace;
}

async function dataOf(stream: Stream, event: string): Promise<string> {
  for (;;) {
    const frame = await stream.next();
    assert.ok(frame, `the stream ended before ${event}`);
    if (frame.event === event) return frame.data ?? '';
  }
}

function callIn(trace: Trace, text: string) {
  const found = [...trace.calls.values()].find(({ call }) => call?.text.includes(text));
  assert.ok(found, text);
  return found;
}

test('over SSE a call and its answer are one, though they took two connections', async t => {
  const trace = await visit(t, 'sse');
  const { from, to, frame } = callIn(trace, '"name":"get_items"');
  assert.equal(from?.request.method, 'POST');
  assert.deepEqual([from?.prefixes, from?.rest?.split('?')[0]], [['/mcp'], '/messages']);
  assert.equal(from?.answered && 'status' in from.answered && from.answered.status, 202);
  assert.equal(to?.request.target, '/mcp/sse');
  assert.ok(to?.isStream);
  assert.match(frame?.frame ?? '', /structuredContent/);
  assert.ok(![...trace.rows.values()].some(({ told }) => told === frame), 'no row of its own');
  const [session] = trace.sessions.values();
  assert.deepEqual([session?.transport, trace.sessions.size], ['sse', 1]);
  assert.match(to?.frames[0]?.frame ?? '', /^event: endpoint/);
});

test('over Streamable HTTP the answer is in the exchange that asked', async t => {
  const trace = await visit(t, 'streamable');
  const { from, to } = callIn(trace, '"name":"get_items"');
  assert.equal(from, to);
  assert.equal([...trace.sessions.values()][0]?.transport, 'streamable');
});

test('each request says where its prefix came off, and where it stopped', async t => {
  const trace = await visit(t, 'sse');
  const wordsOf = (target: string) => {
    const exchange = [...trace.exchanges.values()].find(({ request }) =>
      request.target.startsWith(target),
    );
    assert.ok(exchange, target);
    return shownOf(exchange);
  };
  assert.deepEqual(wordsOf('/mcp/messages').slice(0, 4), [
    'guard ✓',
    'router a mount',
    'mount prefix off',
    'app its route',
  ]);
  assert.deepEqual(wordsOf('/mcp/sse').at(-1), 'stream stays open');
  assert.deepEqual(wordsOf('/mcpx'), ['guard ✓', 'router 404', 'app not reached']);
});

function shownOf(exchange: Exchange): string[] {
  return exchange.steps
    .flatMap(one => stepsOf(exchange, one))
    .map(({ what, value }) => `${what} ${value}`);
}

test('a trace that is saved and opened again shows the same', async t => {
  for (const transport of ['sse', 'streamable'] as const) {
    const trace = await visit(t, transport);
    const file = readTrace(JSON.stringify(saved(trace)));
    assert.ok(file);
    const opened = traceOf(file);
    assert.deepEqual(exchangesOf(opened), exchangesOf(trace));
    assert.deepEqual(
      [...opened.exchanges.values()].map(shownOf),
      [...trace.exchanges.values()].map(shownOf),
    );
    assert.equal(JSON.stringify(saved(opened)), JSON.stringify(saved(trace)));
  }
});

test('what was folded is counted in a saved trace, too', () => {
  const trace = traced([...plain(1, '/a'), ...plain(2, '/a'), ...plain(3, '/b')]);
  const opened = traceOf(saved(trace));
  assert.deepEqual(exchangesOf(opened), ['GET /a ×2', 'GET /b ×1']);
  assert.equal(JSON.stringify(saved(opened)), JSON.stringify(saved(trace)));
});

test('of a file from anybody only what has the shape of a step is taken', () => {
  const good = { ...saved(traced(plain(1, '/a'))) };
  const bad = [null, 7, {}, { kind: '__proto__' }, { kind: 'request', n: '1' }];
  const read = readTrace(
    JSON.stringify({ ...good, steps: [...bad, ...good.steps], stuck: [null] }),
  );
  assert.deepEqual(read?.steps, good.steps);
  assert.deepEqual(read?.stuck, []);
  for (const text of ['', 'null', '{}', JSON.stringify({ ...good, format: 'another' })])
    assert.equal(readTrace(text), undefined, text);
});

test('steps that come twice, with a stream that begins again, count once', () => {
  const steps = [...plain(1, '/a'), ...plain(2, '/b')];
  const once = traced(steps);
  assert.deepEqual(traced([...steps, ...steps]), once);
  assert.deepEqual(exchangesOf(once), ['GET /a ×1', 'GET /b ×1']);
});

test('what belongs to a request that is not known is left out', () => {
  const [, ...rest] = plain(1, '/a');
  assert.deepEqual(traced(rest), newTrace());
});

test('equal requests in a row fold into one, counted; others do not', () => {
  const rows: [why: string, steps: WireStep[], rows: string[]][] = [
    ['equal', [...plain(1, '/a'), ...plain(2, '/a'), ...plain(3, '/a')], ['GET /a ×3']],
    [
      'another path between',
      [...plain(1, '/a'), ...plain(2, '/b'), ...plain(3, '/a')],
      ['GET /a ×1', 'GET /b ×1', 'GET /a ×1'],
    ],
    ['another status', [...plain(1, '/a'), ...plain(2, '/a', 404)], ['GET /a ×1', 'GET /a ×1']],
    ['another query', [...plain(1, '/a'), ...plain(2, '/a?x')], ['GET /a ×1', 'GET /a?x ×1']],
  ];
  for (const [why, steps, shown] of rows) assert.deepEqual(exchangesOf(traced(steps)), shown, why);
});

test('an id that is used again once it is answered is another call', () => {
  const stream = 1;
  const call = (exchange: number): WireStep[] => [
    step(exchange, { kind: 'request', method: 'POST', target: '/m', headers: {} }),
    step(exchange, { kind: 'message', session: 's', rpc: { id: 1, method: 'ping' }, text: '' }),
    step(stream, { kind: 'frame', session: 's', rpc: { id: 1 }, frame: `data: ${exchange}` }),
  ];
  const trace = traced([
    step(stream, { kind: 'request', method: 'GET', target: '/sse', headers: {} }),
    step(stream, { kind: 'stream', session: 's' }),
    ...call(2),
    ...call(3),
  ]);
  const frames = [2, 3].map(id => trace.exchanges.get(id)?.calls[0]?.frame?.frame);
  assert.deepEqual(frames, ['data: 2', 'data: 3']);
});

test('a number and a text are two JSON-RPC ids', () => {
  const trace = traced([
    step(1, { kind: 'request', method: 'POST', target: '/m', headers: {} }),
    step(1, { kind: 'message', session: 's', rpc: { id: 1, method: 'ping' }, text: '' }),
    step(1, { kind: 'frame', session: 's', rpc: { id: '1' }, frame: 'data: x' }),
  ]);
  assert.equal(trace.exchanges.get(1)?.calls[0]?.frame, undefined);
});

test('however much comes, so many rows are kept, the oldest goes first, and open streams stay', () => {
  const stream = [
    step(1, { kind: 'request', method: 'GET', target: '/sse', headers: {} }),
    step(1, { kind: 'stream', session: 's' }),
  ];
  const many = Array.from({ length: limits.rows + 20 }, (_, i) => plain(i + 2, `/${i}`)).flat();
  const trace = traced([...stream, ...many]);
  const shown = exchangesOf(trace);
  assert.equal(shown.length, limits.rows);
  assert.equal(trace.exchanges.size, limits.rows);
  assert.equal(shown[0], 'GET /sse ×1');
  assert.equal(shown.at(-1), `GET /${limits.rows + 19} ×1`);
});

test('equal pings are one frame, counted; of many frames the first and the last stay', () => {
  const frame = (text: string) => step(1, { kind: 'frame', session: 's', frame: text });
  const open = [
    step(1, { kind: 'request', method: 'GET', target: '/sse', headers: {} }),
    step(1, { kind: 'stream', session: 's' }),
    frame('event: endpoint'),
  ];
  const pinged = traced([...open, frame(': ping'), frame(': ping'), frame(': ping')]);
  const [, ping] = pinged.exchanges.get(1)?.frames ?? [];
  assert.deepEqual([ping?.frame, ping?.times], [': ping', 3]);
  const many = Array.from({ length: limits.frames + 5 }, (_, i) => frame(`id: ${i}`));
  const kept = traced([...open, ...many]).exchanges.get(1);
  assert.equal(kept?.frames.length, limits.frames);
  assert.equal(kept?.frames[0]?.frame, 'event: endpoint');
  assert.equal(kept?.frames.at(-1)?.frame, `id: ${limits.frames + 4}`);
  assert.equal(kept?.dropped, 6);
});
