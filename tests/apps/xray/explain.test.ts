/** What explain says, in words and in a header, is what the server does. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import express from 'express';
import { explain, mountHeader } from '../../../apps/xray/explain.ts';
import { matched, type RequestEvent } from '../../../http/channels.ts';
import { type App, createRouter, type Handler, type Router, rootPath } from '../../../router.ts';
import { type AppOptions, createApp } from '../../../server.ts';
import { memoryStore } from '../../../store.ts';
import { addEdgeRoutes, edges } from '../../edge-table.ts';
import { held, listen, theirs } from '../../held.ts';
import { sendRaw, serve } from '../../support.ts';
import { ask } from '../mcp/wire.ts';

test('for every edge case, what explain says is what the server does', async t => {
  const { port, router } = await serveEdges(t);
  for (const [line, , reason] of edges) {
    await t.test(`${JSON.stringify(line)}: ${reason}`, async t => {
      const [method = '', target = ''] = line.split(/ (.*)/s);
      const foretold = toldBy(explain(router, method, target));
      const seen = listenTo(t);
      const answer = await sendRaw(port, headOf(line));
      const last = foretold.at(-1);
      assert.ok(last);

      // Guards and Node's own parser refuse some of these before a router sees them.
      if (seen.length > 0 || last.status !== '400') assert.deepEqual(seen, foretold);
      if (last.status !== undefined) assert.equal(String(answer.status), last.status);
      if (last.allow !== undefined) assert.equal(answer.headers['allow'], last.allow);
      if (answer.headers['x-took'] !== undefined)
        assert.equal(answer.headers['x-took'], last.took ?? `${last.root} + ${last.url}`);
      else assert.ok(last.status !== undefined || isOurs(last), 'a probe would have said so');
    });
  }
});

/** One router on the way: what explain says of it, or what it did. */
interface Told {
  root: string;
  url?: string;
  /** The route that takes it. */
  took?: string;
  status?: string;
  allow?: string;
}

/** Reads the words, as a person would: the verdict is the last router's. */
function toldBy(text: string): Told[] {
  const [verdict = '', ...sections] = text.split('\n\n');
  return sections.map((section, i) => {
    const said = (pattern: RegExp) => pattern.exec(section)?.[1];
    const end = i === sections.length - 1 ? verdict : '';
    const ended = (pattern: RegExp) => pattern.exec(end)?.[1];
    const told = {
      root: said(/^ {2}rootPath {2}'(.*)'$/m) ?? said(/^At (\/\S+) nothing/) ?? '',
      url: said(/^ {2}url {7}'(.*)'$/m),
      took: said(/^At .* the route ([A-Z]+ \S+) takes it\.$/m),
      status: ended(/ is refused with (\d+)\./) ?? ended(/ is answered with (\d+), Allow/),
      allow: ended(/ with 204, Allow: (.*)\.$/m) ?? ended(/ with 405\. .* Use (.*)\.$/m),
    };
    return defined(told);
  });
}

/** The decisions of the routers that a request passes from now on. */
function listenTo(t: TestContext): Told[] {
  const seen: Told[] = [];
  const listener = (event: unknown) => seen.push(didOf(event as RequestEvent)); // what it carries
  matched.subscribe(listener);
  t.after(() => matched.unsubscribe(listener));
  return seen;
}

function didOf({ rootPath, match }: RequestEvent): Told {
  const prefix = match.kind === 'mount' ? match.mount.prefix : '';
  const refused = match.kind === 'refused' ? match : undefined;
  return defined({
    root: rootPath + prefix,
    url: refused ? undefined : match.url,
    took: match.kind === 'route' ? `${match.route.method} ${match.route.path}` : undefined,
    status: match.kind === 'options' ? '204' : refused && String(refused.status),
    allow: 'allow' in match ? match.allow : undefined,
  });
}

function defined(told: { root: string } & { [K in keyof Told]: string | undefined }): Told {
  return JSON.parse(JSON.stringify(told)); // which leaves out what is undefined
}

/** What this server had on its routes before the table's probes. */
function isOurs({ root, took }: Told): boolean {
  return root === '/mcp' || took?.includes('/items') === true || took === 'GET /';
}

async function serveEdges(t: TestContext): Promise<{ port: number; router: Router }> {
  const app = createApp(memoryStore(), { allowHosts: ['example.org'] });
  addEdgeRoutes(app.router, took, probe);
  const { port, stop } = await listen(app, ['127.0.0.1'], 0);
  t.after(stop);
  return { port, router: app.router };
}

