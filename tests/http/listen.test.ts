/** Stopping a server that somebody else made around an app of ours. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import test, { type TestContext } from 'node:test';
import { stopServer } from '../../http/listen.ts';
import { portOf } from '../support.ts';

/** A stream that its app ends, on a connection that its client would keep for the next request. */
async function open(t: TestContext) {
  const streams = new Set<ServerResponse>();
  const server = createServer((_req, res) => {
    streams.add(res);
    res.write('begun');
  });
  const agent = new Agent({ keepAlive: true });
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  t.after(() => agent.destroy());
  t.after(() => server.closeAllConnections());
  const asked = get({ port: portOf(server), host: '127.0.0.1', agent });
  const [answer]: IncomingMessage[] = await once(asked, 'response');
  answer?.resume();
  const close = async () => {
    for (const res of streams) res.end();
  };
  return { server, close };
}

const keepAliveMs = 5_000; // Node's own, which close() alone waits for

test('a server stops as soon as its app has ended its streams, and waits for no idle client', async t => {
  const { server, close } = await open(t);
  const before = performance.now();
  await stopServer(server, { close });
  assert.ok(performance.now() - before < keepAliveMs / 2);
  assert.equal(server.listening, false);
});

test('what an app throws when it is closed reaches who stops the server, and nothing is left', async t => {
  const { server } = await open(t);
  const before = process.getActiveResourcesInfo().filter(kind => kind === 'Timeout').length;
  const close = () => Promise.reject(new Error('It did not close.'));
  await assert.rejects(stopServer(server, { close }), /It did not close/);
  const after = process.getActiveResourcesInfo().filter(kind => kind === 'Timeout').length;
  assert.ok(after <= before, 'timers');
});
