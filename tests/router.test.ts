/** The mount contract, rule by rule. The hosts and apps it must get along with: hosts.test.ts. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type IncomingMessage, request, type ServerResponse } from 'node:http';
import { Session } from 'node:inspector/promises';
import test, { type TestContext } from 'node:test';
import { listen } from '../http/listen.ts';
import {
  type App,
  createRouter,
  type Handler,
  type Match,
  type Router,
  rootPath,
  stripPrefix,
} from '../router.ts';
import { random } from './random.ts';
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

/** What a request comes to: `rootPath + url` for an app, the route, or the refusal. */
type Edge = [request: string, outcome: string, reason: string];

const items = 'GET, HEAD, OPTIONS, POST';
const edges: Edge[] = [
  ['GET /mcp', '/mcp + /', 'the bare mount is entered as /, without a redirect'],
  ['POST /mcp', '/mcp + /', 'a redirected POST would lose its body'],
  ['GET /mcp/', '/mcp + /', 'one slash after the mount is the same place'],
  ['GET /mcp?x=1', '/mcp + /?x=1', 'a query ends the segment'],
  ['GET /mcp/?x=1', '/mcp + /?x=1', 'and is kept'],
  ['GET /mcp/sse?x=1', '/mcp + /sse?x=1', 'the picture of the contract'],
  ['GET /mcp/sse/', '/mcp + /sse/', 'a slash at the end is for the app to judge'],
  ['GET /mcp//sse', '/mcp + //sse', 'slashes are never merged'],
  ['GET /mcp/mcp', '/mcp + /mcp', 'a prefix comes off once'],
  ['GET /mcp?/../sse', '/mcp + /?/../sse', 'the path is cut at the first question mark'],
  ['GET /mcp/x?a=\\%2f%', '/mcp + /x?a=\\%2f%', 'a query is for the app to read'],
  ['GET /mcp/a%20b', '/mcp + /a%20b', 'an escape that has one reading passes as it was sent'],
  ['GET /mcp/caf%C3%A9', '/mcp + /caf%C3%A9', 'so does UTF-8'],
  ['GET /mcp/a%3Fb', '/mcp + /a%3Fb', 'an escaped question mark is no query'],
  ['GET /mcp/.well-known', '/mcp + /.well-known', 'a name may start with a dot'],
  ['GET /mcp/...', '/mcp + /...', 'three dots are a name'],
  ['PURGE /mcp/x', '/mcp + /x', 'a mounted app takes every method'],
  ['OPTIONS /mcp', '/mcp + /', 'and answers OPTIONS itself'],
  ['GET /mcp/deep/x', '/mcp/deep + /x', 'the longest prefix wins'],
  ['GET /mcp/deeper', '/mcp + /deeper', 'only where it ends at a segment'],
  ['GET /tools/mcp/sse', '/tools/mcp + /sse', 'a prefix may have several segments'],
  ['GET /tools', '404', 'the way to a mount is not the mount'],
  ['GET /tools/mcpx', '404', 'its last segment is whole as well'],

  ['GET /mcpx', '404', 'a prefix ends at a segment'],
  ['GET /mcp.json', '404', 'a dot does not end a segment'],
  ['GET /mcp;v=1', '404', 'a semicolon does not end one'],
  ['GET /mcp%3Fx', '404', 'an escaped question mark does not end one'],
  ['GET /MCP', '404', 'upper and lower case differ'],
  ['GET /%6dcp', '404', 'a path is compared before it is decoded'],
  ['GET //mcp', '404', 'the first segment is empty'],
  ['GET //mcp/sse', '404', 'new URL() would read a host here'],
  ['GET /', '404', 'nothing is mounted at the root'],
  ['GET //', '404', 'new URL() would throw here'],

  ['GET /mcp/../items', '400', 'dot segments leave the mount for who folds them'],
  ['GET /items/../mcp', '400', 'or reach it'],
  ['GET /mcp/..', '400', 'at the end too'],
  ['GET /mcp/.', '400', 'one dot too'],
  ['GET /./mcp', '400', 'in front too'],
  ['GET /mcp/%2e%2E/items', '400', 'an escaped dot is a dot for who decodes first'],
  ['GET /mcp/.%2e', '400', 'half escaped too'],
  ['GET /mcp%2fsse', '400', 'one segment or two'],
  ['GET /mcp%2Fsse', '400', 'in either case of the hex digits'],
  ['GET /mcp%5csse', '400', 'an escaped backslash, which Windows reads as a slash'],
  ['GET /mcp\\sse', '400', 'a backslash, which new URL() reads as a slash'],
  ['GET /mcp/%00', '400', 'C strings end here'],
  ['GET /mcp/%', '400', 'a lone percent sign'],
  ['GET /mcp/%4', '400', 'one hex digit'],
  ['GET /mcp/%zz', '400', 'no hex digits'],
  ['GET /mcp/%ff', '400', 'not UTF-8'],
  ['GET /mcp#x', '400', 'a fragment is not sent'],
  ['GET /mcp/\x01', '400', 'a control'],
  ['GET /mcp\t/sse', '400', 'a tab, which new URL() drops'],
  ['GET /mcp/ sse', '400', 'a space ends the target'],
  ['GET /mcp/\x7f', '400', 'DEL'],
  ['GET /mcp/caf\xe9', '400', 'a byte that is Latin-1 or half of UTF-8'],
  ['GET ', '400', 'no target'],
  ['OPTIONS *', '400', 'the server as a whole is nowhere'],
  ['GET mcp/sse', '400', 'no leading slash'],
  ['CONNECT example.org:443', '400', 'this is no proxy'],

  ['GET http://example.org/mcp/sse?x', '/mcp + /sse?x', 'an absolute form is its path'],
  ['GET HTTPS://example.org:8443/mcp', '/mcp + /', 'schemes have no case'],
  ['GET http://[::1]:3000/mcp', '/mcp + /', 'IPv6 in brackets'],
  ['GET http://example.org//mcp', '404', 'the path is read byte for byte'],
  ['GET http://example.org?/mcp', '404', 'an absolute form without a path means /'],
  ['GET http://example.org', '404', 'even without a query'],
  ['GET http://example.org/x/../mcp', '400', 'dot segments there too'],
  ['GET http:///mcp', '400', 'no authority'],
  ['GET http://user@example.org/mcp', '400', 'userinfo, behind which hosts are hidden'],
  ['GET http://a\\b/mcp', '400', 'an authority that is none'],
  ['GET ftp://example.org/mcp', '400', 'a scheme that is not ours'],

  ['GET /items/', 'GET /items/ {}', 'a route answers its path'],
  ['GET /items', 'GET /items/ {}', 'with and without the last slash'],
  ['GET /items?x', 'GET /items/ {}', 'whatever the query'],
  ['GET /items//', '404', 'two slashes are another path'],
  ['GET /Items', '404', 'upper and lower case differ'],
  ['GET /%69tems', '404', 'a path is compared before it is decoded'],
  ['POST /items', 'POST /items {}', 'each method has its handler'],
  ['HEAD /items', 'GET /items/ {}', 'HEAD follows GET'],
  ['OPTIONS /items', `204 ${items}`, 'OPTIONS names the methods'],
  ['DELETE /items/', `405 ${items}`, 'another method on a known path is told which'],
  ['PURGE /items', `405 ${items}`, 'also one that no route has'],
  ['HEAD /orders', '405 OPTIONS, POST', 'without a GET there is no HEAD'],
  ['OPTIONS /nowhere', '404', 'an unknown path has no methods'],
  ['GET /items/7', 'GET /items/:id {"id":"7"}', 'a param is one segment'],
  ['GET /items/7/', 'GET /items/:id {"id":"7"}', 'with and without the last slash'],
  ['GET /items/7?id=8', 'GET /items/:id {"id":"7"}', 'whatever the query'],
  ['GET /items/7/8', '404', 'never two segments'],
  ['GET /items/a%20b%C3%A9', 'GET /items/:id {"id":"a b\xe9"}', 'a param is decoded'],
  ['GET /items/%2541', 'GET /items/:id {"id":"%41"}', 'once'],
  ['GET /items/a+b', 'GET /items/:id {"id":"a+b"}', 'a plus is a plus in a path'],
  ['GET /items/:id', 'GET /items/:id {"id":":id"}', 'a colon means nothing in a request'],
  ['GET /items/__proto__', 'GET /items/:id {"id":"__proto__"}', 'no name is special'],
  ['GET /items/%', '400', 'a param that does not decode'],
  ['GET /items/%ff', '400', 'nor to UTF-8'],
  ['GET /items/a%2fb', '400', 'a param never holds a slash'],
  ['POST /items/7', '405 GET, HEAD, OPTIONS, PATCH', 'params have methods too'],
  ['GET /items/new', 'GET /items/new {}', 'a fixed segment goes before a param'],
  ['PATCH /items/new', 'PATCH /items/:id {"id":"new"}', 'unless it lacks the method'],
  ['DELETE /items/new', '405 GET, HEAD, OPTIONS, PATCH', 'the methods of both'],
  ['GET /lists/a/items/b', 'GET /lists/:list/items/:item {"list":"a","item":"b"}', 'in order'],
  ['GET /lists/today/done', 'GET /lists/today/done {}', 'fixed all the way'],
  [
    'GET /lists/today/items/1',
    'GET /lists/:list/items/:item {"list":"today","item":"1"}',
    'a fixed segment that leads nowhere gives way to the param',
  ],
  [
    'GET /lists/today/x',
    'GET /lists/:list/:entry {"list":"today","entry":"x"}',
    'and takes none of the params that were tried on the way',
  ],
  ['GET /protos/x', 'GET /protos/:__proto__ {"__proto__":"x"}', 'nor is any name of a param'],
  ['GET /lists/mcp/items/1', '/lists/mcp + /items/1', 'a mount goes before a param'],
];

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
  return createRouter()
    .get('/items/', took('GET /items/'))
    .post('/items', took('POST /items'))
    .get('/items/:id', took('GET /items/:id'))
    .patch('/items/:id', took('PATCH /items/:id'))
    .get('/items/new', took('GET /items/new'))
    .post('/orders', took('POST /orders'))
    .get('/lists/today/done', took('GET /lists/today/done'))
    .get('/lists/:list/items/:item', took('GET /lists/:list/items/:item'))
    .get('/lists/today/:day/log', took('GET /lists/today/:day/log'))
    .get('/lists/:list/:entry', took('GET /lists/:list/:entry'))
    .get('/protos/:__proto__', took('GET /protos/:__proto__'))
    .mount('/mcp', probe)
    .mount('/mcp/deep', probe)
    .mount('/tools/mcp', probe)
    .mount('/lists/mcp', probe);
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
  if (match.kind === 'refused') return [match.status, match.allow].filter(Boolean).join(' ');
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
    assert.match(await detailOf(answer), /^Below \/mcp: Nothing answers \/items\. .*GET \/sse/);
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
  assert.match(await detailOf(answer), /Nearest: nothing at all/);
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
  const { pick, chance } = random(2);
  const { origin, use } = await swappable(t);
  for (let round = 0; round < 60; round++) {
    const prefixes = Array.from({ length: pick([1, 2, 3]) }, () => pick(lawPrefixes));
    use(nest(prefixes));
    const root = prefixes.filter(prefix => prefix !== '/').join('');
    for (let n = 0; n < 8; n++) {
      const path = `${root}${pick(lawTails)}${pick(lawQueries)}`.replace(/^(?!\/)/, '/');
      const sent = chance(0.2) ? `http://localhost${path}` : path;
      const seen: Seen = JSON.parse(await get(origin, sent));
      const where = `${sent} below ${prefixes}`;
      assert.equal(seen.originalUrl, path, where);
      assert.equal(seen.rootPath, root, where);
      // '/mcp?x' was entered as '/?x': that slash is the mount's
      const bare = path[root.length] !== '/';
      assert.equal(seen.rootPath + seen.url.slice(bare ? 1 : 0), path, where);
    }
  }
});

