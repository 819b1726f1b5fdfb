/** The guards: each alone around a plain app, all of them around the server, and what tokens part. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import {
  discoverOAuthProtectedResourceMetadata,
  extractWWWAuthenticateParams,
} from '@modelcontextprotocol/sdk/client/auth.js';
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import {
  LoggingMessageNotificationSchema,
  type ServerNotification,
} from '@modelcontextprotocol/sdk/types.js';
import { mcpApp } from '../apps/mcp/app.ts';
import {
  bearer,
  cors,
  type HostGuardOptions,
  hostGuard,
  protectedResource,
  type RefusedEvent,
  refused,
  staticTokens,
  type Verify,
} from '../guard.ts';
import { UsageError } from '../program/flags.ts';
import { parseOptions } from '../program/options.ts';
import { type App, createRouter, type Router } from '../router.ts';
import { type AppOptions, createApp } from '../server.ts';
import { memoryStore } from '../store.ts';
import {
  type Answer,
  ask,
  call,
  eventsOf,
  type Headers,
  initialize,
  messagesIn,
  openSession,
  openSse,
  openStream,
  post,
  toolCall,
} from './apps/mcp/wire.ts';
import { held } from './held.ts';
import { connect, type RawAnswer, sendRaw, serve, type Transport } from './support.ts';

const soon = { timeout: 60_000 }; // a test that waits for what never comes fails

const hello: App = (_req, res) => res.end('Hello');
const transports: Transport[] = ['sse', 'streamable'];

test(
  'the host guard alone lets in whom it should, and says to all others how to get in',
  soon,
  async t => {
    for (const [why, head, options, status, detail] of hostRows) {
      const answer = await rawTo(t, hostGuard(hello, options), head);
      assert.equal(answer.status, status, `${why}: ${answer.body}`);
      assert.match(answer.body, detail, why);
      if (status !== 200) assert.equal(answer.headers['content-type'], 'application/problem+json');
    }
  },
);

type HostRow = [
  why: string,
  head: string[],
  options: HostGuardOptions,
  status: number,
  detail: RegExp,
];

const get = 'GET / HTTP/1.1';
const named = { hosts: ['list.example', 'Other.Example:8443'], origins: ['https://app.example'] };

const hostRows: HostRow[] = [
  ['localhost, as every client writes it', [get, 'Host: localhost:3000'], {}, 200, /Hello/],
  ['without a port', [get, 'Host: localhost'], {}, 200, /Hello/],
  ['names have no case', [get, 'Host: LocalHost:1'], {}, 200, /Hello/],
  ['the loopback address', [get, 'Host: 127.0.0.1:80'], {}, 200, /Hello/],
  ['the other family', [get, 'Host: [::1]:80'], {}, 200, /Hello/],
  ['a name that was rebound', [get, 'Host: evil.example'], {}, 403, /--allow-host evil\.example /],
  [
    'its port is named too',
    [get, 'Host: evil.example:81'],
    {},
    403,
    /--allow-host evil\.example:81 /,
  ],
  ['ours as a subdomain', [get, 'Host: localhost.evil.example'], {}, 403, /--allow-host/],
  ['ours as the end of a name', [get, 'Host: evil-localhost'], {}, 403, /--allow-host/],
  [
    'a name that resolves to loopback',
    [get, 'Host: 127.0.0.1.nip.example'],
    {},
    403,
    /--allow-host/,
  ],
  ['the any-address reaches loopback', [get, 'Host: 0.0.0.0:3000'], {}, 403, /--allow-host/],
  ['loopback as a whole number', [get, 'Host: 2130706433'], {}, 403, /--allow-host/],
  ['loopback in the other family', [get, 'Host: [::ffff:127.0.0.1]'], {}, 403, /--allow-host/],
  ['an allowed name, any port', [get, 'Host: LIST.example:99'], named, 200, /Hello/],
  ['an allowed name and its port', [get, 'Host: other.example:8443'], named, 200, /Hello/],
  ['and no other port', [get, 'Host: other.example'], named, 403, /--allow-host other\.example /],
  ['loopback stays let in', [get, 'Host: localhost'], named, 200, /Hello/],
  [
    'two Hosts: two parsers, two hosts',
    [get, 'Host: localhost', 'Host: evil.example'],
    {},
    400,
    /one Host/,
  ],
  ['two alike are two', [get, 'Host: localhost', 'host: localhost'], {}, 400, /one Host/],
  ['half a bracket', [get, 'Host: ['], {}, 400, /one Host/],
  ['an empty Host', [get, 'Host: '], {}, 400, /one Host/],
  ['HTTP/1.0 may come without one', ['GET / HTTP/1.0'], {}, 400, /one Host/],
  ['a user name before it', [get, 'Host: localhost@evil.example'], {}, 400, /one Host/],
  ['a path behind it', [get, 'Host: localhost/evil'], {}, 400, /one Host/],
  ['two in one', [get, 'Host: localhost, evil.example'], {}, 400, /one Host/],
  ['a port that is no number', [get, 'Host: localhost:http'], {}, 400, /one Host/],
  ['a byte outside ASCII', [get, 'Host: localhost\xe9'], {}, 400, /one Host/],
  [
    'an absolute target names the host',
    ['GET http://localhost/x HTTP/1.1', 'Host: localhost'],
    {},
    200,
    /Hello/,
  ],
  [
    'a foreign one',
    ['GET http://evil.example/x HTTP/1.1', 'Host: localhost'],
    {},
    403,
    /--allow-host evil\.example /,
  ],
  [
    'and does not hide a foreign Host',
    ['GET http://localhost/x HTTP/1.1', 'Host: evil.example'],
    {},
    403,
    /--allow-host/,
  ],
  ['a malformed one', ['GET http://[/x HTTP/1.1', 'Host: localhost'], {}, 400, /one Host/],
  [
    'an absolute target with a user name',
    ['GET http://a@localhost/ HTTP/1.1', 'Host: localhost'],
    {},
    400,
    /one Host/,
  ],

  [
    'a page of this machine',
    [get, 'Host: localhost', 'Origin: http://localhost:5173'],
    {},
    200,
    /Hello/,
  ],
  ['over TLS as well', [get, 'Host: localhost', 'Origin: https://[::1]'], {}, 200, /Hello/],
  [
    'any other page',
    [get, 'Host: localhost', 'Origin: https://evil.example'],
    {},
    403,
    /--allow-origin https:\/\/evil\.example /,
  ],
  [
    'a sandboxed page, or a file',
    [get, 'Host: localhost', 'Origin: null'],
    {},
    403,
    /--allow-origin/,
  ],
  [
    'our name in another scheme',
    [get, 'Host: localhost', 'Origin: app://localhost'],
    {},
    403,
    /--allow-origin/,
  ],
  [
    'an extension',
    [get, 'Host: localhost', 'Origin: chrome-extension://abc'],
    {},
    403,
    /--allow-origin/,
  ],
  [
    'ours as a subdomain of its',
    [get, 'Host: localhost', 'Origin: http://localhost.evil.example'],
    {},
    403,
    /--allow-origin/,
  ],
  [
    'ours as its user name',
    [get, 'Host: localhost', 'Origin: http://localhost@evil.example'],
    {},
    403,
    /--allow-origin/,
  ],
  [
    'two origins',
    [get, 'Host: localhost', 'Origin: http://localhost', 'Origin: https://evil.example'],
    {},
    403,
    /--allow-origin/,
  ],
  [
    'what can’t be an origin is not echoed',
    [get, 'Host: localhost', 'Origin: a b\xe9'],
    {},
    403,
    /The origin of this request/,
  ],
  [
    'the page that it serves itself',
    [get, 'Host: list.example', 'Origin: https://list.example'],
    named,
    200,
    /Hello/,
  ],
  [
    'another port is another origin',
    [get, 'Host: list.example', 'Origin: https://list.example:81'],
    named,
    403,
    /--allow-origin/,
  ],
  [
    'an allowed origin',
    [get, 'Host: localhost', 'Origin: HTTPS://app.example'],
    named,
    200,
    /Hello/,
  ],
  [
    'the same name over plain HTTP',
    [get, 'Host: localhost', 'Origin: http://app.example'],
    named,
    403,
    /--allow-origin/,
  ],
  [
    'an allowed host is no allowed origin',
    [get, 'Host: localhost', 'Origin: https://list.example'],
    named,
    403,
    /--allow-origin/,
  ],
];

/** The answer of `app`, served alone, to these lines and an empty body. */
async function rawTo(t: TestContext, app: App, lines: string[]): Promise<RawAnswer> {
  const server = createServer({ requireHostHeader: false }, held(app));
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  t.after(() => server.close());
  const { port } = server.address() as { port: number }; // a server on a port has no other shape
  return sendRaw(port, `${lines.join('\r\n')}\r\nConnection: close\r\n\r\n`);
}

