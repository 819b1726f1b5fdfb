/** What the x-ray keeps of the requests that pass, and what it lets go of. */
import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import fc from 'fast-check';
import { publishFrame, received } from '../../../apps/mcp/channels.ts';
import { publishStream } from '../../../apps/mcp/stream.ts';
import { Pace } from '../../../apps/xray/pace.ts';
import { type Kept, record } from '../../../apps/xray/record.ts';
import { Ring } from '../../../apps/xray/ring.ts';
import type { App, Router } from '../../../http/app.ts';
import { createRouter } from '../../../router.ts';
import { serve } from '../../support.ts';
import { ask } from '../mcp/wire.ts';

const outside = false;
const nobody = { step() {}, leftOut() {}, closed() {} };

/** Serves one handler at / and records what it does. */
async function recorded(t: TestContext, act: (req: IncomingMessage, res: ServerResponse) => void) {
  const router = createRouter().get('/', act).post('/', act);
  const recording = record(router, nobody, { own: createRouter(), outside });
  t.after(recording.stop);
  return { recording, origin: await serve(t, router) };
}

const message = (id: number) => ({ jsonrpc: '2.0' as const, id, method: 'ping' });

function framesIn(kept: Kept[]): string[] {
  return kept.flatMap(({ step }) => (step.kind === 'frame' ? [step.frame] : []));
}

test('of a rush a thousand requests are kept, and all are counted', async t => {
  let leftOut = 0;
  const handler = () => {};
  const router = createRouter().get('/', handler).get('/stream', handler);
  const listener = { ...nobody, leftOut: () => void leftOut++ };
  const recording = record(router, listener, { own: createRouter(), outside });
  t.after(recording.stop);
  const origin = await serve(t, answering(router));
  const asked = 3_000;
  for (let count = 0; count < asked; count += 50)
    await Promise.all(Array.from({ length: 50 }, () => ask(origin)));
  const [entry = assert.fail()] = router.list();
  assert.equal(recording.passed.by(undefined).get(entry)?.times, asked);
  assert.ok(leftOut > 0 && leftOut <= asked - 1_000, `${leftOut} left out`);
  await ask(`${origin}/stream`, { headers: { Accept: 'text/event-stream' } });
  assert.equal(recording.requests().at(-1)?.target, '/stream', 'on which answers come');
});

test('a pace lets so many go at once, and more as time goes', async () => {
  const pace = new Pace(3, 1_000);
  const slow = new Pace(2, 0.001);
  assert.deepEqual(
    [slow.isFull(), slow.take(), slow.take(), slow.take()],
    [true, true, true, false],
  );
  assert.ok(!slow.isFull() && slow.isSpent());
  while (pace.take());
  await setTimeout(5);
  assert.ok(pace.take());
  await setTimeout(5);
  assert.ok(pace.isFull(), 'and never more than at once');
  assert.deepEqual([pace.take(), pace.take(), pace.take()], [true, true, true]);
});

/** Ends what `router` has taken. */
function answering(router: Router): App {
  return async (req, res) => {
    await router(req, res);
    res.end();
  };
}

test('a ring holds what an array would that lets its first go', () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 60 });
  fc.assert(
    fc.property(sizes, fc.integer({ min: 1, max: 8 }), (pushed, maxCount) => {
      const ring = new Ring<number>(maxCount, 100, size => size);
      const plain: number[] = [];
      const total = () => plain.reduce((sum, size) => sum + size, 0);
      for (const size of pushed) {
        ring.push(size);
        plain.push(size);
        while (plain.length > maxCount || (total() > 100 && plain.length > 1)) plain.shift();
        assert.deepEqual(ring.all(), plain);
      }
    }),
  );
});

test('of a stream that goes on the first frames stay, and the last three hundred', async t => {
  const { recording, origin } = await recorded(t, (_req, res) => {
    publishStream(res);
    for (let count = 0; count < 1_000; count++) publishFrame(res, `data: ${count}\n\n`);
    res.end();
  });
  await ask(origin);
  const frames = framesIn(recording.steps()).map(frame => Number(/\d+/.exec(frame)));
  assert.deepEqual(frames.slice(0, 3), [0, 1, 2]);
  assert.deepEqual(
    frames.slice(-300),
    Array.from({ length: 300 }, (_, i) => 700 + i),
  );
  assert.ok(frames.length < 400, `${frames.length} frames`);
  const numbers = recording.steps().map(({ step }) => step.n);
  assert.deepEqual(
    numbers,
    numbers.toSorted((a, b) => a - b),
  );
});

test('frames without end, long ones too, are kept in so many characters', async t => {
  const { recording, origin } = await recorded(t, (_req, res) => {
    for (let count = 0; count < 1_000; count++) {
      publishFrame(res, `data: ${'x'.repeat(15_000)}\n\n`);
      publishFrame(res, `data: ${'y'.repeat(1_000_000)}\n\n`);
    }
    res.end();
  });
  await ask(origin);
  const frames = framesIn(recording.steps());
  const size = frames.reduce((sum, frame) => sum + frame.length, 0);
  assert.ok(size > 1_000_000 && size < 4.5 * 1024 * 1024, `${size} characters`);
  assert.ok(frames.every(frame => frame.length < 20_000));
});

test('of a stream’s late answers those are kept whose calls are', async t => {
  const answer = (id: number) => ({ jsonrpc: '2.0' as const, id, result: {} });
  const { recording, origin } = await recorded(t, (req, res) => {
    publishStream(res);
    for (let id = 1; id <= 3; id++) received.publish({ sessionId: 'a', req, message: message(id) });
    for (let count = 0; count < 100; count++) publishFrame(res, ': ping\n\n');
    for (let id = 1; id <= 6; id++) publishFrame(res, `data: ${id}\n\n`, answer(id));
    res.end();
  });
  await ask(origin);
  assert.deepEqual(framesIn(recording.steps()).slice(-4), [
    ': ping\n\n',
    'data: 1\n\n',
    'data: 2\n\n',
    'data: 3\n\n',
  ]);
});

test('late frames go with the request that they are of', async t => {
  const { recording, origin } = await recorded(t, (_req, res) => {
    for (let count = 0; count < 100; count++) publishFrame(res, ': ping\n\n');
    res.end();
  });
  await ask(origin);
  assert.equal(framesIn(recording.steps()).length, 100);
  for (let count = 0; count < 100; count++) await ask(`${origin}/nothing`);
  assert.equal(framesIn(recording.steps()).length, 0);
});

test('of a batch so many messages are kept, and how it was answered', async t => {
  const { recording, origin } = await recorded(t, (req, res) => {
    for (let id = 0; id < 1_000; id++)
      received.publish({ sessionId: 'a', req, message: message(id) });
    req.resume().once('end', () => res.end());
  });
  await ask(origin, { method: 'POST', body: 'the batch' });
  const kinds = recording.steps().map(({ step }) => step.kind);
  assert.ok(kinds.length > 50 && kinds.length < 70, `${kinds.length} steps`);
  assert.equal(kinds.at(-1), 'answered');
});
