/** The proxy before real servers, with real clients; what it leaves as it is, and who sees whom leave. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { proxyApp } from '../../../apps/proxy/app.ts';
import { createRouter } from '../../../router.ts';
import { freePort, listening, serveOurs } from '../../check/support.ts';
import { certificate, key } from '../../check/untrusted.ts';
import { connect, serve, type Transport } from '../../support.ts';
import { ask, openRaw, openStream, post } from '../mcp/wire.ts';
import { exchange, headOf, serveBehind, serveBytes, serveProxy, startExample } from './support.ts';

type Door = [path: string, transport: Transport];
type Start = (t: TestContext) => Promise<string>;

const notifications = { name: 'start-notification-stream', arguments: { interval: 1, count: 2 } };
const greeting = { name: 'greet', arguments: { name: 'Ada' } };
const example = (name: string) => (t: TestContext) => startExample(t, name);

const servers: [
  name: string,
  start: Start,
  doors: Door[],
  call: Parameters<Client['callTool']>[0],
][] = [
  [
    'this one',
    t => serveOurs(t),
    [
      ['/mcp/sse', 'sse'],
      ['/mcp', 'streamable'],
    ],
    { name: 'get_items', arguments: {} },
  ],
  ['simpleSseServer', example('simpleSseServer'), [['/mcp', 'sse']], notifications],
  [
    'sseAndStreamableHttpCompatibleServer',
    example('sseAndStreamableHttpCompatibleServer'),
    [
      ['/sse', 'sse'],
      ['/mcp', 'streamable'],
    ],
    notifications,
  ],
  ['simpleStreamableHttp', example('simpleStreamableHttp'), [['/mcp', 'streamable']], greeting],
  [
    'jsonResponseStreamableHttp',
    example('jsonResponseStreamableHttp'),
    [['/mcp', 'streamable']],
    greeting,
  ],
  [
    'simpleStatelessStreamableHttp',
    example('simpleStatelessStreamableHttp'),
    [['/mcp', 'streamable']],
    notifications,
  ],
];

for (const [name, start, doors, call] of servers)
  test(`clients have of ${name} through the proxy what they have of it directly`, async t => {
    const direct = await start(t);
    const proxied = await serveProxy(t, direct);
    for (const [path, transport] of doors) {
      const [one, other] = await Promise.all([
        connect(t, direct + path, transport),
        connect(t, proxied + path, transport),
      ]);
      assert.deepEqual(await other.listTools(), await one.listTools());
      assert.deepEqual(await other.callTool(call), await one.callTool(call));
      assert.deepEqual(other.getServerVersion(), one.getServerVersion());
      await Promise.all([one.close(), other.close()]);
    }
  });

test('a request arrives as it was sent, but for Host and what was the connection’s own', async t => {
  const { origin, received } = await serveBytes(t, 'HTTP/1.1 204 No Content\r\n\r\n');
  const proxied = await serveProxy(t, origin);
  const fields = [
    'X-Mixed-CASE: kept',
    'Accept: a/b',
    'Accept: c/d',
    'Cookie: one=1',
    'Authorization: Bearer token-of-the-client',
    'X-Forwarded-For: 192.0.2.1',
    'Content-Type: application/json',
    'Content-Length: 2',
  ];
  const own = [
    'Connection: close, X-Own, content-length',
    'X-Own: of this connection',
    'Keep-Alive: timeout=5',
    'Proxy-Connection: keep-alive',
    'TE: trailers',
    'Trailer: X-Late',
    'Upgrade: h2c',
  ];
  const head = [
    'POST /mcp/a?b=c%20d&e HTTP/1.1',
    `Host: ${new URL(proxied).host}`,
    ...own,
    ...fields,
  ];
  await exchange(proxied, `${head.join('\r\n')}\r\n\r\n{}`);
  const [text = ''] = received;
  const [line, ...arrived] = headOf(text);
  assert.equal(line, 'POST /mcp/a?b=c%20d&e HTTP/1.1');
  const expected = [...fields, `Host: ${new URL(origin).host}`, 'Connection: keep-alive'];
  assert.deepEqual(arrived.sort(), expected.sort());
  assert.ok(text.endsWith('\r\n\r\n{}'));
});

test('an answer arrives as it was sent, but for what was the connection’s own', async t => {
  const fields = [
    'X-Mixed-CASE: kept',
    'Set-Cookie: one=1',
    'Set-Cookie: two=2',
    'Date: Thu, 01 Jan 1970 00:00:00 GMT',
    'Content-Length: 5',
  ];
  const own = ['Connection: keep-alive, x-own', 'X-Own: 1', 'Keep-Alive: timeout=9', 'Upgrade: h2'];
  const head = ['HTTP/1.1 299 Quite Another', ...own, ...fields].join('\r\n');
  const { origin } = await serveBytes(t, `${head}\r\n\r\nhello`);
  const proxied = await serveProxy(t, origin);
  const { host } = new URL(proxied);
  const text = await exchange(
    proxied,
    `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
  );
  const [line, ...arrived] = headOf(text);
  assert.equal(line, 'HTTP/1.1 299 Quite Another');
  assert.deepEqual(arrived.sort(), [...fields, 'Connection: close'].sort());
  assert.ok(text.endsWith('\r\n\r\nhello'));
});

test('a body without a length stays framed, whatever the method and whatever Connection names', async t => {
  const { direct, proxied } = await serveBehind(t, async (req, res) => {
    let body = '';
    for await (const chunk of req) body += chunk;
    res.end(`${req.method} ${req.url} ${body}`);
  });
  const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n';
  const { host } = new URL(proxied);
  const chunked = `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`;
  for (const method of ['GET', 'DELETE', 'POST']) {
    const begin = `${method} /a HTTP/1.1\r\nHost: ${host}\r\n`;
    const withLength = `Connection: close, content-length\r\nContent-Length: ${smuggled.length}\r\n\r\n`;
    assert.match(
      await exchange(proxied, `${begin}${withLength}${smuggled}`),
      new RegExp(`${method} /a GET /smuggled`),
      direct,
    );
    const inChunks = 'Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n';
    assert.match(
      await exchange(proxied, `${begin}${inChunks}${chunked}`),
      new RegExp(`${method} /a GET /smuggled`),
    );
  }
});

test('the head of a request and of an answer pass before their bodies, and each part as it comes', async t => {
  const seen: [IncomingMessage, ServerResponse][] = [];
  let arrived = () => {};
  const { proxied } = await serveBehind(t, (req, res) => {
    seen.push([req, res]);
    arrived();
  });
  const came = new Promise<void>(done => {
    arrived = done;
  });
  const req = request(`${proxied}/upload`, { method: 'POST', headers: { 'Content-Length': 4 } });
  req.flushHeaders();
  await came;
  const [asked, res] = seen[0] ?? assert.fail();
  req.write('ab');
  assert.equal(String((await once(asked, 'data'))[0]), 'ab');
  res.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
  const [answer] = await once(req, 'response');
  res.write(': one\n\n');
  assert.equal(String((await once(answer, 'data'))[0]), ': one\n\n');
  res.end(': two\n\n');
  assert.equal(String((await once(answer, 'data'))[0]), ': two\n\n');
  req.destroy();
});

for (const [path, transport] of [
  ['/mcp/sse', 'sse'],
  ['/mcp', 'streamable'],
] satisfies Door[])
  test(`fifty clients at once, over ${transport}: each has its own answers`, async t => {
    const proxied = await serveProxy(t, await serveOurs(t));
    const clients = await Promise.all(
      Array.from({ length: 50 }, () => connect(t, proxied + path, transport)),
    );
    const added = await Promise.all(
      clients.map((client, i) =>
        client.callTool({ name: 'add_item', arguments: { name: `N${i}` } }),
      ),
    );
    for (const [i, result] of added.entries())
      assert.match(JSON.stringify(result), new RegExp(`Added N${i} as item`));
    await Promise.all(clients.map(client => client.close()));
  });

test('of fifty streams the upstream sees the one go whose client leaves, and no other', async t => {
  const open = new Map<string, ServerResponse>();
  const { proxied } = await serveBehind(t, (req, res) => {
    open.set(req.url ?? '', res);
    res.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(': open\n\n');
    res.once('close', () => open.delete(req.url ?? ''));
  });
  const streams = await Promise.all(
    Array.from({ length: 50 }, (_, i) => openStream(t, `${proxied}/${i}`)),
  );
  for (const stream of streams) assert.equal((await stream.next())?.comment, 'open');
  const gone = once(open.get('/7') ?? assert.fail(), 'close');
  streams[7]?.cut();
  await gone;
  assert.equal(open.size, 49);
  assert.ok(!open.has('/7'));
  for (const res of open.values()) res.write(': more\n\n');
  for (const [i, stream] of streams.entries())
    if (i !== 7) assert.equal((await stream.next())?.comment, 'more');
});

test('an upstream that hangs sees its client go', async t => {
  let asked = (_res: ServerResponse) => {};
  const arrived = new Promise<ServerResponse>(done => {
    asked = done;
  });
  const { proxied } = await serveBehind(t, (_req, res) => asked(res));
  const req = request(`${proxied}/mcp`, { method: 'POST' }).on('error', () => {});
  req.end('{}');
  const res = await arrived;
  req.destroy();
  await once(res, 'close');
});

test('what is pipelined behind it is not asked before its turn', async t => {
  const seen: string[] = [];
  let asked = (_res: ServerResponse) => {};
  const arrived = new Promise<ServerResponse>(done => {
    asked = done;
  });
  const { proxied } = await serveBehind(t, ({ url = '' }, res) => {
    seen.push(url);
    if (url === '/hangs') asked(res);
    else res.end();
  });
  const { host, port } = new URL(proxied);
  const raw = openRaw(t, Number(port));
  for (const path of ['/hangs', '/behind'])
    raw.send(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  const res = await arrived;
  await ask(`${proxied}/other`);
  raw.socket.destroy();
  await once(res, 'close');
  assert.deepEqual(seen, ['/hangs', '/other']);
});

test('an answer that breaks off upstream breaks off here', async t => {
  const { proxied } = await serveBehind(t, (_req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream' });
    res.write(': one\n\n', () => res.destroy());
  });
  const stream = await openStream(t, `${proxied}/mcp/sse`);
  assert.equal((await stream.next())?.comment, 'one');
  await assert.rejects(stream.next(), /aborted/);
});

test('an upstream that answers before it has read a body is heard', async t => {
  const { proxied } = await serveBehind(t, (_req, res) => {
    res.writeHead(413, { 'Content-Type': 'text/plain' }).end('Too long.');
  });
  const answer = await post(`${proxied}/mcp`, { long: 'x'.repeat(1_000_000) });
  assert.deepEqual([answer.status, answer.body], [413, 'Too long.']);
});

test('a refusal is heard whose upstream closed with it, in the middle of the body', async t => {
  const { proxied } = await serveBehind(t, (req, res) => {
    let bytes = 0;
    req.on('data', chunk => {
      bytes += chunk.length;
      if (bytes < 1_000_000 || res.headersSent) return;
      req.pause();
      res.writeHead(413, { Connection: 'close', 'Content-Length': 5 }).end('large');
    });
  });
  for (let i = 0; i < 5; i++) {
    const req = request(`${proxied}/mcp`, { method: 'POST' });
    Readable.from(Array(128).fill(Buffer.alloc(64 * 1024))).pipe(req);
    const [answer] = await once(req, 'response');
    assert.equal(answer.statusCode, 413);
    req.on('error', () => {}).destroy();
  }
});

test('a body that was refused unread is read to its end, so that its connection goes on', async t => {
  const { proxied } = await serveBehind(t, (req, res) => {
    const isRefused = req.method === 'POST';
    res
      .writeHead(isRefused ? 413 : 200, { 'Content-Length': 5 })
      .end(isRefused ? 'large' : 'small');
  });
  const { host, port } = new URL(proxied);
  const head = `POST /a HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 1000000\r\n\r\n`;
  const half = 'x'.repeat(500_000);

  const patient = openRaw(t, Number(port));
  patient.send(head + half);
  assert.equal((await patient.answer).status, 413);
  patient.send(`${half}GET /b HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  let text = '';
  patient.socket.on('data', chunk => {
    text += chunk;
  });
  await patient.closed;
  assert.match(text, /^HTTP\/1\.1 200 OK[\s\S]*small$/);
});

test('an upstream that is down, is none or is not trusted is a 502 that says so', async t => {
  const smtp = createTcpServer(socket => socket.end('220 mail.example ESMTP\r\n'));
  const shut = createTcpServer(socket => socket.destroy());
  const tls = createTlsServer({ cert: certificate, key }, () => {});
  const plain = createServer(() => {});
  const cases: [upstream: string, says: RegExp][] = [
    [`http://localhost:${await freePort(t)}`, /: nothing listens there\. Start it/],
    ['http://nobody.invalid', /no address is known/],
    [`http://localhost:${await listening(t, smtp)}`, /no HTTP/],
    [`http://localhost:${await listening(t, shut)}`, /closed the connection first/],
    [`https://localhost:${await listening(t, tls)}`, /certificate is not trusted/],
    [`https://localhost:${await listening(t, plain)}`, /does not speak TLS/],
  ];
  for (const [upstream, says] of cases) {
    const { status, headers, body } = await post(`${await serveProxy(t, upstream)}/mcp`, {});
    assert.equal(status, 502, upstream);
    assert.equal(headers['content-type'], 'application/problem+json');
    const { detail } = JSON.parse(body);
    assert.ok(detail.startsWith(`${upstream}, which this is a proxy of, did not answer: `), detail);
    assert.match(detail, says);
  }
});

test('an upstream that switches protocols unasked is a 502, and the proxy can be stopped', async t => {
  const head = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n';
  const { origin } = await serveBytes(t, head);
  const app = proxyApp(new URL(origin));
  const { status, body } = await post(`${await serve(t, app)}/mcp`, {});
  assert.equal(status, 502);
  assert.match(body, /did not answer: it closed without an answer\./);
  await app.close?.();
});

test('a status that HTTP does not have is a 502 with nothing of that answer in it', async t => {
  for (const status of ['000', '099', '600', '999']) {
    const head = `HTTP/1.1 ${status} Odd\r\nX-Upstream: 1\r\nContent-Length: 0\r\n\r\n`;
    const { origin } = await serveBytes(t, head);
    const { headers, ...answer } = await post(`${await serveProxy(t, origin)}/mcp`, {});
    assert.equal(answer.status, 502, status);
    assert.equal(headers['x-upstream'], undefined);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.match(
      JSON.parse(answer.body).detail,
      new RegExp(`its status, ${Number(status)}, is none`),
    );
  }
});

test('a reason phrase with a control character gives way to the usual one', async t => {
  for (const control of ['\0', '\x1b', '\x7f']) {
    const head = `HTTP/1.1 404 Not${control}Here\r\nX-Upstream: 1\r\nContent-Length: 4\r\n\r\ngone`;
    const { origin } = await serveBytes(t, head);
    const proxied = await serveProxy(t, origin);
    const { host } = new URL(proxied);
    const text = await exchange(
      proxied,
      `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    );
    assert.match(text, /^HTTP\/1\.1 404 Not Found\r\nX-Upstream: 1\r\n[\s\S]*gone$/);
  }
});

test('what was refused by 502 leaves its connection in order, whatever was still to come', async t => {
  const proxied = await serveProxy(t, `http://localhost:${await freePort(t)}`);
  const { host } = new URL(proxied);
  const first = `POST /a HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 3\r\n\r\nabc`;
  const second = `GET /b HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
  const text = await exchange(proxied, first + second);
  assert.equal(text.match(/HTTP\/1\.1 502 /g)?.length, 2);
});

test('a proxy that is closed ends what it holds open, with words where none were said', async t => {
  const upstream = await serveBehind(t, (req, res) => {
    if (req.url === '/hangs') return;
    res.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(': open\n\n');
  });
  const app = proxyApp(new URL(upstream.direct));
  const origin = await serve(t, app);
  const stream = await openStream(t, `${origin}/stream`);
  assert.equal((await stream.next())?.comment, 'open');
  const hanging = ask(`${origin}/hangs`);
  await ask(`${upstream.proxied}/xray`); // by now the request hangs there
  await app.close?.();
  await assert.rejects(stream.next(), /aborted/);
  assert.equal((await hanging).status, 503);
});

test('it can be mounted anywhere, and stand before a path of its upstream', async t => {
  const { direct } = await serveBehind(t, (req, res) => res.end(`saw ${req.url}`));
  const router = createRouter().mount('/team', proxyApp(new URL(`${direct}/base/`)));
  const origin = await serve(t, router);
  assert.equal((await ask(`${origin}/team/mcp?x=1`)).body, 'saw /base/mcp?x=1');
  assert.equal((await ask(`${origin}/team`)).body, 'saw /base/');
});

test('a web page that is not from here reaches nothing through it', async t => {
  const { proxied } = await serveBehind(t, (_req, res) => res.end('reached'));
  const foreign = { Host: 'evil.example' };
  for (const headers of [foreign, { Origin: 'https://evil.example' }]) {
    const { status, body } = await ask(`${proxied}/mcp`, { headers });
    assert.equal(status, 403, body);
  }
});