test(
  'a foreign Host or Origin reaches nothing of the server, whatever the path and method',
  soon,
  async t => {
    const app = createApp(memoryStore(), { xray: true });
    const origin = await serve(t, app);
    const before = (await ask(`${origin}/items/`)).body;
    const foreign: [Headers, RegExp][] = [
      [{ Host: 'evil.example' }, /--allow-host evil\.example /],
      [{ Origin: 'https://evil.example' }, /--allow-origin https:\/\/evil\.example /],
    ];
    for (const path of pathsOf(app.router)) {
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
        for (const [headers, detail] of foreign) {
          const answer = await ask(origin + path, { method, headers });
          assert.equal(answer.status, 403, `${method} ${path}`);
          if (method !== 'HEAD') assert.match(answer.body, detail, `${method} ${path}`);
        }
      }
    }
    for (const [headers] of foreign) {
      const opening = await post(`${origin}/mcp`, initialize(), headers);
      const adding = await post(`${origin}/items/`, { name: 'Milk' }, headers);
      assert.deepEqual([opening.status, adding.status], [403, 403]);
    }
    assert.equal(await sessionsAt(origin), 0);
    assert.equal((await ask(`${origin}/items/`)).body, before);
  },
);

/** One path for each route and each thing behind a mount, and some that nothing answers. */
function pathsOf(router: Router): string[] {
  const known = router.list().map(entry => (entry.kind === 'route' ? entry.path : entry.prefix));
  const below = ['/mcp/', '/mcp/sse', '/mcp/messages', '/live/events', '/live/sources'];
  const unknown = ['/mcp/nowhere', '/nowhere', '/mcpx', '/.well-known/oauth-protected-resource'];
  return [...new Set(known), ...below, ...unknown].map(path => path.replace(':id', '1'));
}