const probe: App = (req, res) => res.setHeader('X-Took', `${rootPath(req)} + ${req.url}`).end();

function took(route: string): Handler {
  return (_req, res) => res.setHeader('X-Took', route).end();
}

function headOf(line: string, more = ''): string {
  return `${line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${more}\r\n`;
}

test('explain says why each other entry was passed over', () => {
  const nothing = () => {};
  const router = createRouter()
    .get('/items/:id', nothing)
    .post('/items/new', nothing)
    .get('/items/new', nothing)
    .get('/lists/:list/:entry', nothing)
    .mount('/lists/mcp', nothing)
    .mount('/lists/mcp/deep', nothing)
    .mount('/', nothing);
  const rows: [line: string, entry: string, reason: string][] = [
    ['GET /items/new', 'GET /items/:id', 'holds it too, but a fixed segment goes before a param'],
    ['HEAD /items/new', 'GET /items/:id', 'holds it too, but a fixed segment goes before a param'],
    ['GET /items/new', 'POST /items/new', 'is not for GET'],
    ['GET /items/new', 'mount /', 'takes only what nothing else takes'],
    ['GET /lists/mcp/deep/x', 'mount /lists/mcp', 'holds it too, but is shorter'],
    [
      'GET /lists/mcp/x',
      'GET /lists/:list/:entry',
      'holds it too, but a mounted prefix goes before a param',
    ],
    ['DELETE /items/new', 'POST /items/new', 'is not for DELETE'],
    [
      'GET /lists/mcpx',
      'mount /lists/mcp',
      "'/lists/mcp' is mounted, but a prefix ends at a segment: '/lists/mcp/…'.",
    ],
  ];
  for (const [line, entry, reason] of rows) {
    const [method = '', target = ''] = line.split(' ');
    const lines = explain(router, method, target).split('\n');
    const said = lines.find(text => text.startsWith(`  ${entry} `));
    assert.equal(said?.slice(entry.length + 2).trim(), reason, line);
  }
});

test('other paths are counted, not listed one by one', () => {
  const nothing = () => {};
  const router = createRouter().get('/a', nothing).get('/b', nothing).mount('/c', nothing);
  const rows: [line: string, said: string][] = [
    ['GET /a', 'Passed over: 2 other paths'],
    ['POST /a', 'Passed over:\n  GET /a                 is not for POST\n  and 2 other paths'],
    ['GET /d', 'Passed over: 3 other paths'],
  ];
  for (const [line, said] of rows) {
    const [method = '', target = ''] = line.split(' ');
    assert.ok(explain(router, method, target).endsWith(`\n${said}`), line);
  }
  assert.doesNotMatch(explain(createRouter().get('/a', nothing), 'GET', '/a'), /Passed over/);
});

test('the verdict comes first, and names where a request is answered', () => {
  const { router } = createApp(memoryStore());
  const rows: [line: string, verdict: string][] = [
    ['GET /items/', 'GET /items/ is answered by GET /items/.'],
    ['POST /mcp/messages', 'POST /mcp/messages is answered by POST /messages of the app at /mcp.'],
    ['OPTIONS /docs', 'OPTIONS /docs is answered with 204, Allow: GET, HEAD, OPTIONS.'],
  ];
  router.mount('/foreign', () => {});
  for (const [line, verdict] of [...rows, ['GET /foreign/x', foreign] as const]) {
    const [method = '', target = ''] = line.split(' ');
    assert.equal(explain(router, method, target).split('\n')[0], verdict);
  }
});

const foreign = 'GET /foreign/x is handed to the app at /foreign.';

test('where the handler refuses what curl sends, explain says so, as it then comes', async t => {
  const app = createApp(memoryStore());
  const origin = await serve(t, app);
  const lines = ['GET /mcp', 'DELETE /mcp', 'POST /mcp/messages'];
  for (const line of lines) {
    const [method = '', target = ''] = line.split(' ');
    const [, told] = explain(app.router, method, target).split('\n');
    const { status, body } = await ask(origin + target, { method });
    const bare = `With no header, query or body, as curl sends it: ${status}. ${JSON.parse(body).detail}`;
    assert.equal(told, bare, line);
  }
  assert.equal(explain(app.router, 'HEAD', '/mcp').split('\n')[1], '', 'which is another answer');
});

