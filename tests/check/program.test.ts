/** `mcp-mount check` as a command: what it prints, how it ends, and what it says of no server. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { faultyServer } from './faulty.ts';
import { faultsIn, findingOf, freePort, listening, report, run } from './support.ts';
import { certificate, key } from './untrusted.ts';

/** No MCP server among them; each is worth one line. */
const strangers: [what: string, answer: RequestListener, line: RegExp][] = [
  [
    'that answers a web page',
    (_req, res) => res.writeHead(200, { 'Content-Type': 'text/html' }).end('<h1>Hello</h1>'),
    /^http:\S+\/mcp answers with a web page, not with MCP\. Name the URL that clients connect to/,
  ],
  [
    'that knows no such path',
    (_req, res) => res.writeHead(404).end(),
    /^There is no MCP server at http:\S+\/mcp: POST \/mcp 404, GET \/mcp 404, /,
  ],
  [
    'that asks for a token',
    (_req, res) => res.writeHead(401).end(),
    /^POST \/mcp: 401\. If it asks for a token, give one: --token T\.$/,
  ],
  [
    'that answers other JSON',
    (_req, res) => res.writeHead(200, { 'Content-Type': 'application/json' }).end('{"ok":true}'),
    /^There is no MCP server at http:\S+: POST \/mcp 200/,
  ],
  [
    'that streams and never says where to post',
    (req, res) => {
      if (req.method === 'POST') return res.writeHead(405).end();
      return res.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
    },
    /^There is no MCP server at http:\S+: POST \/mcp 405, GET \/mcp silent/,
  ],
  [
    'that floods its stream and never says where to post',
    (req, res) => {
      if (req.method === 'POST') return res.writeHead(405).end();
      res.writeHead(200, { 'Content-Type': 'text/event-stream' });
      const timer = setInterval(() => res.write('event: other\ndata: {}\n\n'.repeat(10)), 1);
      return res.once('close', () => clearInterval(timer));
    },
    /^There is no MCP server at http:\S+: POST \/mcp 405, GET \/mcp (?:silent|refused)/,
  ],
  [
    'that dribbles an answer without an end',
    (_req, res) => {
      res.writeHead(200, { 'Content-Type': 'application/json' });
      const timer = setInterval(() => res.write(' '), 100);
      res.once('close', () => clearInterval(timer));
    },
    /^\S+ begins an answer and does not end it in 5 s\.$/,
  ],
  ['that says nothing', () => {}, /^\S+ takes connections and says nothing for 5 s\.$/],
  ['that closes', req => req.socket.destroy(), /^\S+ closes the connection without an answer\.$/],
];