async function sessionsAt(origin: string): Promise<number> {
  return JSON.parse((await ask(`${origin}/healthz`)).body).sessions;
}

test(
  'the host guard stands in front of the server with MCP at the root and with tokens, too',
  soon,
  async t => {
    for (const options of [{ mount: '/' }, { tokens: [tokenA] }] satisfies AppOptions[]) {
      const origin = await serve(t, createApp(memoryStore(), options));
      for (const path of ['/', '/sse', '/healthz', '/nowhere'])
        assert.equal((await ask(origin + path, { headers: { Host: 'evil.example' } })).status, 403);
    }
  },
);

test(
  'names and origins that the operator allows reach the server, and no others',
  soon,
  async t => {
    const allowed = { allowHosts: ['list.example'], allowOrigins: ['https://app.example'] };
    const origin = await serve(t, createApp(memoryStore(), allowed));
    const rows: [Headers, number][] = [
      [{ Host: 'list.example:3000' }, 200],
      [{ Host: 'list.example', Origin: 'https://app.example' }, 200],
      [{ Host: 'list.example', Origin: 'http://list.example' }, 200],
      [{ Host: 'list.example.evil.example' }, 403],
      [{ Origin: 'https://evil.example' }, 403],
    ];
    for (const [headers, status] of rows) {
      const answer = await ask(`${origin}/items/`, { headers });
      assert.equal(answer.status, status, JSON.stringify(headers));
    }
  },
);

test(
  'a guard says to whoever listens that it refused, and closes what it guards',
  soon,
  async t => {
    const events = eventsOf<RefusedEvent>(t, refused);
    let closed = 0;
    const app = Object.assign(hello.bind(null), { close: async () => void closed++ });
    const guards = [
      hostGuard(app),
      cors(app, { origins: ['https://app.example'] }),
      bearer(app, { verify: () => undefined }),
    ];
    const origin = await serve(t, hostGuard(bearer(app, { verify: () => undefined })));
    await ask(origin, { headers: { Host: 'evil.example' } });
    await ask(origin);
    assert.deepEqual(
      events.seen.map(({ by, status }) => [by, status]),
      [
        ['hostGuard', 403],
        ['bearer', 401],
      ],
    );
    for (const guard of guards) await guard.close?.();
    assert.equal(closed, guards.length);
  },
);

const page = 'https://app.example';

test('CORS alone tells the pages that are named, and nobody else', soon, async t => {
  const origin = await serve(t, cors(hello, { origins: [page] }));
  const preflight = { 'Access-Control-Request-Method': 'POST' };
  const rows: [why: string, method: string, Headers, status: number, allowed?: string][] = [
    ['a named page', 'GET', { Origin: page }, 200, page],
    [
      'origins have no case; the answer repeats what was asked',
      'GET',
      { Origin: 'HTTPS://App.example' },
      200,
      'HTTPS://App.example',
    ],
    ['its preflight', 'OPTIONS', { Origin: page, ...preflight }, 204, page],
    ['OPTIONS that is none reaches the app', 'OPTIONS', { Origin: page }, 200, page],
    ['another page', 'GET', { Origin: 'https://evil.example' }, 200],
    [
      'its preflight is the app’s to answer',
      'OPTIONS',
      { Origin: 'https://evil.example', ...preflight },
      200,
    ],
    ['the same name on another port', 'GET', { Origin: `${page}:8443` }, 200],
    ['no page at all', 'GET', {}, 200],
  ];
  for (const [why, method, headers, status, allowed] of rows) {
    const answer = await ask(origin, { method, headers });
    assert.equal(answer.status, status, why);
    assert.equal(answer.headers['access-control-allow-origin'], allowed, why);
    assert.equal(answer.headers['access-control-expose-headers'] !== undefined, !!allowed, why);
    assert.equal(answer.headers['access-control-allow-credentials'], undefined, why);
    assert.equal(answer.headers.vary, 'Origin', why);
  }
  assert.equal(cors(hello, { origins: [] }), hello, 'off unless an origin is named');
});

test('a preflight allows all that an MCP client sends', soon, async t => {
  const app = createApp(memoryStore(), { allowOrigins: [page], tokens: [tokenA] });
  const origin = await serve(t, app);
  for (const path of ['/mcp', '/mcp/sse', '/mcp/messages', '/items/', '/items/1', '/nowhere']) {
    const headers = { Origin: page, 'Access-Control-Request-Method': 'POST' };
    const answer = await ask(origin + path, { method: 'OPTIONS', headers });
    assert.equal(answer.status, 204, `${path}: a browser sends no token with it`);
    assert.equal(answer.headers['access-control-allow-origin'], page);
    const sent = listIn(answer, 'access-control-allow-headers');
    for (const name of ['authorization', 'content-type', 'accept', 'last-event-id'])
      assert.ok(sent.includes(name), name);
    for (const name of ['mcp-session-id', 'mcp-protocol-version', 'mcp-method', 'mcp-name'])
      assert.ok(sent.includes(name), name);
    const methods = listIn(answer, 'access-control-allow-methods');
    for (const method of ['get', 'post', 'patch', 'delete']) assert.ok(methods.includes(method));
  }
});