interface Seen {
  rootPath: string;
  url: string;
  originalUrl: string;
}

const lawPrefixes = ['/', '/a', '/a/a', '/mcp', '/tools/mcp', '/a.b', '/~', '/a%20b'];
const lawTails = ['', '/', '//', '/a', '/a/', '/a/a', '/mcp', '/mcp/mcp', '/a%20b', '//a//', '/?'];
const lawQueries = ['', '?', '??', '?a', '?/a', '?/a?/a', '?x=/mcp?x=/mcp', '?a=%', '?//'];

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
  const lines = log.mock.calls.map(call => call.arguments);
  assert.deepEqual(lines, [['POST /a/b/c?d:', error]]);
});

function turn(): Promise<void> {
  return new Promise(done => setImmediate(done));
}

test('with a next the router passes on what it does not know, rewriting nothing', soon, async t => {
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
    ['DELETE /items', `405 ${items}`, 'nor on a known path'],
    ['GET /items/../x', '400', 'nor what the host would read differently'],
  ];
  for (const [line, outcome, reason] of rows) {
    const head = `${line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
    assert.equal(happened(await sendRaw(port, head)), outcome, `${line}: ${reason}`);
  }
});

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
  const near = 'Nearest: GET or POST /items/, GET /items/:id, /mcp/….';
  const below = 'Nearest: GET or POST /items/, GET /items/:id.';
  const rows: [path: string, detail: string][] = [
    [
      '/mcpx',
      `Nothing answers /mcpx. '/mcp' is mounted, but a prefix ends at a segment: '/mcp/…'. ${near}`,
    ],
    [
      '/MCP/sse',
      `Nothing answers /MCP/sse. '/mcp' is mounted, but upper and lower case differ in a path. ${near}`,
    ],
    [
      '//mcp/sse',
      `Nothing answers //mcp/sse. '/mcp' is mounted, but slashes are never merged. ${near}`,
    ],
    [
      '/%6dcp',
      `Nothing answers /%6dcp. '/mcp' is mounted, but a path is compared before it is decoded. ${near}`,
    ],
    ['/nowhere?x', `Nothing answers /nowhere. ${near}`],
    ['/items/7/8', 'Nothing answers /items/7/8. Nearest: GET /items/:id.'],
    ['/items//', `Nothing answers /items//. ${below}`],
    ['/mcp/message', 'Below /mcp: Nothing answers /message. Nearest: GET /sse.'],
  ];
  for (const [path, detail] of rows)
    assert.equal(JSON.parse(await get(origin, path)).detail, detail);
});