test('a request that asks is told in a header where it was split', async t => {
  const foreign: App = (_req, res) => res.end();
  const app = createApp(memoryStore());
  app.router.mount('/foreign', foreign);
  const rows: [why: string, app: App, path: string, told: string][] = [
    ['a route', app, '/items/?page=1', "root=''; url='/items/?page=1'"],
    ['a mounted router', app, '/mcp/sse', "root='/mcp'; url='/sse'"],
    ['the bare mount', app, '/mcp', "root='/mcp'; url='/'"],
    ['a mounted app of another kind', app, '/foreign/x', "root='/foreign'; url='/x'"],
    ['what nothing answers', app, '/nowhere', "root=''; url='/nowhere'"],
    [
      'below another router',
      createRouter().mount('/a', app),
      '/a/mcp/sse',
      "root='/a/mcp'; url='/sse'",
    ],
    [
      'below Express',
      theirs(express().use('/b', held(app))),
      '/b/items/',
      "root='/b'; url='/items/'",
    ],
  ];
  for (const [why, host, path, told] of rows) {
    const origin = await serve(t, host);
    const silent = await ask(origin + path, { method: 'HEAD' });
    assert.equal(silent.headers['x-mount'], undefined, `${why}: unasked`);
    const asked = await ask(origin + path, { method: 'HEAD', headers: { 'X-Mount': '?' } });
    assert.equal(asked.headers['x-mount'], told, why);
    assert.equal(asked.status, silent.status, why);
  }
});

test('for every edge case, the header changes nothing and is right', async t => {
  const { port } = await serveEdges(t);
  for (const [line, , reason] of edges) {
    const plain = await sendRaw(port, headOf(line));
    const { status, headers } = await sendRaw(port, headOf(line, 'X-Mount: ?\r\n'));
    assert.equal(status, plain.status, `${line}: ${reason}`);
    const [, root, url] = /^root='(.*)'; url='(.*)'$/.exec(headers['x-mount'] ?? '') ?? [];
    const probed = headers['x-took']?.split(' + ');
    if (probed?.[1] !== undefined) assert.deepEqual([root, url], probed, line);
  }
});

test('the header is for this machine alone, and says nothing of what a guard refused', async t => {
  const from = (address: string): App => {
    const app = createApp(memoryStore());
    return (req, res) => {
      Object.defineProperty(req.socket, 'remoteAddress', { value: address });
      return app(req, res);
    };
  };
  const asked = { headers: { 'X-Mount': '?' } };
  const rows: [address: string, told: string | undefined][] = [
    ['127.0.0.1', "root=''; url='/items/'"],
    ['127.9.9.9', "root=''; url='/items/'"],
    ['::1', "root=''; url='/items/'"],
    ['::ffff:127.0.0.1', "root=''; url='/items/'"],
    ['192.0.2.1', undefined],
    ['::ffff:192.0.2.127', undefined],
    ['2001:db8::1', undefined],
    ['::127.0.0.1', undefined],
  ];
  for (const [address, told] of rows) {
    const { headers, status } = await ask(`${await serve(t, from(address))}/items/`, asked);
    assert.equal(status, 200);
    assert.equal(headers['x-mount'], told, address);
  }
  const origin = await serve(t, createApp(memoryStore()));
  const refused = await ask(origin, { headers: { 'X-Mount': '?', Host: 'evil.example' } });
  assert.equal(refused.status, 403);
  assert.equal(refused.headers['x-mount'], undefined);
});

test('the header is an App around a router, which stays one', () => {
  const router = createRouter().get('/x', () => {});
  const shown = mountHeader(router);
  assert.deepEqual(shown.list(), router.list());
  assert.equal(shown.match('GET', '/x').kind, 'route');
});

test('explain follows a request through guards into mounted routers, however deep', () => {
  const options: AppOptions = { tokens: ['a-token-for-this-test'] };
  const outer = createRouter().mount('/a/b', createApp(memoryStore(), options));
  assert.deepEqual(toldBy(explain(outer, 'POST', '/a/b/mcp/messages?x')), [
    { root: '/a/b', url: '/mcp/messages?x' },
    { root: '/a/b/mcp', url: '/messages?x' },
    { root: '/a/b/mcp', url: '/messages?x', took: 'POST /messages' },
  ]);
});
