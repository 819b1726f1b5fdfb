/** Responses at the pace of their readers: whole and in order, and counted as long as they wait. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { Backlog } from '../../../apps/mcp/backlog.ts';
import { PacedResponse } from '../../../apps/mcp/paced-response.ts';
import { keepAlive } from '../../../apps/mcp/stream.ts';
import { serve } from '../../support.ts';

const soon = { timeout: 60_000 }; // a test that waits for what never comes fails

/** A client that does not read yet, and the responses to its requests. */
async function stopped(t: TestContext, requests = 1) {
  const backlog = new Backlog(1e9);
  const responses: PacedResponse[] = [];
  let isThere = () => {};
  const there = new Promise<void>(done => (isThere = done));
  const origin = await serve(t, (_req, res: ServerResponse) => {
    res.useChunkedEncodingByDefault = requests > 1; // so that one is read as it was written
    responses.push(new PacedResponse(res, backlog));
    if (responses.length === requests) isThere();
  });
  const socket = connect(Number(new URL(origin).port), '127.0.0.1').pause();
  t.after(() => socket.destroy());
  socket.on('error', () => {}); // 'close' follows
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(requests));
  await there;
  const [out] = responses;
  assert.ok(out);
  return { socket, backlog, out, responses };
}

/** All of a body, up to the end of its connection. */
async function bodyFrom(socket: Socket): Promise<string> {
  const answer = await text(socket);
  return answer.slice(answer.indexOf('\r\n\r\n') + 4);
}

const unread = 20_000_000; // characters, more than sockets hold

test('a reader that comes late gets all, whole and in order', soon, async t => {
  const { socket, backlog, out } = await stopped(t);
  const parts = ['x'.repeat(unread), '🍎'.repeat(1_000_000), `1${'🍎'.repeat(1_000_000)}`];
  const part = fc
    .tuple(fc.constantFrom('x', 'ü', '🍎'), fc.constantFrom(0, 100, 20_000, 70_000))
    .map(([letter, times]) => letter.repeat(times));
  parts.push(
    ...fc.sample(part, { seed: 20_261_127, numRuns: 500 }).map((text, i) => `${i}${text}`),
  );
  for (const part of parts) out.write(part);
  assert.ok(backlog.bytes > unread, `${backlog.bytes}`);
  out.end('the end');
  const body = await bodyFrom(socket);
  assert.ok(body === `${parts.join('')}the end`, `${body.length} characters`);
  assert.equal(backlog.bytes, 0);
});

test('what a reader takes at once is not counted', soon, async t => {
  for (const chars of [1, 100_000, 1_000_000]) {
    const { socket, backlog, out } = await stopped(t);
    const body = bodyFrom(socket);
    out.write('x'.repeat(chars));
    out.end('y'.repeat(chars));
    assert.match(await body, /^x+y+$/);
    assert.equal(backlog.bytes, 0, `${chars}`);
  }
});

test('what a slow reader has taken is not counted any more', soon, async t => {
  const { socket, backlog, out } = await stopped(t);
  out.write('x'.repeat(unread));
  await new Promise<void>(done => {
    let taken = 0;
    socket.on('data', chunk => {
      taken += chunk.length;
      if (taken > unread / 2) done();
    });
    socket.resume();
  });
  socket.pause();
  assert.ok(backlog.bytes < unread / 2 + 1_000_000, `${backlog.bytes}`);
});

test(
  'what waits behind another response is not counted any more once it is sent',
  soon,
  async t => {
    const { socket, backlog, out, responses } = await stopped(t, 20);
    const [, ...behind] = responses;
    for (const next of behind) next.end('x'.repeat(1_000));
    const sent = Promise.all(behind.map(({ res }) => once(res, 'close')));
    socket.resume();
    out.end();
    await sent;
    assert.equal(backlog.bytes, 0);
    assert.equal(socket.closed, false, 'the connection is kept');
  },
);

const gone: [why: string, leave: (socket: Socket, out: PacedResponse) => unknown][] = [
  ['the client resets', socket => socket.resetAndDestroy()],
  ['the client goes away', socket => socket.destroy()],
  ['the server destroys the response', (_socket, out) => out.res.destroy()],
  ['the backlog drops it', (_socket, out) => out.drop()],
];

for (const [why, leave] of gone)
  for (const form of ['open', 'ended', 'ended at once'] as const)
    test(
      `what waited for a connection that is gone does not count, ${form}: ${why}`,
      soon,
      async t => {
        const { socket, backlog, out } = await stopped(t);
        if (form !== 'ended at once') out.write('x'.repeat(unread));
        if (form !== 'open') out.end('x'.repeat(unread));
        assert.ok(backlog.bytes > 0);
        const closed = once(out.res, 'close');
        leave(socket, out);
        await closed;
        await new Promise(setImmediate); // its callbacks come behind
        assert.equal(backlog.bytes, 0);
        assert.equal(out.write('more'), false);
        out.end();
        assert.equal(backlog.bytes, 0);
      },
    );

// Node 20 and 22 tell a response nothing while it waits behind another on its connection.
test(
  'what waits behind another response is counted, and goes with the connection',
  soon,
  async t => {
    const { socket, backlog, out, responses } = await stopped(t, 20);
    const [, ...behind] = responses;
    const warned = t.mock.method(process, 'emitWarning');
    for (const next of behind) next.end('x'.repeat(1_000));
    assert.ok(backlog.bytes >= 19_000);
    const closed = once(out.res.req.socket, 'close');
    socket.destroy();
    await closed;
    await new Promise(setImmediate);
    assert.equal(backlog.bytes, 0);
    assert.equal(warned.mock.callCount(), 0, 'of listeners');
  },
);

test(
  'dropped behind another response, it takes the connection, which holds its bytes',
  soon,
  async t => {
    const { socket, responses } = await stopped(t, 2);
    responses[1]?.end('x'.repeat(1_000));
    responses[1]?.drop();
    await once(socket.resume(), 'close');
  },
);

test('no ping goes into the middle of what waits', soon, async t => {
  const { socket, out } = await stopped(t);
  out.write('x'.repeat(unread));
  keepAlive(out.res, 1);
  out.write('y'.repeat(unread));
  await new Promise(done => setTimeout(done, 20)); // of twenty pings
  out.end();
  assert.match(await bodyFrom(socket), /^x+y+$/);
});
