/** The mount beside others: in every host promised, around other apps, for many clients at once. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type RequestListener, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import connectApp from 'connect';
import express from 'express';
import sirv from 'sirv';
import { mcpApp } from '../apps/mcp/app.ts';
import { addItem, listItems } from '../items.ts';
import { type App, createRouter, type Router, rootPath } from '../router.ts';
import { createApp } from '../server.ts';
import { type Item, memoryStore, type Store } from '../store.ts';
import { shoppingServer } from '../tools.ts';
import { held, theirs } from './held.ts';
import { installedPackages, loadedPackages } from './module-graph.ts';
import { connect, serve } from './support.ts';

interface Host {
  name: string;
  build(store: Store, t: TestContext): RequestListener | Promise<RequestListener>;
  /** Where the client connects. */
  sse: string;
  /** Where the list is on the web; not every host has it. */
  items?: string;
}

const hosts: Host[] = [
  { name: 'a bare createServer', build: mcp, sse: '/sse' },
  {
    name: 'the server itself',
    build: store => createApp(store),
    sse: '/mcp/sse',
    items: '/items/',
  },
  {
    name: 'the server with MCP at the root',
    build: store => createApp(store, { mount: '/' }),
    sse: '/sse',
    items: '/items/',
  },
  {
    name: 'a router in a router in a router',
    build: store => createRouter().mount('/team', createRouter().mount('/a/b', embedded(store))),
    sse: '/team/a/b/mcp/sse',
    items: '/team/a/b/items/',
  },
  {
    name: 'Express, under a path',
    build: store => theirs(express().use('/x', held(embedded(store)))),
    sse: '/x/mcp/sse',
    items: '/x/items/',
  },
  {
    name: 'Express, without a path, before its own routes',
    build: store =>
      theirs(
        express()
          .use(held(embedded(store)))
          .get('/own', listItemsIn(store)),
      ),
    sse: '/mcp/sse',
    items: '/own',
  },
  {
    name: 'Express, behind express.json()',
    build: store =>
      theirs(
        express()
          .use(express.json())
          .use('/x', held(embedded(store))),
      ),
    sse: '/x/mcp/sse',
    items: '/x/items/',
  },
  {
    name: 'connect, under a path',
    build: store => theirs(connectApp().use('/x', held(embedded(store)))),
    sse: '/x/mcp/sse',
    items: '/x/items/',
  },
  {
    name: 'connect, without a path, before its own routes',
    build: store =>
      theirs(
        connectApp()
          .use(held(embedded(store)))
          .use('/own', listItemsIn(store)),
      ),
    sse: '/mcp/sse',
    items: '/own',
  },
  {
    name: 'Express in a router, as an app with the mount inside',
    build: store => createRouter().mount('/e', theirs(express().use('/x', held(embedded(store))))),
    sse: '/e/x/mcp/sse',
    items: '/e/x/items/',
  },
  {
    name: 'a proxy that strips a prefix and says so',
    build: (store, t) => stripping(t, '/team/a', createApp(store)),
    sse: '/team/a/mcp/sse',
    items: '/team/a/items/',
  },
];

/** The router in somebody else's server, as the README shows it. */
function embedded(store: Store): Router {
  return createRouter()
    .get('/items/', listItems(store))
    .post('/items/', addItem(store))
    .mount('/mcp', mcp(store));
}

function mcp(store: Store): Router {
  return mcpApp(() => shoppingServer(store));
}

function listItemsIn(store: Store): RequestListener {
  return async (_req, res) => res.end(JSON.stringify(await store.list()));
}

/** A proxy in front of `app` that takes `prefix` off and names it in a header. */
async function stripping(t: TestContext, prefix: string, app: App): Promise<RequestListener> {
  const { hostname, port } = new URL(await serve(t, app));
  return (req, res) => {
    const path = req.url?.slice(prefix.length);
    const headers = { ...req.headers, 'X-Forwarded-Prefix': prefix };
    const onward = request({ hostname, port, path, method: req.method, headers }, answer => {
      res.writeHead(answer.statusCode ?? 502, answer.headers);
      res.flushHeaders();
      answer.pipe(res);
    });
    res.once('close', () => onward.destroy());
    onward.once('error', () => res.destroy());
    req.pipe(onward);
  };
}

