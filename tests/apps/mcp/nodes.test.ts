/** Several nodes behind one address: a session's id says which of them has it. */
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { type StrayedEvent, strayed } from '../../../apps/mcp/channels.ts';
import { nodeOf, sessionIdIn } from '../../../apps/mcp/nodes.ts';
import { accessLog } from '../../../apps/xray/log.ts';
import type { App } from '../../../http/app.ts';
import { shortId } from '../../../http/redact.ts';
import { type AppOptions, createApp } from '../../../server.ts';
import { memoryStore } from '../../../store.ts';
import { connect, serve, type Transport } from '../../support.ts';
import { ask, call, eventsOf, openSession, openSse, openStream, post } from './wire.ts';

const soon = { timeout: 30_000 }; // a test that waits for what never comes fails
const transports: Transport[] = ['sse', 'streamable'];
const pathOf = { sse: '/mcp/sse', streamable: '/mcp' };
const uuid = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';

const names: [why: string, name: unknown, isOne: boolean][] = [
  ['a letter', 'a', true],
  ['as Kubernetes names a pod', 'list-7d9c5b6d4f-x2x9q', true],
  ['as long as a DNS label', 'n'.repeat(63), true],
  ['longer', 'n'.repeat(64), false],
  ['none', '', false],
  ['a dot ends the name in an id', 'a.b', false],
  ['a query would have to encode it', 'a b', false],
  ['it would begin another query field', 'a&sessionId=1', false],
  ['a header ends there', 'a\r\nX: y', false],
  ['a line after the name', 'a\n', false],
  ['no text', 1, false],
];

for (const [why, node, isOne] of names)
  test(`a node's name: ${JSON.stringify(node).slice(0, 30)}, ${why}`, () => {
    const make = () => createApp(memoryStore(), { mcp: { node: node as string } }); // as JavaScript may
    if (isOne) return void make();
    assert.throws(make, /^TypeError: mcpApp: 'node' is 1 to 63 letters, digits and '-'/);
  });

const ids: [why: string, target: string | undefined, id: string | undefined][] = [
  ['both parts', '/messages?node=a&sessionId=1f', 'a.1f'],
  ['in any order, among others', '/messages?x=y&sessionId=1f&node=a', 'a.1f'],
  ['a node without a name', '/messages?sessionId=1f', '1f'],
  ['no session', '/messages?node=a', undefined],
  ['other names that end alike', '/messages?mynode=a&sessionId=1f', '1f'],
  ['nothing', undefined, undefined],
];

for (const [why, target, id] of ids)
  test(`the session that ${target} names: ${why}`, () => assert.equal(sessionIdIn(target), id));

test('a node names itself where SSE clients are to post, wherever it is mounted', soon, async t => {
  const forwarded = { 'X-Forwarded-Prefix': '/team' };
  const rows: [mount: string, headers: Record<string, string>, place: string][] = [
    ['/mcp', {}, '/mcp/messages'],
    ['/', {}, '/messages'],
    ['/mcp', forwarded, 'messages'],
  ];
  for (const [mount, headers, place] of rows) {
    const { origin } = await serveNode(t, 'a', { mount });
    const sse = `${origin}${mount === '/' ? '' : mount}/sse`;
    const stream = await openStream(t, sse, { headers });
    const data = (await stream.next())?.data ?? '';
    assert.match(data, new RegExp(`^${place}\\?node=a&sessionId=${uuid}$`));
    assert.equal((await post(new URL(data, sse).href, call(1, 'ping'))).status, 202);
  }
});

test('a Streamable session’s id begins with the name of its node', soon, async t => {
  const { origin } = await serveNode(t, 'node-1');
  const session = await openSession(`${origin}/mcp`);
  assert.match(session['Mcp-Session-Id'] ?? '', new RegExp(`^node-1\\.${uuid}$`));
  assert.equal((await post(`${origin}/mcp`, call(1, 'ping'), session)).status, 200);
});

test('a session without its node’s name is none of that node', soon, async t => {
  const { origin } = await serveNode(t, 'a');
  const { messages } = await openSse(t, `${origin}/mcp/sse`);
  const session = await openSession(`${origin}/mcp`);
  const bare = session['Mcp-Session-Id']?.replace('a.', '') ?? '';
  const answers = [
    await post(messages.replace('node=a&', ''), call(1, 'ping')),
    await post(`${origin}/mcp`, call(1, 'ping'), { ...session, 'Mcp-Session-Id': bare }),
  ];
  for (const { status, body } of answers) {
    assert.equal(status, 404);
    assert.match(body, /There is no such session/, 'and nobody else’s');
  }
});

