/** When a response is over, whichever way it went, in each version of Node and of HTTP. */
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2 } from 'node:http2';
import test, { type TestContext } from 'node:test';
import type { App } from '../../http/app.ts';
import { hasTurn, isGone, onGone } from '../../http/gone.ts';
import { openRaw } from '../apps/mcp/wire.ts';
import { held } from '../held.ts';
import { portOf, serve } from '../support.ts';

const soon = { timeout: 30_000 }; // a test that waits for what never comes fails

/** Notes each response down that comes to it, and each that is over. */
function noting(answer: (res: ServerResponse) => void) {
  const begun: ServerResponse[] = [];
  const gone: ServerResponse[] = [];
  let check = () => {};
  const app: App = (_req, res) => {
    begun.push(res);
    onGone(res, () => {
      gone.push(res);
      check();
    });
    answer(res);
    check();
  };
  function until(enough: () => boolean): Promise<void> {
    return new Promise(done => {
      check = () => enough() && done();
      check();
    });
  }
  return { app, begun, gone, until };
}

const get = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';
const end = (res: ServerResponse) => void res.end('whole');
const stream = (res: ServerResponse) => void res.writeHead(200).flushHeaders();

async function begin(t: TestContext, answer: (res: ServerResponse) => void) {
  const noted = noting(answer);
  const raw = openRaw(t, Number(new URL(await serve(t, noted.app)).port));
  return { ...noted, raw };
}

test('a response that is sent is over once, in its turn', soon, async t => {
  const { begun, gone, raw, until } = await begin(t, end);
  raw.send(get.repeat(3));
  await until(() => gone.length === 3);
  assert.deepEqual(gone, begun);
  assert.ok(begun.every(isGone));
  raw.socket.destroy();
  await raw.closed;
  assert.equal(gone.length, 3);
});

test(
  'a response whose client leaves is over once, wherever it stood in the line',
  soon,
  async t => {
    const { begun, gone, raw, until } = await begin(t, stream);
    raw.send(get.repeat(30)); // more than the listeners that Node finds suspicious
    await until(() => begun.length === 30);
    assert.ok(!begun.some(isGone));
    raw.socket.destroy();
    await until(() => gone.length === 30);
    await new Promise(setImmediate); // Node 24 says it on the response, too
    assert.deepEqual(new Set(gone), new Set(begun));
    assert.equal(gone.length, 30);
  },
);

test('what is over already is so at once', soon, async t => {
  const { begun, gone, raw, until } = await begin(t, stream);
  raw.send(get.repeat(2));
  await until(() => begun.length === 2);
  raw.socket.destroy();
  await until(() => gone.length === 2);
  for (const res of begun) {
    let told = 0;
    onGone(res, () => told++);
    assert.equal(told, 1);
    assert.equal(await hasTurn(res), false);
  }
});

test('a connection that is kept for long gathers no listeners', soon, async t => {
  const { begun, gone, raw, until } = await begin(t, end);
  const counts = new Set<number>();
  for (let round = 1; round <= 50; round++) {
    raw.send(get.repeat(2));
    await until(() => gone.length === 2 * round);
    counts.add(begun[0]?.req.socket.listenerCount('close') ?? 0);
  }
  assert.equal(counts.size, 1, [...counts].join());
});

test('a response has its turn when the one before it is over', soon, async t => {
  const turns: [number, boolean][] = [];
  const { begun, gone, raw, until } = await begin(t, async res => {
    const number = begun.length;
    turns.push([number, await hasTurn(res)]);
    if (number === 3) raw.socket.destroy();
  });
  raw.send(get.repeat(4));
  await until(() => begun.length === 4);
  assert.deepEqual(turns, [[1, true]]);
  begun[0]?.end();
  begun[1]?.end();
  await until(() => gone.length === 4);
  await new Promise(setImmediate);
  assert.deepEqual(turns, [
    [1, true],
    [2, true],
    [3, true],
    [4, false],
  ]);
});

test('over HTTP/2 as well', soon, async t => {
  const { app, begun, gone, until } = noting(res => void res.write('a part'));
  const server = createHttp2(held(app) as never); // as near as they are
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  const client = connectHttp2(`http://127.0.0.1:${portOf(server as never)}`);
  t.after(() => {
    client.destroy();
    server.close();
  });
  const [first, second] = [client.request(), client.request()];
  first.on('error', () => {}); // it is cut, as is meant
  second.resume();
  await until(() => begun.length === 2);
  assert.deepEqual(begun.map(isGone), [false, false]);
  assert.deepEqual(await Promise.all(begun.map(hasTurn)), [true, true]);
  first.close(8); // CANCEL
  await until(() => gone.length === 1);
  begun[1]?.end();
  await until(() => gone.length === 2);
  assert.ok(begun.every(isGone));
});

test('however many wait for one response, one listener hears for all, in turn', soon, async t => {
  const told: number[] = [];
  const all = new Promise<void>(done => {
    const app: App = (_req, res) => {
      const before = res.listenerCount('close');
      for (let i = 0; i < 20; i++) onGone(res, () => told.push(i));
      onGone(res, done);
      assert.ok(res.listenerCount('close') <= before + 1); // Node warns of eleven
      res.end();
    };
    serve(t, app)
      .then(fetch)
      .then(res => res.text());
  });
  await all;
  assert.deepEqual(told, [...Array(20).keys()]);
});
