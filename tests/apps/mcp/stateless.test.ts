/** Streamable HTTP without sessions: each POST is complete in itself, whichever instance it meets. */
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { LATEST_PROTOCOL_VERSION } from '@modelcontextprotocol/sdk/types.js';
import { landing } from '../../../apps/landing.ts';
import { type McpOptions, mcpApp } from '../../../apps/mcp/app.ts';
import type { App } from '../../../http/app.ts';
import { connect, serve } from '../../support.ts';
import { ask, call, gate, initialize, messagesIn, post, postHeaders, toolCall } from './wire.ts';

const soon = { timeout: 30_000 }; // a test that waits for what never comes fails

/** An app whose tool 'wait' is answered when the test says so; how many servers were made and closed. */
async function serveStateless(t: TestContext, options: McpOptions = {}) {
  const { opened: released, open: release } = gate();
  t.after(release);
  const count = { made: 0, closed: 0 };
  const app = mcpApp(
    () => {
      count.made++;
      const server = new McpServer({ name: 'stateless', version: '0' });
      server.server.onclose = () => count.closed++;
      server.registerTool('wait', {}, async () => {
        await released;
        return { content: [{ type: 'text', text: 'waited' }] };
      });
      return server;
    },
    { stateless: true, ...options },
  );
  t.after(() => app.close());
  return { app, origin: await serve(t, app), release, count };
}

test('a client goes round two instances and is answered by each', soon, async t => {
  const instances = [await serveStateless(t), await serveStateless(t)];
  for (const { release } of instances) release();
  let turn = 0;
  const roundRobin: App = (req, res) => instances[turn++ % 2]?.app(req, res);
  const client = await connect(t, await serve(t, roundRobin), 'streamable');
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(
      (await client.listTools()).tools.map(({ name }) => name),
      ['wait'],
    );
    const { content } = await client.callTool({ name: 'wait', arguments: {} });
    assert.deepEqual(content, [{ type: 'text', text: 'waited' }]);
  }
  for (const { app, count } of instances) {
    assert.ok(count.made >= 3);
    while (count.closed < count.made) await new Promise(setImmediate);
    assert.equal(app.stats().sessions, 0);
  }
});

test('nothing names a session or an event that a client could come back with', soon, async t => {
  const { origin } = await serveStateless(t);
  for (const message of [initialize(), call(1, 'tools/list')]) {
    const answer = await post(origin, message, { 'Mcp-Protocol-Version': LATEST_PROTOCOL_VERSION });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['mcp-session-id'], undefined);
    assert.doesNotMatch(answer.body, /^id:/m);
    assert.equal(messagesIn(answer).length, 1);
  }
  const notified = await post(origin, { jsonrpc: '2.0', method: 'notifications/initialized' });
  assert.equal(notified.status, 202);
});

const others: [method: string, path: string, status: number][] = [
  ['GET', '/', 405],
  ['DELETE', '/', 405],
  ['GET', '/sse', 404],
  ['POST', '/messages', 404],
];

for (const [method, path, status] of others)
  test(`${method} ${path} is ${status} where there are no sessions`, soon, async t => {
    const { origin } = await serveStateless(t);
    const headers = { ...postHeaders, 'Mcp-Session-Id': 'any' };
    const answer = await ask(origin + path, { method, headers });
    assert.equal(answer.status, status);
    if (status !== 405) return;
    assert.equal(answer.headers.allow, 'OPTIONS, POST');
    assert.match(answer.body, /There are no sessions here: each POST is complete in itself\./);
  });

test('so many calls at once, and one more is told to come again', soon, async t => {
  const { app, origin, release } = await serveStateless(t, { maxSessions: 2, handshakeMs: 0 });
  const calls = [1, 2].map(id => post(origin, toolCall(id, 'wait')));
  while (app.stats().sessions < 2) await new Promise(setImmediate);
  const refused = await post(origin, toolCall(3, 'wait'));
  assert.equal(refused.status, 503, 'and no call in flight made room');
  assert.ok(Number(refused.headers['retry-after']) > 0);
  release();
  for (const answer of await Promise.all(calls)) assert.match(answer.body, /waited/);
  while (app.stats().sessions > 0) await new Promise(setImmediate);
  assert.equal((await post(origin, toolCall(4, 'wait'))).status, 200);
});

test('a call whose client leaves ends with it', soon, async t => {
  const { app, origin, count } = await serveStateless(t);
  const abort = new AbortController();
  const body = JSON.stringify(toolCall(1, 'wait'));
  const request = { method: 'POST', headers: postHeaders, body, signal: abort.signal };
  const answer = fetch(origin, request).then(res => res.text());
  while (app.stats().sessions === 0) await new Promise(setImmediate);
  abort.abort();
  await assert.rejects(answer);
  while (count.closed === 0) await new Promise(setImmediate);
  assert.equal(app.stats().sessions, 0);
});

test('close lets calls in flight be answered and takes no others', soon, async t => {
  const { app, origin, release } = await serveStateless(t);
  const inFlight = post(origin, toolCall(1, 'wait'));
  while (app.stats().sessions === 0) await new Promise(setImmediate);
  const closed = app.close();
  assert.equal((await post(origin, toolCall(2, 'wait'))).status, 503);
  release();
  assert.match((await inFlight).body, /waited/);
  await closed;
});

const refusals: [why: string, headers: Record<string, string>, body: object, status: number][] = [
  ['a protocol version that nobody knows', { 'Mcp-Protocol-Version': '1' }, initialize(), 400],
  ['a type that is neither answer', { Accept: 'text/html' }, initialize(), 406],
  ['no message', {}, { hello: 1 }, 400],
  ['a number taken twice', {}, [call(1, 'ping'), call(1, 'ping')], 400],
];

for (const [why, headers, body, status] of refusals)
  test(`without sessions, too, what can't be is refused: ${why}`, soon, async t => {
    const { app, origin } = await serveStateless(t);
    assert.equal((await post(origin, body, headers)).status, status);
    while (app.stats().sessions > 0) await new Promise(setImmediate);
  });

test('the page for browsers says that there are no sessions, and names no SSE', soon, async t => {
  const { app } = await serveStateless(t);
  const origin = await serve(t, landing(app, { name: 'x' }));
  const { body } = await ask(origin, { headers: { Accept: 'text/html' } });
  assert.match(body, /no sessions here/i);
  assert.doesNotMatch(body, /\/sse/);
});