for (const transport of transports)
  test(
    `clients over ${transport} come back to their nodes behind a proxy that goes by the names`,
    soon,
    async t => {
      const nodes = [await serveNode(t, 'a'), await serveNode(t, 'b'), await serveNode(t, 'c')];
      const apps = new Map(nodes.map(({ name, app }) => [name, app]));
      const origin = await serve(t, byName(apps));
      const opening = nodes.map(() => connect(t, origin + pathOf[transport], transport));
      const clients = await Promise.all(opening);
      for (let round = 0; round < 2; round++)
        for (const client of clients)
          await client.callTool({ name: 'add_item', arguments: { name: 'Tea' } });
      for (const { origin } of nodes) {
        const health = await (await fetch(`${origin}/healthz`)).text();
        assert.match(health, /"sessions":1,/, 'each has one');
      }
    },
  );

/** A proxy as docs has them: by the query and the header's first part, and all else in turns. */
function byName(apps: Map<string, App>): App {
  let turn = 0;
  return (req, res) => {
    const { searchParams } = new URL(req.url ?? '', 'http://localhost');
    const name = searchParams.get('node') ?? nodeOf(String(req.headers['mcp-session-id'] ?? ''));
    const any = [...apps.values()][turn++ % apps.size];
    return (apps.get(name ?? '') ?? any)?.(req, res);
  };
}

test('a node says of another node’s session whose it is: 404, log and x-ray', soon, async t => {
  const [a, b, bare] = [await serveNode(t, 'a'), await serveNode(t, 'b'), await serveNode(t)];
  const session = await openSession(`${a.origin}/mcp`);
  const { messages } = await openSse(t, `${a.origin}/mcp/sse`);
  const id = session['Mcp-Session-Id'] ?? '';
  const lines = { text: logged(t, 'text'), json: logged(t, 'json') };
  const { seen } = eventsOf<StrayedEvent>(t, strayed);
  const path = messages.slice(a.origin.length);
  const answers = [
    await post(`${b.origin}/mcp`, call(1, 'ping'), session),
    await post(b.origin + path, call(1, 'ping')),
    await ask(`${b.origin}/mcp`, { method: 'DELETE', headers: session }),
    await post(`${bare.origin}/mcp`, call(1, 'ping'), session),
  ];
  for (const [i, { status, body }] of answers.entries()) {
    assert.equal(status, 404, 'exactly: clients start anew on 404');
    const here = i < 3 ? 'b' : 'another, without a name';
    assert.match(JSON.parse(body).detail, new RegExp(`is on the node a, and this is ${here}: `));
  }
  assert.deepEqual(
    seen.map(({ sessionId, node }) => [sessionId, node]),
    [id, sessionIdIn(path), id, id].map(one => [one, 'a']),
  );
  for (const line of lines.text)
    assert.match(line, / session a\.[0-9a-f]{8}… {2}is on node a, not/);
  for (const line of lines.json) assert.equal(JSON.parse(line).elsewhere, 'a');
  assert.equal(lines.text.length + lines.json.length, 8);

  const looking = await openStream(t, `${b.origin}/live/events`);
  await looking.next(); // hello
  const { steps } = JSON.parse((await looking.next())?.data ?? '');
  const refusals = steps.filter(({ kind }: { kind: string }) => kind === 'refused');
  assert.equal(refusals.length, 3);
  for (const { detail } of refusals) assert.match(detail, /is on the node a, and this is b/);
});

test('a session of its own that has ended is not another node’s', soon, async t => {
  const { origin } = await serveNode(t, 'a');
  const session = await openSession(`${origin}/mcp`);
  await ask(`${origin}/mcp`, { method: 'DELETE', headers: session });
  const { status, body } = await post(`${origin}/mcp`, call(1, 'ping'), session);
  assert.equal(status, 404);
  assert.match(body, /There is no such session/);
});

test('the page is told the node’s name, and no name where there is none', soon, async t => {
  for (const name of ['a', undefined]) {
    const { origin } = await serveNode(t, name);
    const stream = await openStream(t, `${origin}/live/events`);
    assert.equal(JSON.parse((await stream.next())?.data ?? '').node, name);
  }
});

test('a session is shown by its node and eight characters', () => {
  const id = '3f2a91c0-7f0d-4f0e-9f0a-1f2b3c4d5e6f';
  for (const name of ['a', 'n'.repeat(63)])
    assert.equal(shortId(`${name}.${id}`), `${name}.3f2a91c0…`);
});

interface Node {
  name: string;
  app: App;
  origin: string;
}

async function serveNode(t: TestContext, node?: string, options: AppOptions = {}): Promise<Node> {
  const app = createApp(memoryStore(), { xray: true, ...options, mcp: { node } });
  t.after(() => app.close?.());
  return { name: node ?? '', app, origin: await serve(t, app) };
}

/** The log's lines from now on. */
function logged(t: TestContext, format: 'text' | 'json'): string[] {
  const lines: string[] = [];
  t.after(accessLog(format, line => lines.push(line)));
  return lines;
}