function listIn({ headers }: Answer, name: string): string[] {
  return String(headers[name]).toLowerCase().split(/, */);
}

test('every real answer to an allowed page can be read by it, refusals included', soon, async t => {
  const options = { allowOrigins: [page], mcp: { maxSessions: 1 } };
  const origin = await serve(t, createApp(memoryStore(), options));
  const headers = { Origin: page };
  const session = await openSession(`${origin}/mcp`, headers);
  const answers: [status: number, Promise<Answer>][] = [
    [200, ask(`${origin}/items/`, { headers })],
    [201, post(`${origin}/items/`, { name: 'Milk' }, headers)],
    [200, post(`${origin}/mcp`, call(1, 'tools/list'), session)],
    [202, post(`${origin}/mcp`, { jsonrpc: '2.0', method: 'notifications/x' }, session)],
    [400, post(`${origin}/mcp`, call(1, 'ping'), headers)],
    [400, ask(`${origin}/items/%zz`, { headers })],
    [404, post(`${origin}/mcp`, call(1, 'ping'), { ...headers, 'Mcp-Session-Id': 'none' })],
    [404, ask(`${origin}/nowhere`, { headers })],
    [405, post(`${origin}/mcp/sse`, call(1, 'ping'), headers)],
    [406, post(`${origin}/mcp`, call(1, 'ping'), { ...session, Accept: 'text/plain' })],
    [413, post(`${origin}/items/`, { name: 'x'.repeat(70_000) }, headers)],
    [415, post(`${origin}/mcp`, call(1, 'ping'), { ...session, 'Content-Type': 'text/plain' })],
    [422, post(`${origin}/items/`, {}, headers)],
    [503, post(`${origin}/mcp`, initialize(), headers)],
  ];
  for (const [status, answer] of answers) assertReadable(await answer, status);

  const guarded = bearer(hello, { verify: () => undefined });
  const throwing: App = () => {
    throw new Error('as a handler may');
  };
  const router = createRouter({ onError: () => {} })
    .mount('/t', guarded)
    .mount('/e', throwing);
  const other = await serve(t, cors(router, { origins: [page] }));
  assertReadable(await ask(`${other}/t`, { headers }), 401);
  assertReadable(await ask(`${other}/e`, { headers }), 500);
});

test('a page can read both kinds of stream, and its session id', soon, async t => {
  const origin = await serve(t, createApp(memoryStore(), { allowOrigins: [page] }));
  const session = await openSession(`${origin}/mcp`, { Origin: page });
  const accept = { Accept: 'text/event-stream' };
  const listening = await openStream(t, `${origin}/mcp`, { headers: { ...session, ...accept } });
  const legacy = await openStream(t, `${origin}/mcp/sse`, { headers: { Origin: page } });
  const opening = await post(`${origin}/mcp`, initialize(), { Origin: page });
  for (const answer of [listening, legacy, opening]) assertReadable(answer, 200);
  assert.ok(opening.headers['mcp-session-id']);
});

function assertReadable(answer: Pick<Answer, 'status' | 'headers'>, status: number): void {
  assert.equal(answer.status, status);
  assert.equal(answer.headers['access-control-allow-origin'], page, String(status));
  const exposed = String(answer.headers['access-control-expose-headers']).split(', ');
  for (const name of ['Mcp-Session-Id', 'WWW-Authenticate', 'Retry-After', 'Location'])
    assert.ok(exposed.includes(name), `${status} exposes ${name}`);
  assert.match(String(answer.headers.vary), /Origin/, String(status));
}

const tokenA = 'a'.repeat(32);
const tokenB = 'b'.repeat(32);

/** Knows one token of each kind. */
const verify: Verify = async token => {
  const known: Record<string, Partial<AuthInfo>> = {
    good: {},
    late: { expiresAt: Date.now() / 1_000 - 1 },
    early: { expiresAt: Date.now() / 1_000 + 60 },
    'a.b-c_d~e+f/g==': {},
    narrow: { scopes: ['list:read'] },
  };
  const found = Object.hasOwn(known, token) ? known[token] : undefined;
  return found && { token, clientId: 'me', scopes: ['list:read', 'list:write'], ...found };
};

test('a bearer guard alone takes good tokens, and challenges all else', soon, async t => {
  const scopes = ['list:read', 'list:write'];
  const resourceMetadata = 'https://list.example/.well-known/oauth-protected-resource/mcp';
  let reached = 0;
  const app: App = (req, res) => {
    reached++;
    res.end((req as { auth?: AuthInfo }).auth?.clientId); // what bearer() leaves there
  };
  const origin = await serve(t, bearer(app, { verify, scopes, resourceMetadata }));
  for (const [why, authorization, status, error] of bearerRows) {
    reached = 0;
    const headers = authorization === undefined ? {} : { Authorization: authorization };
    const answer = await ask(`${origin}/?access_token=good`, { headers });
    assert.equal(answer.status, status, why);
    assert.equal(reached, status === 200 ? 1 : 0, why);
    if (status === 200) {
      assert.equal(answer.body, 'me', why);
      continue;
    }
    const challenge = String(answer.headers['www-authenticate']);
    const fields = `scope="list:read list:write", resource_metadata="${resourceMetadata}"`;
    assert.equal(challenge, `Bearer ${error ? `error="${error}", ` : ''}${fields}`, why);
    assert.equal(answer.headers['content-type'], 'application/problem+json');
    assert.doesNotMatch(answer.body, /good|late|narrow/, 'a token is not echoed');
  }
});

