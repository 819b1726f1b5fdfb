/** The mount contract, rule by rule. The hosts and apps it must get along with: hosts.test.ts. */
import assert from 'node:assert/strict';
import { type IncomingMessage, request, type ServerResponse } from 'node:http';
import { Session } from 'node:inspector/promises';
import test, { type TestContext } from 'node:test';
import { format } from 'node:util';
import fc from 'fast-check';
import {
  type App,
  createRouter,
  type Handler,
  type Match,
  type Router,
  rootPath,
  stripPrefix,
} from '../router.ts';
import { addEdgeRoutes, type Edge, edges, items } from './edge-table.ts';
import { listen } from './held.ts';
import { type RawAnswer, sendRaw, serve } from './support.ts';

test('a prefix comes off whole segments, byte for byte', () => {
  const rows: [url: string, prefix: string, left: string | undefined, reason: string][] = [
    ['/mcp/sse', '/mcp', '/sse', 'the rest starts with its own slash'],
    ['/mcp', '/mcp', '/', 'an app always sees a path'],
    ['/mcp?x', '/mcp', '/?x', 'the query stays with the app'],
    ['/mcp/', '/mcp', '/', 'that slash was already there'],
    ['/mcp//', '/mcp', '//', 'slashes are never merged'],
    ['/mcpx', '/mcp', undefined, 'a prefix ends at a segment'],
    ['/mcp.json', '/mcp', undefined, 'a dot does not end a segment'],
    ['/mcp;v=1', '/mcp', undefined, 'nor does a semicolon'],
    ['/MCP', '/mcp', undefined, 'upper and lower case differ'],
    ['/%6dcp', '/mcp', undefined, 'nothing is decoded'],
    ['//mcp', '/mcp', undefined, 'the first segment here is empty'],
    ['/mc', '/mcp', undefined, 'a part of the prefix is not the prefix'],
    ['/a/mcp', '/mcp', undefined, 'a prefix starts at the start'],
    ['/mcp/sse', '', '/mcp/sse', "a mount at '/' takes nothing off"],
  ];
  for (const [url, prefix, left, reason] of rows)
    assert.equal(stripPrefix(url, prefix), left, `${url} below ${prefix}: ${reason}`);
});

// For tests where the mistake is no answer at all.
const soon = { timeout: 30_000 };