for (const { name, build, sse, items } of hosts) {
  test(`the SDK's SSE client works with ${name}`, async t => {
    const store = memoryStore();
    const origin = await serve(t, await build(store, t));
    const client = await connect(t, origin + sse);
    const { tools } = await client.listTools();
    assert.deepEqual(
      tools.map(tool => tool.name),
      ['get_items', 'add_item', 'update_item', 'remove_item'],
    );
    const added = await add(client, 'Dates');
    assert.deepEqual(added, { id: 4, name: 'Dates', quantity: 1, purchased: false });
    const list = items ? await getJson(origin + items) : await store.list();
    assert.deepEqual(list.at(-1), added);
  });
}

type Client = Awaited<ReturnType<typeof connect>>;

async function add(client: Client, name: string): Promise<Item> {
  const { structuredContent } = await client.callTool({ name: 'add_item', arguments: { name } });
  return structuredContent as Item; // the client has checked it against the tool's output schema
}

async function getJson(url: string): Promise<Item[]> {
  const answer = await fetch(url);
  assert.equal(answer.status, 200, url);
  return (await answer.json()) as Item[]; // compared with what it should be by the caller
}

test('the endpoint event names the place to post to, wherever the app is mounted', async t => {
  const stripped = { 'X-Forwarded-Prefix': '/team/a' };
  const hostile = { 'X-Forwarded-Prefix': '//evil.example/' };
  const rows: [mount: string, path: string, headers: Record<string, string>, data: string][] = [
    ['/', '/sse', {}, '/messages'],
    ['/mcp', '/mcp/sse', {}, '/mcp/messages'],
    ['/mcp', '/mcp/sse?a=b', {}, '/mcp/messages'],
    ['/mcp', '/mcp/sse/', {}, '/mcp/messages'],
    ['/tools/mcp', '/tools/mcp/sse', {}, '/tools/mcp/messages'],
    ['/', '/sse', stripped, 'messages'],
    ['/mcp', '/mcp/sse', stripped, 'messages'],
    ['/mcp', '/mcp/sse?a=b/', stripped, 'messages'],
    ['/mcp', '/mcp/sse/', stripped, '../messages'],
    ['/tools/mcp', '/tools/mcp/sse', stripped, 'messages'],
    ['/mcp', '/mcp/sse', hostile, 'messages'],
  ];
  for (const [mount, path, headers, data] of rows) {
    const origin = await serve(t, createApp(memoryStore(), { mount }));
    const event = await firstEvent(origin + path, headers);
    const where = `${path} with ${JSON.stringify(headers)}`;
    assert.match(event, /^event: endpoint\ndata: \S+\?sessionId=[0-9a-f-]{36}$/, where);
    const named = /data: (.*)\?/.exec(event)?.[1] ?? '';
    assert.equal(named, data, where);
    const resolved = new URL(named, origin + path).pathname;
    assert.equal(resolved, `${mount}/messages`.replace('//', '/'), 'where a client would post');
  }
});

test('an embedder can have the endpoint relative without the header', async t => {
  const app = mcpApp(() => shoppingServer(memoryStore()), { endpoint: 'relative' });
  const origin = await serve(t, createRouter().mount('/mcp', app));
  assert.match(await firstEvent(`${origin}/mcp/sse`), /^event: endpoint\ndata: messages\?/);
});

async function firstEvent(url: string, headers: Record<string, string> = {}): Promise<string> {
  const gone = new AbortController();
  const answer = await fetch(url, { headers, signal: gone.signal });
  assert.equal(answer.headers.get('content-type'), 'text/event-stream');
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of answer.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes('\n\n')) break;
  }
  gone.abort();
  return text.split('\n\n', 1)[0] ?? '';
}

test('the SDK client works through the proxy with a slash at the end as well', async t => {
  const origin = await serve(t, await stripping(t, '/team/a', createApp(memoryStore())));
  const client = await connect(t, `${origin}/team/a/mcp/sse/`);
  assert.equal((await add(client, 'Dates')).name, 'Dates');
});