type BearerRow = [why: string, authorization: string | undefined, status: number, error?: string];

const bearerRows: BearerRow[] = [
  ['a good token', 'Bearer good', 200],
  ['the scheme has no case', 'bearer good', 200],
  ['spaces around it', 'Bearer   good ', 200],
  ['every character a token may have', 'Bearer a.b-c_d~e+f/g==', 200],
  ['one that expires in a minute', 'Bearer early', 200],
  ['none; one in the query does not count', undefined, 401],
  ['an empty one', 'Bearer ', 401],
  ['another scheme', 'Basic Z29vZA==', 401],
  ['the scheme forgotten', 'good', 401],
  ['two words', 'Bearer good good', 401],
  ['what no token holds', 'Bearer go"od', 401],
  ['an unknown one', 'Bearer bad', 401, 'invalid_token'],
  ['a part of a good one', 'Bearer goo', 401, 'invalid_token'],
  ['the name of what every object has', 'Bearer __proto__', 401, 'invalid_token'],
  ['one that has expired', 'Bearer late', 401, 'invalid_token'],
  ['one with too few scopes', 'Bearer narrow', 403, 'insufficient_scope'],
];

test('a verifier that fails lets nobody in', soon, async t => {
  const broken = bearer(hello, {
    verify: () => {
      throw new Error('the key server is down');
    },
  });
  const origin = await serve(t, createRouter({ onError: () => {} }).mount('/', broken));
  const answer = await ask(origin, { headers: { Authorization: 'Bearer good' } });
  assert.equal(answer.status, 500);
  assert.doesNotMatch(answer.body, /key server/);
});

test('static tokens know their own and nothing near them', soon, async () => {
  const check = staticTokens([tokenA, tokenB]);
  const rows: [why: string, token: string, clientId: string | undefined][] = [
    ['the first', tokenA, 'token-1'],
    ['the second', tokenB, 'token-2'],
    ['one too short', tokenA.slice(1), undefined],
    ['one too long', `${tokenA}a`, undefined],
    ['another case', tokenA.toUpperCase(), undefined],
    ['nothing', '', undefined],
  ];
  for (const [why, token, clientId] of rows)
    assert.equal((await check(token))?.clientId, clientId, why);
  assert.equal(await staticTokens([])(''), undefined, 'no tokens, nobody');
});

test('with tokens, all but health and the bare pages asks for one', soon, async t => {
  const origin = await serve(t, createApp(memoryStore(), { tokens: [tokenA, tokenB] }));
  const rows: [method: string, path: string, open: boolean][] = [
    ['GET', '/', true],
    ['GET', '/docs', true],
    ['GET', '/healthz', true],
    ['GET', '/readyz', true],
    ['GET', '/items/', false],
    ['HEAD', '/items/', false],
    ['POST', '/items/', false],
    ['GET', '/items/1', false],
    ['PATCH', '/items/1', false],
    ['DELETE', '/items/1', false],
    ['GET', '/openapi.json', false],
    ['GET', '/mcp', false],
    ['POST', '/mcp', false],
    ['DELETE', '/mcp', false],
    ['GET', '/mcp/sse', false],
    ['HEAD', '/mcp/sse', false],
    ['POST', '/mcp/messages', false],
    ['GET', '/mcp/nowhere', false],
    ['GET', '/live/events', false],
  ];
  for (const [method, path, open] of rows) {
    const { status, headers } = await ask(origin + path, { method });
    assert.equal(status, open ? 200 : 401, `${method} ${path}`);
    if (!open) assert.match(String(headers['www-authenticate']), /^Bearer/, `${method} ${path}`);
  }
  const items = await ask(`${origin}/items/`, { headers: authorization(tokenB) });
  assert.equal(items.status, 200);
});

function authorization(token: string): Headers {
  return { Authorization: `Bearer ${token}` };
}

for (const transport of transports) {
  test(`a tool sees who is asking, over ${transport}`, soon, async t => {
    const seen: (AuthInfo | undefined)[] = [];
    const origin = await serve(t, bearer(mcpApp(serverThatNotes(seen)), { verify }));
    const url = origin + (transport === 'sse' ? '/sse' : '');
    const client = await connect(t, url, transport, authorization('narrow'));
    await client.callTool({ name: 'note' });
    assert.deepEqual(seen, [{ token: 'narrow', clientId: 'me', scopes: ['list:read'] }]);
  });
}

function serverThatNotes(seen: (AuthInfo | undefined)[]): () => McpServer {
  return () => {
    const server = new McpServer({ name: 'notes', version: '0' });
    server.registerTool('note', {}, ({ authInfo }) => {
      seen.push(authInfo);
      return { content: [] };
    });
    return server;
  };
}