describe('check as a command', { concurrency: 8, timeout: 120_000 }, () => {
  for (const [what, answer, line] of strangers) {
    test(`says in one line what is wrong with a server ${what}`, async t => {
      const port = await listening(t, createServer(answer));
      const { code, printed, errors } = await run([`http://127.0.0.1:${port}/mcp`]);
      assert.match(errors, line);
      assert.doesNotMatch(errors, /\n/);
      assert.deepEqual([code, printed], [1, '']);
    });
  }

  test('says so of a port where nobody listens', async t => {
    const { code, errors } = await run([`http://127.0.0.1:${await freePort(t)}/mcp`]);
    assert.match(errors, /^Nothing listens on 127\.0\.0\.1:\d+\. Start the server/);
    assert.equal(code, 1);
  });

  test('says so of a host without an address', async () => {
    const { code, errors } = await run(['http://nobody.invalid/mcp']);
    assert.match(errors, /^No address is known for nobody\.invalid\./);
    assert.equal(code, 1);
  });

  test('says so of a service that is not HTTP, of a certificate, and of TLS where none is', async t => {
    const smtp = await listening(
      t,
      createTcpServer(socket => socket.end('220 mail.example ESMTP\r\n')),
    );
    const tls = await listening(
      t,
      createTlsServer({ cert: certificate, key }, () => {}),
    );
    const plain = await listening(t, faultyServer());
    const lines = [
      `http://127.0.0.1:${smtp}`,
      `https://localhost:${tls}`,
      `https://localhost:${plain}`,
    ];
    const said = await Promise.all(lines.map(url => run([url])));
    assert.match(said[0]?.errors ?? '', /does not speak HTTP/);
    assert.match(said[1]?.errors ?? '', /is not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\)/);
    assert.match(said[2]?.errors ?? '', /does not speak TLS as it should\. Try http:/);
    assert.deepEqual(
      said.map(({ code }) => code),
      [1, 1, 1],
    );
  });

  test('takes a mistake in the command for one: a line, and exit code 2', async () => {
    for (const [args, line] of mistakes) {
      const { code, errors } = await run(args);
      assert.match(errors, line);
      assert.doesNotMatch(errors, /\n/);
      assert.equal(code, 2, errors);
    }
  });

  test('ends with 0 where there is no fault, with 1 where there is one', async t => {
    const good = await listening(t, faultyServer());
    const bad = await listening(t, faultyServer({ faults: ['nosniff'] }));
    assert.equal((await run([`http://127.0.0.1:${good}/mcp`])).code, 0);
    assert.equal((await run([`http://127.0.0.1:${bad}/mcp`])).code, 1);
  });

  test('prints a line a finding, and the remedy and the threads where it is a fault', async t => {
    const port = await listening(t, faultyServer({ faults: ['unknown-session'] }));
    const { printed } = await run([`http://127.0.0.1:${port}/mcp`]);
    assert.match(
      printed,
      /^http:\S+\/mcp: faulty 1\nStreamable HTTP at \/mcp, SSE at \/mcp\/sse; speaks/,
    );
    assert.match(
      printed,
      /^ {2}fault {10}unknown-session +POST \/mcp of an unknown session: 400; .*\. Answer 404: .* \(mcp-remote#106, /m,
    );
    assert.match(printed, /^ {2}not looked at {2}keep-alive +it takes up to a minute/m);
    assert.match(printed, /^\d+ passed, 1 fault, \d+ not looked at, in [\d.]+ s$/m);
    assert.doesNotMatch(printed, control);
  });

  test('paints verdicts on a terminal, and lets nothing a server says reach it as a control', async t => {
    const server = createServer((req, res) => {
      if (req.method !== 'POST') return res.writeHead(404).end();
      const serverInfo = { name: 'up\x1b[1A\u202e', version: '\u009b2J' };
      const result = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo };
      return res.end(JSON.stringify({ jsonrpc: '2.0', id: 0, result }));
    });
    const port = await listening(t, server);
    let { printed } = await run([`http://127.0.0.1:${port}/mcp`], { colour: true });
    assert.match(printed, /: up\?\[1A\? \?2J\n/);
    assert.ok(printed.includes(`${red}fault        ${plain}`), printed);
    for (const code of [red, green, faint, plain]) printed = printed.replaceAll(code, '');
    assert.doesNotMatch(printed, control);
  });

  test('calls no tool unless it is told to', async t => {
    const called: string[] = [];
    const server = faultyServer();
    server.prependListener('request', req => {
      req.on('data', chunk => called.push(...(/"tools\/call"/.exec(String(chunk)) ?? [])));
    });
    const port = await listening(t, server);
    await report([`http://127.0.0.1:${port}/mcp`]);
    assert.deepEqual(called, []);
    await report([`http://127.0.0.1:${port}/mcp`, '--call', 'slow']);
    assert.notDeepEqual(called, []);
  });

  test('leaves no session behind', async t => {
    const port = await listening(t, faultyServer());
    await report([`http://127.0.0.1:${port}/mcp`, '--patient'], { idleMs: 200 });
    const health = await fetch(`http://127.0.0.1:${port}/healthz`);
    assert.deepEqual(await health.json(), { sessions: 0 });
  });

  test('never prints a token or a whole session id', async t => {
    const token = 'a-secret-token';
    const port = await listening(t, faultyServer({ tokens: [token], faults: ['session-id'] }));
    const url = `http://127.0.0.1:${port}/mcp?key=a-secret-key`;
    const { printed } = await run([url, '--token', token, '--json']);
    assert.match(printed, /"transports": \[\s*"Streamable HTTP/);
    for (const secret of [token, 'a-secret-key'])
      assert.equal(printed.split(secret).length, 1, `${secret} is printed`);
    assert.doesNotMatch(printed, /[\da-f]{8}-[\da-f]{4}-/);
  });

  test('starts a server, and sees how it stops with a stream open', async t => {
    const port = await freePort(t);
    const found = await report(startedAt(port));
    assert.deepEqual(faultsIn(found), []);
    assert.match(
      findingOf(found, 'stops').seen,
      /SIGTERM with a stream open: gone after \d+ ms, its stream cut off/,
    );
    await assert.rejects(fetch(`http://127.0.0.1:${port}/healthz`));
  });

  test('finds that a server stays for as long as its streams', async t => {
    const found = await report(startedAt(await freePort(t), 'stops'));
    assert.deepEqual(faultsIn(found), ['stops']);
  });

  test('says why a server did not start, and starts none where one runs', async t => {
    const url = `http://127.0.0.1:${await freePort(t)}/mcp`;
    const broken = await run([url, '--start', 'echo no such module >&2; exit 3']);
    assert.match(broken.errors, /ended \(exit code 3\)\. It said: no such module$/);
    const port = await listening(t, faultyServer());
    const taken = await run([`http://127.0.0.1:${port}/mcp`, '--start', 'sleep 60']);
    assert.match(taken.errors, /^Something answers at \S+ already/);
    assert.deepEqual([broken.code, taken.code], [1, 1]);
  });

  test('runs as a command of its own', async t => {
    const port = await listening(t, faultyServer());
    const child = spawn(process.execPath, [
      '--import',
      'tsx',
      'check/run.ts',
      `http://127.0.0.1:${port}/mcp`,
    ]);
    const exited = new Promise(done => child.once('exit', done));
    assert.match(await text(child.stdout), /, 0 faults, /);
    assert.equal(await exited, 0);
  });
});

const [red, green, faint, plain] = ['\x1b[31m', '\x1b[32m', '\x1b[2m', '\x1b[0m'];
const control = /[^\P{Cc}\n]|\p{Cf}/u;

function startedAt(port: number, ...faults: string[]): string[] {
  const command = [process.execPath, '--import', 'tsx', 'tests/check/serve.ts', port, ...faults];
  return [`http://127.0.0.1:${port}/mcp`, '--start', command.join(' ')];
}

const mistakes: [args: string[], line: RegExp][] = [
  [[], /^Name one URL: /],
  [['http://localhost/mcp', 'http://localhost/sse'], /^Name one URL: /],
  [['localhost:3000/mcp'], /^'localhost:3000\/mcp' is not the URL of a server\. Write http:/],
  [['/mcp'], /^'\/mcp' is not the URL of a server/],
  [['file:///etc/passwd'], /is not the URL of a server/],
  [['http://user:secret@localhost/mcp'], /a token goes into --token/],
  [['http://localhost/mcp', '--colour'], /--colour.*See --help/],
  [['http://localhost/mcp', '--token'], /--token.*See --help/],
  [['http://localhost/mcp', '--other-token', 'x'], /^--other-token is beside --token/],
  [['http://localhost/mcp', '--token', 'two words'], /^--token: a token has no spaces/],
  [['http://localhost/mcp', '--plain', 'items'], /^--plain: 'items' is not a path/],
  [
    ['http://localhost/mcp', '--origin', 'app.example'],
    /^--origin: 'app.example' is not an origin/,
  ],
];