test('an Express app mounted in a router keeps its paths, async middleware included', async t => {
  const app = express();
  app.use('/admin', async (req, res, next) => {
    const before = [req.baseUrl, req.url, rootPath(req)];
    await new Promise(done => setImmediate(done));
    res.locals.seen = { before, after: [req.baseUrl, req.url, rootPath(req)] };
    next();
  });
  app.get('/admin/users/:id', (req, res) => {
    res.json({ ...res.locals.seen, params: req.params, originalUrl: req.originalUrl });
  });
  const origin = await serve(
    t,
    createRouter().mount('/tools', createRouter().mount('/e', theirs(app))),
  );
  const answer = await fetch(`${origin}/tools/e/admin/users/7?x`);
  const inside = ['/tools/e/admin', '/users/7?x', '/tools/e/admin'];
  assert.deepEqual(await answer.json(), {
    before: inside,
    after: inside,
    params: { id: '7' },
    originalUrl: '/tools/e/admin/users/7?x',
  });
  const unknown = await fetch(`${origin}/tools/e/nowhere`);
  assert.equal(unknown.status, 404);
  assert.match(await unknown.text(), /Cannot GET \/tools\/e\/nowhere/, 'in its own words');
});

test('a static-file app mounted in a router serves its files below the prefix', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'static-'));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'index.html'), 'the index');
  await writeFile(join(folder, 'a b.txt'), 'a file');
  const origin = await serve(t, createRouter().mount('/files', sirv(folder)));
  const rows: [path: string, status: number, body: RegExp][] = [
    ['/files', 200, /^the index$/],
    ['/files/', 200, /^the index$/],
    ['/files/a%20b.txt?v=1', 200, /^a file$/],
    ['/files/nowhere', 404, /^$/],
    ['/filesystem', 404, /Nothing answers/],
  ];
  for (const [path, status, body] of rows) {
    const answer = await fetch(origin + path);
    assert.equal(answer.status, status, path);
    assert.match(await answer.text(), body, path);
  }
});

test('each session has a server of its own and gets only its own answers', async t => {
  let servers = 0;
  const both = barrier(2);
  function numbered(): McpServer {
    const number = String(++servers);
    const server = new McpServer({ name: 'test', version: '0' }, { instructions: number });
    server.registerTool('whoami', {}, async () => {
      await both();
      return { content: [{ type: 'text', text: number }] };
    });
    return server;
  }
  const origin = await serve(t, createRouter().mount('/mcp', mcpApp(numbered)));
  const clients = [await connect(t, `${origin}/mcp/sse`), await connect(t, `${origin}/mcp/sse`)];
  assert.equal(servers, 2);
  // Both calls are in flight at once, and both have the same JSON-RPC id.
  const answers = await Promise.all(clients.map(client => client.callTool({ name: 'whoami' })));
  const told = answers.map(({ content }) => content);
  const own = clients.map(client => [{ type: 'text', text: client.getInstructions() }]);
  assert.deepEqual(told, own);
  assert.deepEqual(
    clients.map(client => client.getInstructions()),
    ['1', '2'],
  );
});

/** Holds every caller until `count` have come. */
function barrier(count: number): () => Promise<void> {
  let waiting = 0;
  let open = () => {};
  const opened = new Promise<void>(done => {
    open = done;
  });
  return () => {
    if (++waiting === count) open();
    return opened;
  };
}

test('fifty clients at once each get their own answer, and all see one list', async t => {
  const origin = await serve(t, createApp(memoryStore({ maxItems: 100 })));
  const names = Array.from({ length: 50 }, (_, i) => `Item of client ${i}`);
  const clients = await Promise.all(names.map(() => connect(t, `${origin}/mcp/sse`)));
  const added = await Promise.all(clients.map((client, i) => add(client, names[i] ?? '')));
  assert.deepEqual(
    added.map(item => item.name),
    names,
  );
  const list = await getJson(`${origin}/items/`);
  assert.deepEqual(
    list.slice(3),
    added.toSorted((a, b) => a.id - b.id),
  );
  const lists = await Promise.all(clients.map(client => client.callTool({ name: 'get_items' })));
  for (const { structuredContent } of lists) assert.deepEqual(structuredContent, { items: list });
});

test('a running server has loaded no express and no hono', async t => {
  const loaded = await loadedPackages('server.ts');
  const installed = await installedPackages();
  assert.ok(loaded.includes('zod') && loaded.includes('ajv'), 'ES modules and CommonJS are seen');
  for (const name of loaded) assert.doesNotMatch(name, /express|hono/);
  const dev = loaded.filter(name => !installed.includes(name));
  assert.deepEqual(dev, [], 'no dev dependency is needed to run');
  t.diagnostic(`${installed.length} packages installed, ${loaded.length} packages loaded`);
});