test('a Streamable session is unknown to every token but the one that opened it', soon, async t => {
  const origin = await serve(t, createApp(memoryStore(), { tokens: [tokenA, tokenB] }));
  const url = `${origin}/mcp`;
  const own = await openSession(url, authorization(tokenA));
  const foreign = { ...own, ...authorization(tokenB) };
  const nobody = { ...own, Authorization: 'Bearer nobody' };
  const rows: [Headers, status: number][] = [
    [foreign, 404],
    [nobody, 401],
  ];
  for (const [headers, status] of rows) {
    const listening = { ...headers, Accept: 'text/event-stream' };
    const resuming = { ...listening, 'Last-Event-ID': '0.0' };
    const answers = [
      await post(url, call(1, 'tools/list'), headers),
      await ask(url, { headers: listening }),
      await ask(url, { headers: resuming }),
      await ask(url, { method: 'DELETE', headers }),
    ];
    assert.deepEqual(
      answers.map(answer => answer.status),
      Array(4).fill(status),
    );
  }
  assert.equal((await post(url, call(1, 'ping'), own)).status, 200, 'and it is still there');
  assert.equal((await ask(url, { method: 'DELETE', headers: own })).status, 204);
});

test('an SSE session is unknown to every token but the one that opened it', soon, async t => {
  const origin = await serve(t, createApp(memoryStore(), { tokens: [tokenA, tokenB] }));
  const stream = await openSse(t, `${origin}/mcp/sse`, authorization(tokenA));
  const foreign = await post(stream.messages, call(1, 'ping'), authorization(tokenB));
  const nobody = await post(stream.messages, call(1, 'ping'), {});
  const own = await post(stream.messages, call(2, 'ping'), authorization(tokenA));
  assert.deepEqual([foreign.status, nobody.status, own.status], [404, 401, 202]);
  const { message } = await stream.message();
  assert.deepEqual(message, { jsonrpc: '2.0', id: 2, result: {} }, 'only its own was taken');
});

test('a session of one transport is unknown to the other', soon, async t => {
  const origin = await serve(t, createApp(memoryStore()));
  const session = await openSession(`${origin}/mcp`);
  const stream = await openSse(t, `${origin}/mcp/sse`);
  const sseId = new URL(stream.messages).searchParams.get('sessionId') ?? '';
  const crossed = [
    await post(`${origin}/mcp`, call(1, 'ping'), { 'Mcp-Session-Id': sseId }),
    await ask(`${origin}/mcp`, { method: 'DELETE', headers: { 'Mcp-Session-Id': sseId } }),
    await post(`${origin}/mcp/messages?sessionId=${session['Mcp-Session-Id']}`, call(1, 'ping')),
  ];
  assert.deepEqual(
    crossed.map(answer => answer.status),
    [404, 404, 404],
  );
  assert.equal(await sessionsAt(origin), 2);
});

/** A server that says its name in every way there is, and can be made to tell all its sessions. */
function namedServer(name: string, open: Set<McpServer>): () => McpServer {
  return () => {
    const server = new McpServer({ name, version: '0' }, { capabilities: { logging: {} } });
    server.registerTool(`tell_${name}`, {}, async () => {
      for (const each of open)
        await each.sendLoggingMessage({ level: 'info', logger: name, data: 'news' });
      return { content: [{ type: 'text', text: name }] };
    });
    open.add(server);
    return server;
  };
}

for (const transport of transports) {
  test(
    `two servers at two depths, each with its token, share nothing, over ${transport}`,
    soon,
    async t => {
      const [outer, inner] = [new Set<McpServer>(), new Set<McpServer>()];
      const guarded = (token: string, make: () => McpServer) =>
        bearer(mcpApp(make), { verify: staticTokens([token]) });
      const router = createRouter()
        .mount('/mcp', guarded(tokenA, namedServer('outer', outer)))
        .mount('/mcp/team/b', guarded(tokenB, namedServer('inner', inner)));
      const origin = await serve(t, router);
      const end = transport === 'sse' ? '/sse' : '';
      const urls = { outer: `${origin}/mcp${end}`, inner: `${origin}/mcp/team/b${end}` };

      await assert.rejects(connect(t, urls.inner, transport, authorization(tokenA)), /401|unknown/);
      await assert.rejects(connect(t, urls.outer, transport, authorization(tokenB)), /401|unknown/);

      const a = await connect(t, urls.outer, transport, authorization(tokenA));
      const b = await connect(t, urls.inner, transport, authorization(tokenB));
      const heard: Record<string, ServerNotification[]> = { a: [], b: [] };
      a.setNotificationHandler(LoggingMessageNotificationSchema, news => void heard.a?.push(news));
      b.setNotificationHandler(LoggingMessageNotificationSchema, news => void heard.b?.push(news));

      assert.equal(a.getServerVersion()?.name, 'outer');
      assert.equal(b.getServerVersion()?.name, 'inner');
      const tools = await Promise.all([a, b].map(client => client.listTools()));
      assert.deepEqual(
        tools.map(list => list.tools.map(({ name }) => name)),
        [['tell_outer'], ['tell_inner']],
      );
      const stranger = await b.callTool({ name: 'tell_outer' });
      assert.ok(stranger.isError, 'the SDK answers an unknown tool so');
      await b.callTool({ name: 'tell_inner' });
      await a.callTool({ name: 'tell_outer' });
      await Promise.all([a.ping(), b.ping()]); // whatever was on its way is there
      const loggers = (list: ServerNotification[] = []) =>
        list.map(({ params }) => params && 'logger' in params && params.logger);
      assert.deepEqual(new Set(loggers(heard.a)), new Set(['outer']));
      assert.deepEqual(new Set(loggers(heard.b)), new Set(['inner']));
    },
  );
}