test('what match says is what the server does', async t => {
  const router = edgeRouter();
  const { port, stop } = await listen(router, ['127.0.0.1'], 0);
  t.after(stop);
  for (const [line, outcome, reason] of edges) {
    await t.test(`${JSON.stringify(line)} is ${outcome}: ${reason}`, async () => {
      const [method = '', target = ''] = line.split(/ (.*)/s);
      assert.equal(foretold(router.match(method, target)), outcome);
      const head = `${line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
      assert.equal(happened(await sendRaw(port, head)), outcome);
    });
  }
});

function edgeRouter(): Router {
  const router = createRouter()
    .get('/items/', took('GET /items/'))
    .post('/items', took('POST /items'))
    .get('/items/:id', took('GET /items/:id'))
    .patch('/items/:id', took('PATCH /items/:id'))
    .mount('/mcp', probe);
  addEdgeRoutes(router, took, probe);
  return router;
}

// In a header, which HEAD has as well.
const probe: App = (req, res) => res.setHeader('X-Took', shown(rootPath(req), req.url)).end();

function shown(root: string, url: string | undefined): string {
  return `${root || '(root)'} + ${url}`;
}

function took(route: string): Handler {
  return (req, res) => res.setHeader('X-Took', `${route} ${JSON.stringify(req.params)}`).end();
}

function foretold(match: Match): string {
  if (match.kind === 'mount') return shown(match.mount.prefix, match.url);
  if (match.kind === 'options') return `204 ${match.allow}`;
  if (match.kind === 'refused')
    return [match.status, 'allow' in match && match.allow].filter(Boolean).join(' ');
  return `${match.route.method} ${match.route.path} ${JSON.stringify(match.params)}`;
}

function happened({ status, headers }: RawAnswer): string {
  return headers['x-took'] ?? [status, headers.allow].filter(Boolean).join(' ');
}

test('a mount at the root takes every method and path that nothing else took', async t => {
  const router = createRouter().mount('/', probe).mount('/mcp', probe);
  router.get('/items/', took('GET /items/')).get('/lists/:id', took('GET /lists/:id'));
  const { port, stop } = await listen(router, ['127.0.0.1'], 0);
  t.after(stop);
  const rows: Edge[] = [
    ['GET /', '(root) + /', 'there is nothing to take off'],
    ['GET /sse?x', '(root) + /sse?x', 'an unknown path'],
    ['GET //mcp', '(root) + //mcp', 'as it was sent'],
    ['GET /mcpx', '(root) + /mcpx', 'what another prefix passes over'],
    ['DELETE /items/', '(root) + /items/', 'a method that the route does not have'],
    ['OPTIONS /items/', '(root) + /items/', 'OPTIONS as well'],
    ['GET /items/', 'GET /items/ {}', 'a route goes first'],
    ['HEAD /items', 'GET /items/ {}', 'so does its HEAD'],
    ['GET /lists/7', 'GET /lists/:id {"id":"7"}', 'so does one with params'],
    ['GET /mcp/sse', '/mcp + /sse', 'so does a longer prefix'],
    ['GET /x/../mcp', '400', 'what is ambiguous is refused before it is matched'],
  ];
  for (const [line, outcome, reason] of rows) {
    const [method = '', target = ''] = line.split(' ');
    assert.equal(foretold(router.match(method, target)), outcome, `${line}: ${reason}`);
    const head = `${line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
    assert.equal(happened(await sendRaw(port, head)), outcome, `${line}: ${reason}`);
  }
});

test('the longest prefix wins in every order of registration', () => {
  const prefixes = ['/', '/a', '/a/b', '/a/b/c'];
  const expected = {
    '/': '(root) + /',
    '/ax': '(root) + /ax',
    '/a': '/a + /',
    '/a/bx': '/a + /bx',
    '/a/b/x': '/a/b + /x',
    '/a/b/c/d': '/a/b/c + /d',
  };
  for (const order of orders(prefixes)) {
    const router = createRouter();
    for (const prefix of order) router.mount(prefix, probe);
    for (const [path, outcome] of Object.entries(expected))
      assert.equal(foretold(router.match('GET', path)), outcome, `${path} after ${order}`);
  }
});

function orders<T>(list: T[]): T[][] {
  if (list.length === 0) return [[]];
  return list.flatMap((first, i) => orders(list.toSpliced(i, 1)).map(rest => [first, ...rest]));
}

test(
  'what a mounted app does not know is its own 404, never a route or mount of the parent',
  soon,
  async t => {
    const inner = createRouter().get('/sse', took('GET /sse'));
    const origin = await serve(t, createRouter().mount('/mcp', inner).mount('/', probe));
    const answer = await fetch(`${origin}/mcp/items`);
    assert.equal(answer.status, 404);
    assert.match(await detailOf(answer), /^Nothing answers \/mcp\/items\. .*GET \/mcp\/sse/);
  },
);

test('a request with two Host headers is refused whatever its path', async t => {
  const { port, stop } = await listen(edgeRouter(), ['127.0.0.1'], 0);
  t.after(stop);
  for (const target of ['/mcp/sse', '/items/', '/nowhere']) {
    const twice = `GET ${target} HTTP/1.1\r\nHost: a\r\nhOST: b\r\nConnection: close\r\n\r\n`;
    const answer = await sendRaw(port, twice);
    assert.equal(answer.status, 400);
    assert.match(answer.body, /two Host headers/);
  }
});

test('a bad registration throws at once and names the remedy', () => {
  const noop = () => {};
  const rows: [register: (router: Router) => unknown, message: string][] = [
    [r => r.mount('/x/', noop), "mount('/x/'): a prefix does not end in '/'. Write '/x'."],
    [r => r.mount('/x//', noop), "mount('/x//'): a prefix does not end in '/'. Write '/x'."],
    [r => r.mount('x', noop), "mount('x'): a path starts with '/'. Write '/x'."],
    [r => r.mount('', noop), "mount(''): a path starts with '/'. Write '/'."],
    [r => r.get('x/:id', noop), "get('x/:id'): a path starts with '/'. Write '/x/:id'."],
    [r => r.get('', noop), "get(''): a path starts with '/'. Write '/'."],
    [
      r => r.mount('/x', undefined as never),
      "mount('/x'): nothing is given to answer it. Give an app: (req, res) => …",
    ],
    [
      r => r.mount('/x', { fetch: noop } as never),
      "mount('/x'): an object with fetch() is no Node listener: wrap it in its Node adapter. Give an app: (req, res) => …",
    ],
    [
      r => (r.get as (path: string) => unknown)('/x'),
      "get('/x'): nothing is given to answer it. Give a handler: (req, res) => …",
    ],
    [r => r.get(/x/ as never, noop), "get(/x/): a path is a string. Write '/items/:id', say."],
    [
      r => r.get('/x', null as never),
      "get('/x'): null is no function. Give a handler: (req, res) => …",
    ],
    [r => r.put('/x//y', noop), "put('/x//y'): '//' never matches. Write one '/'."],
    [r => r.get('//', noop), "get('//'): '//' never matches. Write one '/'."],
    [
      r => r.get('/x/*', noop),
      "get('/x/*'): '?' and '*' have no meaning in a path. Mount an app for a subtree.",
    ],
    [
      r => r.get('/x?y', noop),
      "get('/x?y'): '?' and '*' have no meaning in a path. Mount an app for a subtree.",
    ],
    [
      r => r.get('/x/../y', noop),
      "get('/x/../y') can never be reached: such a request is refused. " +
        "The path holds a dot segment ('.' or '..'). Send it resolved.",
    ],
    [
      r => r.mount('/café', noop),
      "mount('/café') can never be reached: such a request is refused. " +
        'The path holds a byte that must be percent-encoded.',
    ],
    [
      r => r.get('/x/v:id', noop),
      "get('/x/v:id'): a param is a whole segment, ':name'. 'v:id' is not.",
    ],
    [r => r.get('/x/:', noop), "get('/x/:'): a param is a whole segment, ':name'. ':' is not."],
    [r => r.get('/x/:a/:a', noop), "get('/x/:a/:a'): two params have one name. Name them apart."],
    [r => r.mount('/:team', noop), "mount('/:team'): a prefix has no params. Spell it out."],
    [
      r => r.mount('/mcp', noop),
      "mount('/mcp'): another app is mounted there. Choose another prefix.",
    ],
    [r => r.mount('/items', noop), "mount('/items') would hide GET /items/. Route it in that app."],
    [r => r.mount('/a/b', noop), "mount('/a/b') would hide PATCH /a/b/:c. Route it in that app."],
    [r => r.get('/mcp/x', noop), "get('/mcp/x') can never be reached: '/mcp' is mounted above it."],
    [r => r.get('/mcp/', noop), "get('/mcp/') can never be reached: '/mcp' is mounted above it."],
    [
      r => r.get('/items', noop),
      "get('/items'): GET /items/ is already there. Remove one of them.",
    ],
    [
      r => r.patch('/a/b/:d', noop),
      "patch('/a/b/:d'): PATCH /a/b/:c is already there. Remove one of them.",
    ],
  ];
  for (const [register, message] of rows) {
    const router = createRouter().get('/items/', noop).patch('/a/b/:c', noop).mount('/mcp', noop);
    assert.throws(() => register(router), { message });
    assert.equal(router.list().length, 3, 'and nothing is registered');
  }
});

test('a registration that failed leaves no trace on answers', soon, async t => {
  const router = createRouter();
  assert.throws(() => router.get('/:a/:a', () => {}), /two params/);
  const origin = await serve(t, router);
  const answer = await fetch(`${origin}/x`);
  assert.equal(answer.status, 404);
  assert.match(await detailOf(answer), /Nothing is registered here/);
});

test('the list holds every route and mount, in order, with what was said about it', () => {
  const about = { summary: 'All items' };
  const handler = () => {};
  const router = createRouter().get('/items/', handler, about).mount('/mcp', probe);
  router.mount('/', probe).post('/items/', handler);
  assert.deepEqual(router.list(), [
    { kind: 'route', method: 'GET', path: '/items/', handler, about },
    { kind: 'mount', prefix: '/mcp', app: probe },
    { kind: 'mount', prefix: '', app: probe },
    { kind: 'route', method: 'POST', path: '/items/', handler, about: {} },
  ]);
});

test('a handler knows its params by name, at compile time too', async t => {
  const router = createRouter().get('/lists/:list/items/:item', (req, res) => {
    const { list, item } = req.params;
    // @ts-expect-error: the path has no such param
    res.end(`${list satisfies string} ${item} ${req.params.shop}`);
  });
  const origin = await serve(t, router);
  const answer = await fetch(`${origin}/lists/a/items/b`);
  assert.equal(await answer.text(), 'a b undefined');
});

test('rootPath and url give back originalUrl, below up to three routers', soon, async t => {
  const { origin, use } = await swappable(t);
  const law = fc.asyncProperty(lawMounts, lawRequests, async (prefixes, requests) => {
    use(nest(prefixes));
    const root = prefixes.filter(prefix => prefix !== '/').join('');
    for (const { tail, query, form } of requests) {
      const path = `${root}${tail}${query}`.replace(/^(?!\/)/, '/');
      const sent = form + path;
      const seen: Seen = JSON.parse(await get(origin, sent));
      const where = `${sent} below ${prefixes}`;
      assert.equal(seen.originalUrl, path, where);
      assert.equal(seen.rootPath, root, where);
      // '/mcp?x' was entered as '/?x': that slash is the mount's
      const bare = path[root.length] !== '/';
      assert.equal(seen.rootPath + seen.url.slice(bare ? 1 : 0), path, where);
    }
  });
  await fc.assert(law, { seed: 2, numRuns: 60 });
});

interface Seen {
  rootPath: string;
  url: string;
  originalUrl: string;
}

const lawPrefixes = ['/', '/a', '/a/a', '/mcp', '/tools/mcp', '/a.b', '/~', '/a%20b'];
const lawTails = ['', '/', '//', '/a', '/a/', '/a/a', '/mcp', '/mcp/mcp', '/a%20b', '//a//', '/?'];
const lawQueries = ['', '?', '??', '?a', '?/a', '?/a?/a', '?x=/mcp?x=/mcp', '?a=%', '?//'];
const lawForms = ['', '', '', '', 'http://localhost']; // one in five is absolute

const lawMounts = fc.array(fc.constantFrom(...lawPrefixes), { minLength: 1, maxLength: 3 });
const lawRequests = fc.array(
  fc.record({
    tail: fc.constantFrom(...lawTails),
    query: fc.constantFrom(...lawQueries),
    form: fc.constantFrom(...lawForms),
  }),
  { minLength: 1, maxLength: 8, size: 'max' },
);

/** Routers mounted in one another at `prefixes`, with an app at the bottom that tells what it sees. */
function nest([prefix, ...rest]: string[]): App {
  if (prefix !== undefined) return createRouter().mount(prefix, nest(rest));
  return (req, res) => {
    const { url, originalUrl }: Rewritten = req;
    res.end(JSON.stringify({ rootPath: rootPath(req), url, originalUrl }));
  };
}

/** One server whose app can be changed, since a server per case costs seconds. */
async function swappable(t: TestContext): Promise<{ origin: string; use(app: App): void }> {
  let current: App = () => {};
  const origin = await serve(t, (req, res) => void current(req, res));
  return {
    origin,
    use(app) {
      current = app;
    },
  };
}

/** The body of GET `path`, which is sent as it is. */
function get(origin: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(origin);
    const sent = request({ hostname, port, path }, async res => {
      resolve(Buffer.concat(await res.toArray()).toString());
    });
    sent.once('error', reject).end();
  });
}

test('an app that throws before it answered is a 500 without a stack', soon, async t => {
  const rows: [name: string, app: App][] = [
    [
      'throws',
      () => {
        throw new Error('secret');
      },
    ],
    ['rejects', () => Promise.reject(new Error('secret'))],
    [
      'rejects later',
      async () => {
        await turn();
        throw new Error('secret');
      },
    ],
    [
      'throws no error at all',
      () => {
        throw undefined;
      },
    ],
    [
      'throws with half an answer prepared',
      (_req, res) => {
        res.statusCode = 201;
        res.setHeader('Content-Length', 3).setHeader('Content-Encoding', 'gzip');
        throw new Error('secret');
      },
    ],
  ];
  for (const [name, app] of rows) {
    const errors: unknown[] = [];
    const router = createRouter({ onError: error => errors.push(error) });
    const origin = await serve(t, router.mount('/app', app).get('/route', app));
    for (const path of ['/app/x', '/route']) {
      const answer = await fetch(origin + path);
      assert.equal(answer.status, 500, name);
      assert.equal(answer.headers.get('content-type'), 'application/problem+json');
      const body = await answer.text();
      assert.match(body, /"detail":"The server failed on this request/);
      assert.doesNotMatch(body, /secret|at /, name);
    }
    assert.equal(errors.length, 2, name);
  }
});

test(
  'a 500 keeps the CORS headers that a guard has set, so that a page can read it',
  soon,
  async t => {
    const router = createRouter({ onError() {} }).get('/', (_req, res) => {
      res.setHeader('Vary', 'Origin').setHeader('Access-Control-Allow-Origin', 'http://a');
      res.setHeader('ETag', 'x');
      throw new Error('secret');
    });
    const { headers } = await fetch(await serve(t, router));
    assert.equal(headers.get('access-control-allow-origin'), 'http://a');
    assert.equal(headers.get('vary'), 'Origin');
    assert.equal(headers.get('etag'), null);
  },
);

test('an app that throws after its headers has its connection cut', soon, async t => {
  const errors: unknown[] = [];
  const router = createRouter({ onError: error => errors.push(error) });
  router.mount('/app', async (_req, res) => {
    res.write('half');
    await turn();
    throw new Error('secret');
  });
  const origin = await serve(t, router);
  const answer = await fetch(`${origin}/app`);
  assert.equal(answer.status, 200);
  await assert.rejects(answer.text(), /terminated/);
  assert.equal(errors.length, 1);
});

test('an app that throws after its end has answered', async t => {
  const whole = 'x'.repeat(5_000_000); // more than a socket takes at once
  const errors: unknown[] = [];
  const router = createRouter({ onError: error => errors.push(error) });
  router.get('/', async (_req, res) => {
    res.end(whole);
    throw new Error('late');
  });
  const answer = await fetch(await serve(t, router));
  assert.equal(await answer.text(), whole);
  assert.match(String(errors), /late/);
});

test('what an app threw is logged once, with the url that the client sent', soon, async t => {
  const log = t.mock.method(console, 'error', () => {});
  const error = new Error('broken');
  const inner = createRouter().mount('/b', () => Promise.reject(error));
  const origin = await serve(t, createRouter().mount('/a', inner));
  await fetch(`${origin}/a/b/c?d`, { method: 'POST' });
  const lines = log.mock.calls.map(call => format(...call.arguments));
  assert.deepEqual(lines, [`POST /a/b/c?d: ${error.stack}`]);
});

function turn(): Promise<void> {
  return new Promise(done => setImmediate(done));
}

test(
  'with a next the router passes on what it does not answer, rewriting nothing',
  soon,
  async t => {
    const router = edgeRouter();
    const origin = await serve(t, (req, res) => {
      router(req, res, () => {
        const { url, originalUrl, baseUrl, params }: Rewritten = req;
        res.setHeader('X-Took', JSON.stringify([url, originalUrl, baseUrl, params])).end();
      });
    });
    const port = Number(new URL(origin).port);
    const rows: Edge[] = [
      ['GET /nowhere?x', '["/nowhere?x",null,null,null]', 'an unknown path'],
      ['OPTIONS /nowhere', '["/nowhere",null,null,null]', 'whatever the method'],
      ['GET http://a/nowhere', '["http://a/nowhere",null,null,null]', 'in the form it came in'],
      ['GET /mcp/nowhere', '/mcp + /nowhere', 'below a mount nothing is passed on'],
      ['DELETE /items', '["/items",null,null,null]', 'another method may be the host’s'],
      ['OPTIONS /items', '["/items",null,null,null]', 'so may OPTIONS'],
      ['GET /items/../x', '["/items/../x",null,null,null]', 'a foreign path in any spelling'],
      ['GET /mcp/../x', '400', 'but not what begins with a prefix and can be read differently'],
      ['GET /mcp%2fsse', '400', 'in any spelling'],
    ];
    for (const [line, outcome, reason] of rows) {
      const head = `${line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
      assert.equal(happened(await sendRaw(port, head)), outcome, `${line}: ${reason}`);
    }
  },
);

/** A request with what a mount, or a host, may have put on it. */
interface Rewritten extends IncomingMessage {
  originalUrl?: string;
  baseUrl?: string;
  params?: object;
}

test(
  'an app or handler is called with the request and the response, and no more',
  soon,
  async t => {
    const count = (...args: unknown[]) => (args[1] as ServerResponse).end(String(args.length));
    const router = createRouter().mount('/app', count).get('/route', count);
    const origin = await serve(t, (req, res) => void router(req, res, () => {}));
    for (const path of ['/app', '/route'])
      assert.equal(await (await fetch(origin + path)).text(), '2', path);
  },
);

test('an async app still reads its own url after an await', soon, async t => {
  const app: App = async (req, res) => {
    await turn();
    res.end(`${rootPath(req)} + ${req.url}`);
  };
  const origin = await serve(t, createRouter().mount('/a', createRouter().mount('/b', app)));
  assert.equal(await (await fetch(`${origin}/a/b/c`)).text(), '/a/b + /c');
});

test('close reaches every mounted app once, the last mounted first', async () => {
  const closed: string[] = [];
  const shared = closable('shared', closed);
  const inner = createRouter().mount('/x', closable('inner x', closed));
  const router = createRouter()
    .mount('/a', closable('a', closed))
    .mount('/b', () => {})
    .mount('/c', shared)
    .mount('/', inner.mount('/y', closable('inner y', closed)))
    .mount('/d', shared);
  await router.close();
  assert.deepEqual(closed, ['shared', 'inner y', 'inner x', 'a']);
});

test('close waits for one app before it closes the next', async () => {
  const closed: string[] = [];
  const slow = Object.assign(() => {}, {
    async close() {
      await turn();
      closed.push('slow');
    },
  });
  await createRouter().mount('/a', closable('a', closed)).mount('/slow', slow).close();
  assert.deepEqual(closed, ['slow', 'a']);
});

test('close closes all although one fails, and then tells what failed', async () => {
  const rows: [name: string, close: () => Promise<void>][] = [
    ['rejects', () => Promise.reject(new Error('stuck'))],
    [
      'throws',
      () => {
        throw new Error('stuck');
      },
    ],
  ];
  for (const [name, close] of rows) {
    const closed: string[] = [];
    const router = createRouter()
      .mount('/a', closable('a', closed))
      .mount(
        '/stuck',
        Object.assign(() => {}, { close }),
      )
      .mount('/b', closable('b', closed));
    await assert.rejects(router.close(), (error: AggregateError) => {
      assert.match(String(error.errors), /stuck/, name);
      return true;
    });
    assert.deepEqual(closed, ['b', 'a'], name);
  }
});

function closable(name: string, closed: string[]): App {
  return Object.assign(() => {}, {
    async close() {
      closed.push(name);
    },
  });
}

test('a 404 says what is near, and why a mount was passed over', soon, async t => {
  const router = createRouter().get('/items/', took('')).post('/items', took(''));
  router.get('/items/:id', took('')).mount('/mcp', createRouter().get('/sse', took('')));
  const origin = await serve(t, router);
  const rows: [path: string, detail: string][] = [
    [
      '/mcpx',
      "Nothing answers /mcpx. '/mcp' is mounted, but a prefix ends at a segment: '/mcp/…'. Did you mean '/mcp/sse'?",
    ],
    [
      '/nowhere?x',
      'Nothing answers /nowhere. There is GET or POST /items/, GET /items/:id, GET /mcp/sse.',
    ],
    ['/items/7/8', "Nothing answers /items/7/8. Did you mean '/items/:id' or '/items/'?"],
    ['/mcp/ses', "Nothing answers /mcp/ses. Did you mean '/mcp/sse'?"],
    ['/mcp/none', 'Nothing answers /mcp/none. There is GET /mcp/sse.'],
  ];
  for (const [path, detail] of rows)
    assert.equal(JSON.parse(await get(origin, path)).detail, detail);
});

test('what is around one 404 is not told to who asks again', soon, async t => {
  const router = createRouter();
  let asked = 0;
  const origin = await serve(t, (req, res) => {
    res.setHeader('X-Asked', String(++asked));
    const { writeHead } = res;
    // as those do that add a cookie at the last moment
    const addsCookie = (status: number, head: Record<string, string>) => {
      if (asked === 1) head['Set-Cookie'] = 'sid=1';
      return writeHead.call(res, status, head);
    };
    Object.assign(res, { writeHead: addsCookie });
    return router(req, res);
  });
  for (const number of ['1', '2', '3']) {
    const answer = await fetch(`${origin}/none`);
    assert.equal(answer.headers.get('x-asked'), number);
    assert.equal(answer.headers.get('set-cookie'), number === '1' ? 'sid=1' : null);
    assert.equal(answer.headers.get('content-type'), 'application/problem+json');
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    assert.match(await detailOf(answer), /^Nothing answers \/none/);
  }
});

test('a refusal is a problem that no cache keeps', async t => {
  const origin = await serve(t, edgeRouter());
  const answer = await fetch(`${origin}/items`, { method: 'DELETE' });
  assert.equal(answer.headers.get('content-type'), 'application/problem+json');
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  assert.deepEqual(await answer.json(), {
    type: 'about:blank',
    title: 'Method Not Allowed',
    status: 405,
    detail: `DELETE is not answered at /items. Use ${items}.`,
  });
});

async function detailOf(answer: Response): Promise<string> {
  const { detail } = (await answer.json()) as { detail: string };
  return detail;
}

test('a match takes as many steps among 10,000 routes and mounts as among 100', async () => {
  const { addMount, addRoute, find, newRoutes, stepsOf } = await countedRoutes();
  const [few = newRoutes(), many = newRoutes()] = [100, 10_000].map(size => {
    const routes = newRoutes();
    const get = (path: string) =>
      addRoute(routes, { kind: 'route', method: 'GET', path, handler: probe, about: {} });
    for (let i = 0; i < size; i++) {
      get(`/r${i}/x`);
      get(`/r${i}/list/:id`);
      addMount(routes, { prefix: `/m${i}`, app: probe });
    }
    return routes;
  });
  for (const path of ['/r7/x', '/r7/list/5', '/m7/x/y', '/m7', '/r7/x/y', '/nowhere', '/']) {
    const steps = await stepsOf(() => find(few, 'GET', path));
    assert.ok(steps > 2, `${path}: ${steps} steps`);
    assert.equal(await stepsOf(() => find(many, 'GET', path)), steps, path);
  }
});

/**
 * The look-up loaded once more, with V8 counting each run of each of its blocks. Counted, not timed:
 * a busy machine can't fail this, and a scan over the routes can't hide.
 */
async function countedRoutes() {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  const url: string = new URL('../http/routes.ts?counted', import.meta.url).href;
  const routes: typeof import('../http/routes.ts') = await import(url);

  async function stepsOf(work: () => void): Promise<number> {
    await session.post('Profiler.takePreciseCoverage'); // sets the counts back
    work();
    const { result } = await session.post('Profiler.takePreciseCoverage');
    const functions = result
      .filter(script => script.url === url)
      .flatMap(({ functions }) => functions);
    return functions.flatMap(({ ranges }) => ranges).reduce((sum, { count }) => sum + count, 0);
  }
  return { ...routes, stepsOf };
}
