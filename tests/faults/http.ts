/**
 * Faults that were found at the server's edge, over real sockets: in what it logs, in what it
 * takes of a connection or a body, in what its answers let a page do. Each test was red before.
 */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { format } from 'node:util';
import { accessLog, type LogFormat } from '../../apps/xray/log.ts';
import { bearer, hostGuard } from '../../guard.ts';
import { readJson } from '../../http/body.ts';
import { listen } from '../../http/listen.ts';
import { redact } from '../../http/redact.ts';
import { type App, createRouter } from '../../router.ts';
import { createApp } from '../../server.ts';
import { memoryStore, type Store } from '../../store.ts';
import {
  ask,
  call,
  initialize,
  openRaw,
  openSession,
  openSse,
  openStream,
  post,
  postHeaders,
  type Raw,
} from '../apps/mcp/wire.ts';
import type { Used } from '../fixtures/edge-server.ts';
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
  const isProgram = (file: string) => !/^(?:\.\.|node_modules|tests|bench)\b/.test(file);
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
        if (frame.event === 'items') return frame.data ?? '';
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
  while (frame && frame.event !== 'items') frame = await page.next();
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