test('a session of one mount is unknown at another, though the token opens both', soon, async t => {
  const both = staticTokens([tokenA]);
  const mcp = (name: string) => bearer(mcpApp(namedServer(name, new Set())), { verify: both });
  const router = createRouter().mount('/mcp', mcp('outer')).mount('/mcp/team/b', mcp('inner'));
  const origin = await serve(t, router);
  const session = await openSession(`${origin}/mcp`, authorization(tokenA));
  const stream = await openSse(t, `${origin}/mcp/sse`, authorization(tokenA));
  const crossed = await post(`${origin}/mcp/team/b`, toolCall(1, 'tell_outer'), session);
  const { search } = new URL(stream.messages);
  const legacy = await post(
    `${origin}/mcp/team/b/messages${search}`,
    call(1, 'ping'),
    authorization(tokenA),
  );
  assert.deepEqual([crossed.status, legacy.status], [404, 404]);
  const own = await post(`${origin}/mcp`, call(1, 'ping'), session);
  assert.deepEqual(messagesIn(own), [{ jsonrpc: '2.0', id: 1, result: {} }]);
});

test(
  'an OAuth client finds where to get a token for an app that is mounted below the root',
  soon,
  async t => {
    const router = createRouter();
    const origin = await serve(t, router);
    const resource = `${origin}/tools/mcp`;
    const resourceMetadata = `${origin}/.well-known/oauth-protected-resource/tools/mcp`;
    const authorizationServers = ['https://login.example'];
    const about = { resource, authorizationServers, scopes: ['list:read'] };
    router.mount('/.well-known/oauth-protected-resource', protectedResource(about));
    router.mount('/tools/mcp', bearer(mcpApp(serverThatNotes([])), { verify, resourceMetadata }));

    const expected = {
      resource,
      authorization_servers: authorizationServers,
      scopes_supported: ['list:read'],
      bearer_methods_supported: ['header'],
    };
    for (const path of ['/tools/mcp', '/tools/mcp/', '/tools/mcp/sse']) {
      const found = await discoverOAuthProtectedResourceMetadata(new URL(path, origin));
      assert.deepEqual(found, expected, `${path}, guessed`);
      const refusal = await fetch(new URL(path, origin));
      await refusal.body?.cancel();
      const { resourceMetadataUrl } = extractWWWAuthenticateParams(refusal);
      assert.equal(resourceMetadataUrl?.href, resourceMetadata);
      const told = await discoverOAuthProtectedResourceMetadata(new URL(path, origin), {
        resourceMetadataUrl: resourceMetadata,
      });
      assert.deepEqual(told, expected, `${path}, told`);
    }
  },
);

test(
  'the protected-resource document stands where clients look, and nowhere else',
  soon,
  async t => {
    const rows: [why: string, resource: string, path: string, method: string, status: number][] = [
      ['the resource’s own path behind it', '/tools/mcp', '/tools/mcp', 'GET', 200],
      ['a path below it, as the SSE client asks', '/tools/mcp', '/tools/mcp/sse', 'GET', 200],
      ['bare, where a client falls back to', '/tools/mcp', '', 'GET', 200],
      ['with a query', '/tools/mcp', '/tools/mcp?x=1', 'GET', 200],
      ['HEAD', '/tools/mcp', '/tools/mcp', 'HEAD', 200],
      ['what it does not speak of', '/tools/mcp', '/tools', 'GET', 404],
      ['a prefix ends at a segment', '/tools/mcp', '/tools/mcpx', 'GET', 404],
      ['it can only be read', '/tools/mcp', '/tools/mcp', 'POST', 405],
      ['a resource at the root', '', '', 'GET', 200],
      ['and all below it', '/', '/sse', 'GET', 200],
      ['a resource that ends in a slash', '/mcp/', '/mcp', 'GET', 200],
      ['and all below that', '/mcp/', '/mcp/sse', 'GET', 200],
    ];
    for (const [why, resource, path, method, status] of rows) {
      const about = {
        resource: `https://list.example${resource}`,
        authorizationServers: ['https://a.example'],
      };
      const mounted = createRouter().mount(
        '/.well-known/oauth-protected-resource',
        protectedResource(about),
      );
      const origin = await serve(t, mounted);
      const url = `${origin}/.well-known/oauth-protected-resource${path}`;
      const answer = await ask(url, { method });
      assert.equal(answer.status, status, why);
      if (status !== 200) continue;
      assert.equal(
        answer.headers['access-control-allow-origin'],
        '*',
        'read before there is a token',
      );
      if (method === 'GET') assert.equal(JSON.parse(answer.body).resource, about.resource, why);
    }
  },
);

