/**
 * Faults that were found at the server's edge, over real sockets: in what it logs, in what it
 * takes of a connection or a body, in what its answers let a page do. Each test was red before.
 */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { on, once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import { format } from 'node:util';
import { accessLog, type LogFormat } from '../../apps/xray/log.ts';
import { sourceReader } from '../../apps/xray/sources.ts';
import { bearer, hostGuard } from '../../guard.ts';
import { readJson } from '../../http/body.ts';
import { readOnce } from '../../http/read-once.ts';
import { redact, shortId } from '../../http/redact.ts';
import { type App, createRouter } from '../../router.ts';
import { createApp } from '../../server.ts';
import { memoryStore, type Store } from '../../store.ts';
import {
  ask,
  call,
  type Headers,
  initialize,
  openRaw,
  openSession,
  openSse,
  openStream,
  post,
  postHeaders,
  type Raw,
  toolCall,
} from '../apps/mcp/wire.ts';
import type { Used } from '../fixtures/edge-server.ts';
import { listen } from '../held.ts';
import { floatingPromises } from '../promises.ts';

const soon = { timeout: 60_000 }; // a test that waits for what never comes fails

/** Serves `app` as the program does, until the test ends. */
async function serveApp(t: TestContext, app: App): Promise<{ port: number; origin: string }> {
  const { port, stop } = await listen(app, ['127.0.0.1'], 0);
  t.after(stop);
  return { port, origin: `http://127.0.0.1:${port}` };
}

/** What goes to stderr from now on, as it stands there. */
function stderrOf(t: TestContext): { text(): string } {
  const { mock } = t.mock.method(console, 'error', () => {});
  return { text: () => mock.calls.map(({ arguments: args }) => `${format(...args)}\n`).join('') };
}

/** The access log from now on, and a wait for a line of it. */
function logOf(t: TestContext, format: LogFormat) {
  const lines: string[] = [];
  let check = () => {};
  const stop = accessLog(format, line => {
    lines.push(line);
    check();
  });
  t.after(stop);
  const line = (pattern: RegExp) =>
    new Promise<string>(done => {
      check = () => {
        const found = lines.find(line => pattern.test(line));
        if (found !== undefined) done(found);
      };
      check();
    });
  return { line };
}

const brokenStore: Store = {
  ...memoryStore(),
  list: () => Promise.reject(new Error('the disk is gone')),
};

// --- what is logged

// console.error takes its first argument for a format, and in it '%c' eats the next: the error.
test('an error is logged with its words, whatever the target says', soon, async t => {
  const { origin } = await serveApp(t, createApp(brokenStore));
  for (const query of ['%c', '%s', '%o%o', '%%']) {
    const stderr = stderrOf(t);
    assert.equal((await ask(`${origin}/items/?${query}`)).status, 500);
    assert.ok(stderr.text().startsWith(`GET /items/?${query}: Error: the disk is gone\n    at `));
    t.mock.restoreAll();
  }
});

test(
  'no secret in a target is logged whole when a guard fails, however it is spelled',
  soon,
  async t => {
    const secret = 'tell-no-one-0123456789';
    const failing: App = req => {
      throw new Error(`no answer about ${req.url}`); // as an app's own errors may name the target
    };
    const guard = bearer(failing, {
      verify: () => {
        throw new Error('the key server is away');
      },
    });
    const doors: [where: string, app: App][] = [
      ['around the router', hostGuard(guard)],
      ['on a mount', createRouter().mount('/mcp', guard)],
      ['in an app', createRouter().mount('/mcp', failing)],
      ['in an app without a router', hostGuard(failing)],
    ];
    const rows: [why: string, target: string][] = [
      ['a session', `/mcp?sessionId=${secret}`],
      ['a token', `/mcp?access_token=${secret}`],
      ['behind others', `/mcp?page=1&token=${secret}&x=1`],
      ['in odd case', `/mcp?SESSIONID=${secret}&Access_TOKEN=${secret}`],
      ['with a percent-encoded name', `/mcp?session%49d=${secret}&access%5Ftoken=${secret}`],
      ['in a target within the target', `/mcp?next=%2Fmcp%3FsessionId%3D${secret}`],
      ['in absolute form', `http://localhost/mcp?sessionId=${secret}&api_key=${secret}`],
    ];
    for (const [where, app] of doors) {
      const { port } = await serveApp(t, app);
      for (const [why, target] of rows) {
        const stderr = stderrOf(t);
        const raw = openRaw(t, port);
        raw.send(
          `GET ${target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${secret}\r\nConnection: close\r\n\r\n`,
        );
        await raw.closed;
        assert.match(stderr.text(), /^GET (?:http:\/\/localhost)?\/mcp\?.*: Error: /, why);
        assert.ok(!stderr.text().includes(secret), `${why}, ${where}: ${stderr.text()}`);
        t.mock.restoreAll();
      }
    }
  },
);

test('what is a secret by name, and what is not', () => {
  const rows: [text: string, shown: string][] = [
    ['/x?Access%5fToken=abc&page=2', '/x?Access%5fToken=…&page=2'],
    ['/x?next=%2fy%3ftoken%3dabc', '/x?next=%2fy%3ftoken%3d…'],
    ['https://me:p@ss@list.example/x?page=1', 'https://…@list.example/x?page=1'],
    ['/x#access_token=abc', '/x#access_token=…'],
    ['/x?token=abc;more?token=def', '/x?token=…'],
    ['/x?tokens=3&author=me&page=%zz', '/x?tokens=3&author=me&page=%zz'],
    ['/x?%zztoken=abc', '/x?%zztoken=…'],
  ];
  for (const [text, shown] of rows) assert.equal(redact(text), shown);
  const begun = performance.now();
  redact('%3f'.repeat(20_000)); // in less time than anybody would see
  assert.ok(performance.now() - begun < 1_000);
});

// A terminal takes C1 for commands as it does ESC, and bidi makes a line read as another one. Node
// lets neither into a target, but a client's words come in messages and in what apps throw, too.
test(
  'neither a log line nor an error line moves a cursor or turns its direction',
  soon,
  async t => {
    const odd = 'odd\x9b2J\x85\u202e\u2066\u200f\u{e0041}\r';
    const logs = { json: logOf(t, 'json'), text: logOf(t, 'text') };
    const stderr = stderrOf(t);
    const router = createRouter()
      .mount('/list', createApp(memoryStore()))
      .get('/fails', () => {
        throw new Error(odd);
      });
    const { origin } = await serveApp(t, router);
    const url = `${origin}/list/mcp`;
    await post(url, call(1, odd), await openSession(url));
    await ask(`${origin}/fails`);

    const told = [await logs.json.line(/odd/), await logs.text.line(/odd/), stderr.text()];
    for (const line of told.flatMap(text => text.trimEnd().split('\n')))
      assert.doesNotMatch(line, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    assert.equal(JSON.parse(told[0] ?? '').rpc, odd, 'a reader of the JSON gets what was sent');
    assert.match(
      stderr.text(),
      /^GET \/fails: Error: odd\\u009b2J\\u0085\\u202e\\u2066\\u200f\\udb40\\udc41\\u000d\n {4}at /,
    );
  },
);

// --- promises that nobody waits for

// One that fails then ends the process. The linter lets `void f()` pass, so the checker is asked.
test('every promise of the program ends in an await or a catch', () => {
  // In the lesson and in the exercises an async listener has its own try: that is what they show.
  const isProgram = (file: string) =>
    !/^(?:\.\.|node_modules|tests|bench|docs|exercises\/\d)/.test(file);
  assert.deepEqual(floatingPromises(isProgram), []);
});

test('a promise that is let go of is found, in any of its forms', () => {
  const found = floatingPromises(file => file === 'tests/fixtures/floating.ts');
  assert.deepEqual(
    found.map(line => line.replace('tests/fixtures/floating.ts: ', '')),
    [
      'work()',
      'work()',
      'maybe()',
      'work().finally(() => {})',
      'work().then(() => {})',
      'Promise.all([work()])',
      '[1].map(work)',
      'work()',
      'work',
      'async () => {}',
      'async () => {}',
      'async () => {}',
    ],
  );
});

// It was an unhandled rejection, with which the process exits.
test(
  'a store that fails while a page looks on is told once, and the page gets the list later',
  soon,
  async t => {
    const store = memoryStore();
    const list = store.list;
    let failures = 0;
    const { origin } = await serveApp(t, createApp(store));
    const [before, page] = [stderrOf(t), await openStream(t, `${origin}/live/events`)];
    const itemsIn = async () => {
      for (;;) {
        const frame = await page.next();
        assert.ok(frame, 'the page is still told');
        if (frame.event === 'panel') return frame.data ?? '';
      }
    };
    await itemsIn();

    store.list = async () => {
      if (++failures < 3) throw new Error('the disk is away');
      return list();
    };
    await store.add({ name: 'Oat milk', quantity: 1, purchased: false });
    assert.match(await itemsIn(), /Oat milk/);
    assert.equal(failures, 3);
    assert.equal(before.text().match(/the disk is away/g)?.length, 1);
  },
);

test('a page that comes while the store fails is kept, and gets the list later', soon, async t => {
  const store = memoryStore();
  const list = store.list;
  let failures = 0;
  store.list = async () => {
    if (++failures < 3) throw new Error('the disk is away');
    return list();
  };
  const { origin } = await serveApp(t, createApp(store));
  const stderr = stderrOf(t);
  const page = await openStream(t, `${origin}/live/events`);
  let frame = await page.next();
  while (frame && frame.event !== 'panel') frame = await page.next();
  assert.match(frame?.data ?? '', /Apples/);
  assert.equal(stderr.text().match(/the disk is away/g)?.length, 1);
});

// --- what small inputs cost

/** The whole server in a process of its own, and what it has used since. */
async function forkServer(t: TestContext) {
  const child = fork('tests/fixtures/edge-server.ts', { execArgv: ['--import', 'tsx'] });
  t.after(() => child.kill('SIGKILL'));
  const [port]: number[] = await once(child, 'message');
  const used = async (): Promise<Used> => {
    child.send('used');
    const [answer]: Used[] = await once(child, 'message');
    assert.ok(answer);
    return answer;
  };
  const { peak } = await used();
  return { port: port ?? 0, grown: async () => (await used()).peak - peak };
}

const mib = 1024 * 1024;

// Node makes a Buffer of each chunk, 350 bytes for one: 4 MB of body became 1.7 GB.
test('a body in chunks of one byte takes the memory of its bytes', soon, async t => {
  const { port, grown } = await forkServer(t);
  const raw = openRaw(t, port);
  raw.send(
    'POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
  );
  const message = JSON.stringify({ ...initialize(), params: { ...initialize().params, pad: '' } });
  await sendByBytes(raw, message.replace('"pad":""', `"pad":"${'x'.repeat(mib / 2)}"`));
  const { status, body } = await raw.answer;
  assert.equal(status, 200, body);
  const growth = await grown();
  t.diagnostic(`${growth / mib} MiB`);
  assert.ok(growth < 60 * mib, `${growth} bytes`);
});

async function sendByBytes({ socket, send }: Raw, body: string): Promise<void> {
  for (let from = 0; from < body.length; from += 10_000) {
    const chunks = Array.from(body.slice(from, from + 10_000), byte => `1\r\n${byte}\r\n`);
    send(chunks.join(''));
    if (socket.writableNeedDrain) await once(socket, 'drain');
  }
  send('0\r\n\r\n');
}

test('a body comes whole, however it is cut into chunks', soon, async t => {
  const router = createRouter().post('/', async (req, res) => {
    const body = await readJson(req, { maxBytes: 4_000 });
    res.end(JSON.stringify(body));
  });
  const { port } = await serveApp(t, router);
  const cuts: [why: string, sizes: number[]][] = [
    ['in one', [4_000]],
    ['in two, the first one small', [1, 3_999]],
    ['in two, the last one small', [3_999, 1]],
    ['growing', [1, 1, 2, 100, 1_000, 2_896]],
    ['byte by byte', Array(4_000).fill(1)],
    ['one byte too many', [3_999, 2]],
  ];
  for (const [why, sizes] of cuts) {
    const length = sizes.reduce((sum, size) => sum + size, 0);
    const body = JSON.stringify('é'.padEnd(length - 3, 'x')); // 'é' is two bytes, quotes are two
    const bytes = Buffer.from(body).toString('latin1');
    assert.equal(bytes.length, length);
    const raw = openRaw(t, port);
    raw.send(
      'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n',
    );
    let at = 0;
    for (const size of sizes) {
      raw.send(`${size.toString(16)}\r\n${bytes.slice(at, at + size)}\r\n`);
      at += size;
    }
    raw.send('0\r\n\r\n');
    const answer = JSON.parse((await raw.answer).body);
    if (length > 4_000) assert.equal(answer.status, 413, why);
    else assert.equal(JSON.stringify(answer.value), Buffer.from(body).toString('latin1'), why);
  }
});

// Nothing is inflated, so what is compressed was JSON to nobody: 400, though the type was right.
test(
  'a body with a Content-Encoding is refused by every door, and identity is none',
  soon,
  async t => {
    const { origin } = await serveApp(t, createApp(memoryStore()));
    const session = await openSession(`${origin}/mcp`);
    const stream = await openSse(t, `${origin}/mcp/sse`);
    const doors: [method: string, url: string, body: string][] = [
      ['POST', `${origin}/items/`, '{"name":"Oat milk"}'],
      ['PATCH', `${origin}/items/1`, '{"quantity":2}'],
      ['POST', `${origin}/mcp`, JSON.stringify(call(1, 'ping'))],
      ['POST', stream.messages, JSON.stringify(call(2, 'ping'))],
    ];
    for (const [method, url, body] of doors) {
      const send = (encoding: string) => {
        const headers = { ...postHeaders, ...session, 'Content-Encoding': encoding };
        return ask(url, { method, headers, body });
      };
      for (const encoding of ['gzip', 'GZIP', 'br', 'deflate, gzip', 'identity, gzip', 'x']) {
        const { status, body: problem } = await send(encoding);
        assert.equal(status, 415, `${encoding} to ${url}`);
        assert.match(problem, /Send it plain/);
      }
      assert.ok((await send('Identity')).status < 300, url);
    }
  },
);

/** `count` requests for `path`, to be sent in one go. */
function pipelined(path: string, count: number): string {
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`.repeat(count);
}

/** All that came on a connection, until it has `answers` heads. */
async function receive({ socket }: Raw, answers: number): Promise<string> {
  let text = '';
  for await (const [chunk] of on(socket, 'data')) {
    text += chunk;
    if (text.split('HTTP/1.1 200 OK').length > answers) return text;
  }
  return text;
}

// Node hands over all that it reads at once: 64 KB of requests became 930 MB of answers.
for (const [path, count] of [
  ['/items/', 1_600],
  ['/live/sources', 1_500],
  ['/docs', 1_600],
] as const)
  test(`${count} requests for ${path} in 64 KB take the memory of a few`, soon, async t => {
    const { port, grown } = await forkServer(t);
    const raw = openRaw(t, port);
    raw.send(pipelined(path, count));
    await raw.closed; // it is a flood
    const growth = await grown();
    t.diagnostic(`${growth / mib} MiB`);
    assert.ok(growth < 60 * mib, `${growth} bytes`);
    assert.equal((await ask(`http://127.0.0.1:${port}/items/`)).status, 200);
  });

test(
  'of the requests on one connection an app has 32 at once, and all are answered in order',
  soon,
  async t => {
    const asked: string[] = [];
    const gates = new Map<string, () => void>();
    const router = createRouter().get('/:n', async ({ params: { n } }, res) => {
      asked.push(n);
      await new Promise<void>(done => gates.set(n, done));
      res.end(n);
    });
    const { port } = await serveApp(t, router);
    const raw = openRaw(t, port);
    const all = Array.from({ length: 288 }, (_, n) => String(n));
    raw.send(all.map(n => pipelined(`/${n}`, 1)).join(''));
    const received = receive(raw, all.length);
    while (asked.length < 32) await new Promise(setImmediate);
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    assert.deepEqual(asked, all.slice(0, 32));

    gates.get('1')?.(); // its answer waits for that of the first, and keeps its place
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    assert.equal(asked.length, 32);
    for (const n of all) {
      while (!gates.has(n)) await new Promise(setImmediate);
      gates.get(n)?.();
    }
    const bodies = (await received).split(/HTTP\/1\.1 200 OK\r\n/).slice(1);
    assert.deepEqual(
      bodies.map(answer => answer.split('\r\n\r\n')[1]),
      all,
    );
  },
);

test('one request more than may wait ends the connection', soon, async t => {
  const { port } = await serveApp(t, () => {}); // answers none
  const raw = openRaw(t, port);
  raw.send(pipelined('/', 289));
  await raw.closed;
});

test('who leaves while its requests wait has no more of them handed to an app', soon, async t => {
  let asked = 0;
  const open: ServerResponse[] = [];
  const { port } = await serveApp(t, (_req, res) => {
    asked++;
    open.push(res);
  });
  const raw = openRaw(t, port);
  raw.send(pipelined('/', 40));
  while (asked < 32) await new Promise(setImmediate);
  const left = once(open[0]?.socket ?? raw.socket, 'close');
  raw.socket.destroy();
  await left;
  for (const res of open) res.end();
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
  assert.equal(asked, 32);
});

// It would wait for as long as the stream is open, and on Node 20 and 22 its end is never told.
test('a request behind an event stream ends the connection', soon, async t => {
  const { port, origin } = await serveApp(t, createApp(memoryStore()));
  const session = Object.entries(await openSession(`${origin}/mcp`));
  const fields = [...session, ['Accept', 'text/event-stream']].map(field => field.join(': '));
  const get = (path: string) =>
    [`GET ${path} HTTP/1.1`, 'Host: localhost', ...fields, '\r\n'].join('\r\n');
  for (const path of ['/mcp/sse', '/live/events', '/mcp']) {
    const together = openRaw(t, port);
    together.send(get(path) + get('/items/'));
    await together.closed;

    const after = openRaw(t, port);
    after.send(get(path));
    await once(after.socket, 'data');
    after.send(get('/items/'));
    await after.closed;

    const before = openRaw(t, port);
    before.send(get('/items/') + get(path));
    const text = await receive(before, 2);
    assert.match(text, /Apples.*text\/event-stream/s, `${path} behind another is a stream`);
  }
});

test(
  'a HEAD for a stream, and a stream that ends at once, are answered like others',
  soon,
  async t => {
    const { port, origin } = await serveApp(t, createApp(memoryStore()));
    const session = await openSession(`${origin}/mcp`);
    const raw = openRaw(t, port);
    const body = JSON.stringify(call(1, 'ping'));
    const fields = Object.entries({ Host: 'localhost', ...postHeaders, ...session });
    const lines = fields.map(field => `${field.join(': ')}\r\n`).join('');
    raw.send(
      `HEAD /mcp/sse HTTP/1.1\r\nHost: localhost\r\n\r\nPOST /mcp HTTP/1.1\r\n${lines}Content-Length: ${body.length}\r\n\r\n${body}`,
    );
    raw.send(pipelined('/items/', 1));
    assert.match(await receive(raw, 3), /text\/event-stream.*"result":\{\}.*Apples/s);
  },
);

test('what is read once is asked for again only after it failed', async () => {
  let reads = 0;
  const read = readOnce(async () => {
    if (++reads === 1) throw new Error('not yet');
    return reads;
  });
  await assert.rejects(read(), /not yet/);
  assert.deepEqual(await Promise.all([read(), read(), read()]), [2, 2, 2]);
  const readSources = sourceReader();
  assert.equal(readSources(), readSources(), 'as the sources behind the page are');
});

// --- what answers let a page do

const get = (path: string, ...fields: string[]) =>
  [`GET ${path} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...fields, '\r\n'].join('\r\n');

// A browser that guesses at a type may make a page of what an agent put on the list.
test('every answer says nosniff once: an app’s, a refusal’s and Node’s own', soon, async t => {
  const router = createRouter()
    .mount('/list', createApp(brokenStore))
    .mount('/ours', createApp(memoryStore(), { allowOrigins: ['https://app.example'] }))
    .get('/implicit', (_req, res) => void res.end('no writeHead'))
    .get('/set', (_req, res) => void res.setHeader('X-Content-Type-Options', 'nosniff').end())
    .get('/list-of-fields', (_req, res) => void res.writeHead(200, 'Fine', ['A', 'b']).end())
    .get('/pairs', (_req, res) => void res.writeHead(200, [['A', ['b', 'c']]] as never).end());
  const { port } = await serveApp(t, router);
  stderrOf(t); // the broken store's
  const origin = 'Origin: https://app.example';
  const rows: [why: string, bytes: string, status: number][] = [
    ['a list', get('/ours/items/'), 200],
    ['a problem', get('/ours/items/99'), 404],
    ['nothing there', get('/nowhere'), 404],
    ['ambiguous', get('/%2f'), 400],
    ['a guard', get('/ours/items/').replace('localhost', 'evil.example'), 403],
    ['a failure', get('/list/items/'), 500],
    ['no content', get('/ours/items/1').replace('GET', 'DELETE'), 204],
    ['OPTIONS', get('/ours/items/').replace('GET', 'OPTIONS'), 204],
    [
      'a preflight',
      get('/ours/', origin, 'Access-Control-Request-Method: PUT').replace('GET', 'OPTIONS'),
      204,
    ],
    ['a real request of that page', get('/ours/items/', origin), 200],
    ['HEAD', get('/ours/items/').replace('GET', 'HEAD'), 200],
    ['a page', get('/ours/'), 200],
    ['the documents', get('/ours/docs'), 200],
    ['the landing page', get('/ours/mcp', 'Accept: text/html'), 200],
    ['a stream', get('/ours/mcp/sse'), 200],
    ['the page’s stream', get('/ours/live/events'), 200],
    ['JSON-RPC refused', get('/ours/mcp'), 400],
    ['no writeHead', get('/implicit'), 200],
    ['said already', get('/set'), 200],
    ['fields in a list', get('/list-of-fields'), 200],
    ['fields in pairs', get('/pairs'), 200],
    ['Node: no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['Node: an expectation', get('/', 'Expect: tea'), 417],
    ['Node: no HTTP', 'tea\r\n\r\n', 400],
    ['Node: a head too large', get('/', `X: ${'y'.repeat(20_000)}`), 431],
    ['Node: a length that is none', get('/ours/items/', 'Content-Length: -1'), 400],
    ['a proxy’s request', 'CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ];
  for (const [why, bytes, status] of rows) {
    const raw = openRaw(t, port);
    raw.socket.once('data', text => raw.socket.emit('head', String(text)));
    const head = once(raw.socket, 'head');
    raw.send(bytes);
    const [text]: string[] = await head;
    assert.match(text ?? '', new RegExp(`^HTTP/1.1 ${status} `), why);
    assert.equal(
      text?.match(/\r\nX-Content-Type-Options: nosniff\r\n/g)?.length,
      1,
      `${why}: ${text}`,
    );
    raw.socket.destroy();
  }
});

// Without words a client's log says '400' and no more.
test('what can’t be read is answered with a problem, and the connection ends', soon, async t => {
  const { port } = await serveApp(t, createApp(memoryStore()));
  const slow = await listen(createApp(memoryStore()), ['127.0.0.1'], 0, {
    headersTimeout: 20,
    connectionsCheckingInterval: 10,
  });
  t.after(slow.stop);
  const rows: [port: number, bytes: string, status: number, detail: RegExp][] = [
    [port, 'tea\r\n\r\n', 400, /can't be read/],
    [port, get('/', `X: ${'y'.repeat(20_000)}`), 431, /over 16 KiB/],
    [slow.port, 'GET / HTTP/1.1\r\n', 408, /too long to come/],
    [port, 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', 400, /no proxy/],
  ];
  for (const [port, bytes, status, detail] of rows) {
    const raw = openRaw(t, port);
    raw.send(bytes);
    const { headers, body } = await raw.answer;
    await raw.closed;
    assert.equal(headers['content-type'], 'application/problem+json');
    assert.equal(JSON.parse(body).status, status);
    assert.match(JSON.parse(body).detail, detail);
  }
});

test('an answer that has begun is not mixed with one about what came behind it', soon, async t => {
  const { port } = await serveApp(t, (_req, res) => void res.writeHead(200).write('begun'));
  const raw = openRaw(t, port);
  let text = '';
  raw.socket.on('data', chunk => {
    text += chunk;
  });
  raw.send('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  while (!text.includes('begun')) await once(raw.socket, 'data');
  raw.send('tea\r\n\r\n');
  await raw.closed;
  assert.equal(text.match(/HTTP\/1\.1/g)?.length, 1, text);
});

test('a page runs its own script alone, and nobody’s page frames it', soon, async t => {
  const { origin } = await serveApp(t, createApp(memoryStore()));
  const pages: [path: string, scripts: number][] = [
    ['/', 1],
    ['/docs', 1],
    ['/mcp', 1],
    ['/mcp/sse', 1],
  ];
  for (const [path, count] of pages) {
    const { status, headers, body } = await ask(origin + path, {
      headers: { Accept: 'text/html' },
    });
    assert.equal(status, 200);
    const scripts = [...body.matchAll(/<script[^>]*>(.*?)<\/script>/gs)].map(
      ([, text = '']) => text,
    );
    assert.equal(scripts.length, count, path);
    assert.doesNotMatch(body, /<[^>]+\son\w+=/, 'nor one in an attribute');
    const policy = String(headers['content-security-policy']).split('; ');
    const hashes = scripts.map(
      text => `'sha256-${createHash('sha256').update(text).digest('base64')}'`,
    );
    assert.ok(policy.includes("default-src 'none'") && policy.includes("frame-ancestors 'none'"));
    const allowed = path === '/' ? ["script-src 'self'"] : hashes.map(hash => `script-src ${hash}`);
    assert.deepEqual(
      policy.filter(rule => rule.startsWith('script-src')),
      allowed,
      path,
    );
    if (path === '/') assert.deepEqual(scripts, [''], 'its modules are files of this origin');
  }
});

// A list that a cache keeps is shown to who may not see it, or who has changed it since.
test('no cache keeps the list or an item', soon, async t => {
  const { origin } = await serveApp(t, createApp(memoryStore()));
  const headers = { 'Content-Type': 'application/json' };
  const rows: [method: string, path: string, body: string | undefined, status: number][] = [
    ['GET', '/items/', undefined, 200],
    ['HEAD', '/items/', undefined, 200],
    ['POST', '/items/', '{"name":"Oat milk"}', 201],
    ['GET', '/items/1', undefined, 200],
    ['PATCH', '/items/1', '{"quantity":2}', 200],
    ['GET', '/items/99', undefined, 404],
  ];
  for (const [method, path, body, status] of rows) {
    const answer = await ask(origin + path, { method, headers, ...(body && { body }) });
    assert.equal(answer.status, status);
    assert.equal(answer.headers['cache-control'], 'no-store', `${method} ${path}`);
  }
});

// --- what one token is shown of another's

const [tokenA, tokenB] = ['token-of-the-first-one', 'token-of-the-second-one'];
const headersOf = (token: string): Headers => ({ Authorization: `Bearer ${token}` });

/** What a page with this token has been told, and a wait for more. */
async function look(t: TestContext, origin: string, token: string) {
  const stream = await openStream(t, `${origin}/live/events`, { headers: headersOf(token) });
  let seen = '';
  async function until(text: string): Promise<string> {
    while (!seen.includes(text)) {
      const frame = await stream.next();
      assert.ok(frame, `${text} was never told: ${seen}`);
      if (frame.event !== 'panel') seen += `${frame.event} ${frame.data}\n`;
    }
    return seen;
  }
  await until('hello');
  return { until, stream };
}

// Token B read which tools token A called, with which words, and in which session.
test('a page is shown the requests that came with its own token, and no others', soon, async t => {
  const app = createApp(memoryStore(), { tokens: [tokenA, tokenB], xray: true });
  const { origin } = await serveApp(t, app);
  const own = (token: string) => async (name: string) => {
    const session = await openSession(`${origin}/mcp`, headersOf(token));
    await post(`${origin}/mcp`, toolCall(1, 'add_item', { name }), session);
    await ask(`${origin}/mcp`, { method: 'DELETE', headers: session });
    await ask(`${origin}/nowhere/${name}`, { headers: headersOf(token) });
    return shortId(session['Mcp-Session-Id'] ?? '');
  };
  const [asA, asB] = [own(tokenA), own(tokenB)];
  const before = await openSse(t, `${origin}/mcp/sse`, headersOf(tokenA)); // before anybody looks
  const sessionBefore = shortId(new URL(before.messages).searchParams.get('sessionId') ?? '');

  const pageA = await look(t, origin, tokenA);
  const pageB = await look(t, origin, tokenB);
  const sessionA = await asA('first');
  await ask(`${origin}/nowhere/stranger`); // with no token at all
  await ask(`${origin}/items/`, { headers: headersOf('a-token-that-nobody-has') });
  await post(before.messages, call(1, 'ping'), headersOf(tokenA));
  const sessionB = await asB('second');

  const toA = await pageA.until('/nowhere/first');
  const toB = await pageB.until('/nowhere/second');
  for (const text of ['add_item', sessionA, sessionBefore, '"kind":"closed"'])
    assert.ok(toA.includes(text), `its own: ${text}`);
  assert.ok(toB.includes(sessionB), 'its own');
  for (const text of ['first', sessionA, sessionBefore]) assert.ok(!toB.includes(text), text);
  for (const text of ['second', sessionB]) assert.ok(!toA.includes(text), text);
  for (const told of [toA, toB]) {
    assert.doesNotMatch(told, /stranger|"status":401/, 'what came without a known token');
    assert.ok(!told.includes(tokenA) && !told.includes(tokenB));
  }
  const late = await look(t, origin, tokenB); // whose first events tell what is under way
  await asB('third');
  assert.doesNotMatch(await late.until('/nowhere/third'), new RegExp(`${sessionBefore}|first`));
});

test('a stream that is stuck is told to its own token', soon, async t => {
  const app = createApp(memoryStore(), { tokens: [tokenA, tokenB], xray: true });
  const { origin } = await serveApp(t, app);
  const [pageA, pageB] = [await look(t, origin, tokenA), await look(t, origin, tokenB)];
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const stuck = await openSse(t, `${origin}/mcp/sse`, headersOf(tokenA));
  t.mock.timers.tick(5_000);
  t.mock.timers.reset();
  const session = shortId(new URL(stuck.messages).searchParams.get('sessionId') ?? '');
  assert.match(await pageA.until('stuck'), new RegExp(`stuck.*${session}`));
  const late = await look(t, origin, tokenB);
  for (const page of [pageB, late]) {
    await ask(`${origin}/nowhere/last`, { headers: headersOf(tokenB) });
    assert.doesNotMatch(await page.until('/nowhere/last'), new RegExp(session));
  }
  assert.match(await (await look(t, origin, tokenA)).until('stuck'), new RegExp(session));
});

// A page shows 60 requests at once, and says how many more there were: of its own.
test('a flood with one token leaves out nothing of another’s', soon, async t => {
  const app = createApp(memoryStore(), { tokens: [tokenA, tokenB], xray: true });
  const { origin } = await serveApp(t, app);
  const [pageA] = [await look(t, origin, tokenA), await look(t, origin, tokenB)];
  for (let n = 0; n < 100; n++) await ask(`${origin}/items/`, { headers: headersOf(tokenB) });
  await ask(`${origin}/nowhere`, { headers: headersOf(tokenA) });
  assert.doesNotMatch(await pageA.until('/nowhere'), /"skipped":\{"/);
});

test('without tokens a page is shown all, whatever header came along', soon, async t => {
  const { origin } = await serveApp(t, createApp(memoryStore(), { xray: true }));
  const page = await look(t, origin, tokenB);
  await ask(`${origin}/nowhere/first`, { headers: headersOf(tokenA) });
  await ask(`${origin}/nowhere/second`);
  assert.match(await page.until('/nowhere/second'), /\/nowhere\/first/);
});

test('the README names the routes that answer without a token', soon, async t => {
  const readme = await readFile('README.md', 'utf8');
  const [, sentence = ''] = /these answer without one: (.*?)what a browser/.exec(readme) ?? [];
  const named = [...sentence.matchAll(/`(.*?)`/g)].map(([, path]) => path);
  const app = createApp(memoryStore(), { tokens: [tokenA] });
  const { origin } = await serveApp(t, app);
  const routes = app.router.list().flatMap(entry => (entry.kind === 'route' ? [entry] : []));
  const open: string[] = [];
  for (const { method, path } of routes)
    if ((await ask(origin + path.replace(':id', '1'), { method })).status !== 401) open.push(path);
  assert.deepEqual(open.sort(), named.sort());

  const Accept = 'text/html';
  const rows: [method: string, path: string, headers: Headers, status: number][] = [
    ['GET', '/mcp', { Accept }, 200],
    ['GET', '/mcp', {}, 401],
    ['GET', '/nowhere', {}, 404],
    ['PUT', '/items/', {}, 405],
    ['OPTIONS', '/items/', {}, 204],
    ['OPTIONS', '/mcp', {}, 401],
    ['GET', '/live/events', { Accept }, 401],
  ];
  for (const [method, path, headers, status] of rows)
    assert.equal((await ask(origin + path, { method, headers })).status, status, method + path);
});