test('a 404 that is kept is told again only while it holds', soon, async t => {
  const inner = createRouter().get('/tea', took(''));
  const router = createRouter().get('/x', took('')).mount('/a', inner).mount('/b', inner);
  const origin = await serve(t, router);
  const ask = async (path: string) => JSON.parse(await get(origin, path)).detail;
  const kept = router.match('GET', '/none');
  assert.deepEqual(router.match('POST', '/none'), kept);
  Object.assign(kept, { detail: 'changed by who asked' });
  assert.equal(router.match('GET', '/none?q=1').target, '/none?q=1');
  const near = 'Nothing answers /none. Nearest: GET /x, /a/…, /b/….';
  for (const path of ['/none', '/none', '/none?q=1', '/none?q=2'])
    assert.equal(await ask(path), near, path);
  for (const root of ['/a', '/b', '/a'])
    assert.equal(
      await ask(`${root}/none`),
      `Below ${root}: Nothing answers /none. Nearest: GET /tea.`,
    );
  const alone = await serve(t, inner);
  const itsOwn = JSON.parse(await get(alone, '/none')).detail;
  assert.equal(itsOwn, 'Nothing answers /none. Nearest: GET /tea.');
  assert.match(await ask('/a/none'), /^Below \/a/, 'nor what it said at the root');

  for (let i = 0; i < 100; i++) router.match('GET', `/none/${i}`);
  assert.equal(await ask('/none'), near);

  router.get('/y', took(''));
  assert.match(await ask('/none'), /GET \/y\.$/, 'a route later');
  router.mount('/c', createRouter());
  const more = 'Nothing answers /none. Nearest: GET /x, /a/…, /b/…, GET /y, /c/….';
  assert.equal(await ask('/none'), more, 'and a mount later');
  router.post('/none', took(''));
  assert.match(await ask('/none'), /^GET is not answered here/, 'now there is one');
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

test('near is what the longest known part of a path leads to', () => {
  const router = createRouter().get('/items/list/all', took('')).get('/:user/profile', took(''));
  const match = router.match('GET', '/items/list/alll');
  assert.equal(
    match.kind === 'refused' && match.detail,
    'Nothing answers /items/list/alll. Nearest: GET /items/list/all.',
  );
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
    detail: `DELETE is not answered here. Use ${items}.`,
  });
});