test('to bind beyond loopback takes a token or --insecure, and the refusal names both', soon, t => {
  const folder = mkdtempSync(join(tmpdir(), 'guard-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'tokens');
  writeFileSync(file, `# who may\n${tokenA}\n\n${tokenB}\n`);
  const refusedHosts = ['0.0.0.0', '::', '[::]', '192.168.1.7', 'fe80::1', 'list.example'];
  for (const host of refusedHosts) {
    assert.throws(
      () => parseOptions(['--host', host], {}),
      (error: unknown) => {
        assert.ok(error instanceof UsageError);
        assert.match(error.message, /--token-file FILE/);
        assert.match(error.message, /--insecure/);
        return true;
      },
      host,
    );
  }
  const ways: [args: string[], env: NodeJS.ProcessEnv, tokens: string[]][] = [
    [['--host', '0.0.0.0', '--insecure'], {}, []],
    [['--host', '0.0.0.0', '--token-file', file], {}, [tokenA, tokenB]],
    [['--host', '0.0.0.0'], { MCP_TOKEN: tokenA }, [tokenA]],
    [['--host', '0.0.0.0', '--token-file', file], { MCP_TOKEN: 'c'.repeat(16) }, [tokenA, tokenB]],
    [['--host', '127.0.0.1'], {}, []],
    [['--host', '::1'], {}, []],
    [['--host', 'localhost'], {}, []],
    [[], {}, []],
  ];
  for (const [args, env, tokens] of ways) {
    const options = parseOptions(args, env);
    assert.ok(typeof options === 'object');
    assert.deepEqual(options.tokens, tokens, args.join(' '));
  }
});

test('a token that could be guessed or never sent is refused at the start', soon, t => {
  const folder = mkdtempSync(join(tmpdir(), 'guard-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const rows: [why: string, content: string | undefined, message: RegExp][] = [
    ['no file', undefined, /can't be read/],
    ['no token in it', '# none yet\n\n', /holds no token/],
    ['too short', 'secret\n', /at least 16/],
    ['with a space', 'correct horse battery\n', /RFC 6750/],
    ['one bad among good ones', `${tokenA}\nshort\n`, /at least 16/],
  ];
  for (const [why, content, message] of rows) {
    const file = join(folder, why);
    if (content !== undefined) writeFileSync(file, content);
    assert.throws(
      () => parseOptions(['--token-file', file], {}),
      (error: unknown) => {
        assert.ok(error instanceof UsageError, why);
        assert.match(error.message, message, why);
        assert.doesNotMatch(error.message, /secret|horse|short\b/, 'no token in a message');
        return true;
      },
    );
  }
});

test('an allowed host or origin that could never match is refused at the start', soon, () => {
  const rows: [why: string, args: string[], message: RegExp][] = [
    ['a host with a scheme', ['--allow-host', 'http://list.example'], /--allow-host:.*Write/],
    ['a host with a path', ['--allow-host', 'list.example/mcp'], /--allow-host:.*Write/],
    ['an origin without a scheme', ['--allow-origin', 'app.example'], /--allow-origin:.*Write/],
    [
      'an origin with a slash',
      ['--allow-origin', 'https://app.example/'],
      /--allow-origin:.*Write/,
    ],
    ['every origin', ['--allow-origin', '*'], /--allow-origin:.*Write/],
  ];
  for (const [why, args, message] of rows)
    assert.throws(() => parseOptions(args, {}), message, why);
  const options = parseOptions(['--allow-host', 'a.example', '--allow-host', 'b.example:1'], {});
  assert.ok(typeof options === 'object');
  assert.deepEqual(options.allowHosts.slice(0, 2), ['a.example', 'b.example:1']);
});

test('over HTTP/2 the host is in :authority, and is looked at', async t => {
  const server = createHttp2Server(held(hostGuard((_req, res) => res.end('Hello'))) as never); // its requests fit
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo; // it listens on a port
  const client = connectHttp2(`http://127.0.0.1:${port}`);
  t.after(() => client.destroy()); // close() waits for its streams, on Node 24 for ever
  t.after(() => server.close());
  const rows: [headers: Record<string, string>, status: number, reason: string][] = [
    [{}, 200, 'the authority that was connected to'],
    [{ ':authority': 'evil.example' }, 403, 'DNS rebinding'],
    [{ host: 'evil.example' }, 403, 'a Host beside it that says another'],
  ];
  for (const [headers, status, reason] of rows) {
    const stream = client.request({ ':path': '/', ...headers });
    const [answer] = await once(stream, 'response');
    assert.equal(answer[':status'], status, reason);
    stream.close();
  }
});

test('guards hand on the next of a host, so that a guarded router is a guest too', async t => {
  const router = createRouter().get('/ours', (_req, res) => res.end('ours'));
  const verify = staticTokens([tokenOf('a')]);
  const guarded = hostGuard(cors(bearer(router, { verify }), { origins: ['https://app.example'] }));
  const origin = await serve(t, (req, res) => {
    guarded(req, res, () => res.end('the host’s'));
  });
  const headers = { Authorization: `Bearer ${tokenOf('a')}` };
  const ask = async (path: string) => (await fetch(`${origin}${path}`, { headers })).text();
  assert.equal(await ask('/ours'), 'ours');
  assert.equal(await ask('/other'), 'the host’s');
});

function tokenOf(letter: string): string {
  return letter.repeat(32);
}