async function detailOf(answer: Response): Promise<string> {
  const { detail } = (await answer.json()) as { detail: string };
  return detail;
}

test('a match takes as many steps among 10,000 routes and mounts as among 100', async () => {
  const { createRouter, stepsOf } = await countedRouter();
  const [few, many] = [100, 10_000].map(size => {
    const router = createRouter();
    for (let i = 0; i < size; i++)
      router.get(`/r${i}/x`, probe).get(`/r${i}/list/:id`, probe).mount(`/m${i}`, probe);
    return router;
  });
  for (const path of ['/r7/x', '/r7/list/5', '/m7/x/y', '/m7', '/r7/x/y', '/nowhere', '/']) {
    const steps = await stepsOf(() => few?.match('GET', path));
    assert.ok(steps > 5, 'steps are counted');
    assert.equal(await stepsOf(() => many?.match('GET', path)), steps, path);
  }
});

/**
 * A router loaded once more, with V8 counting each run of each of its blocks. Counted, not timed:
 * a busy machine can't fail this, and a scan over the routes can't hide.
 */
async function countedRouter() {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  const url: string = new URL('../router.ts?counted', import.meta.url).href;
  const { createRouter }: typeof import('../router.ts') = await import(url);

  async function stepsOf(work: () => void): Promise<number> {
    await session.post('Profiler.takePreciseCoverage'); // sets the counts back
    work();
    const { result } = await session.post('Profiler.takePreciseCoverage');
    const functions = result
      .filter(script => script.url === url)
      .flatMap(({ functions }) => functions);
    return functions.flatMap(({ ranges }) => ranges).reduce((sum, { count }) => sum + count, 0);
  }
  return { createRouter, stepsOf };
}

test('the router imports nothing but Node, so that it can be copied alone', () => {
  const source = readFileSync(new URL('../router.ts', import.meta.url), 'utf8');
  const imported = source.matchAll(
    /\bfrom\s+['"](.+?)['"]|\bimport\s*\(?\s*['"](.+?)['"]|require\((.+?)\)/g,
  );
  const names = [...imported].map(([, from, bare, required]) => from ?? bare ?? required);
  assert.ok(names.length > 0, 'imports are found');
  for (const name of names) assert.match(String(name), /^node:/);
});
