/** `xray` as a command: what it prints, what it refuses, how it ends. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { serve, type XrayIo, xray } from '../../proxy/main.ts';
import { parseOptions, usage } from '../../proxy/options.ts';
import { ask, openSse } from '../apps/mcp/wire.ts';
import { serveBehind } from '../apps/proxy/support.ts';
import { freePort, serveOurs } from '../check/support.ts';
import { connect } from '../support.ts';

function heard() {
  const printed: string[] = [];
  const errors: string[] = [];
  const io: XrayIo = { print: line => printed.push(line), printError: line => errors.push(line) };
  return { io, printed, errors };
}

/** Until the test ends. Resolves with the URLs that it prints. */
async function start(t: TestContext, ...args: string[]) {
  const { io, printed, errors } = heard();
  const options = parseOptions(args);
  assert.ok(options !== 'help');
  t.after(await serve(options, io));
  const [clients = '', page = ''] = printed.map(line => /http:\S+/.exec(line)?.[0]);
  return { clients, page, printed, errors };
}

test('it prints the URL for clients, of the same path, and the page’s', async t => {
  const upstream = `${await serveOurs(t)}/mcp/sse`;
  const { clients, page, printed } = await start(t, upstream);
  assert.match(
    printed[0] ?? '',
    /^Clients: {2}http:\/\/localhost:\d+\/mcp\/sse {2}in the place of /,
  );
  assert.ok(printed[0]?.endsWith(upstream));
  assert.equal(page, `${new URL(clients).origin}/xray`);
  const client = await connect(t, clients);
  assert.ok((await client.listTools()).tools.length > 0);
  const { status, body } = await ask(page);
  assert.equal(status, 200);
  assert.match(body, /data-own="\/xray"/);
});

test('the page stands elsewhere where the server itself is at its place', async t => {
  const origin = await serveOurs(t, { mount: '/xray/mcp' });
  const { clients, page } = await start(t, `${origin}/xray/mcp`);
  assert.equal(new URL(page).pathname, '/xray-page');
  assert.ok(await connect(t, clients, 'streamable'));
  assert.equal((await ask(page)).status, 200);
});

test('what breaks behind a proxy is said in the terminal, too, once each', async t => {
  let path = '/mcp/messages';
  const { direct } = await serveBehind(t, (_req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream' });
    res.write(`event: endpoint\ndata: ${path}?sessionId=an-id-of-24-characters\n\n`);
  });
  const { clients, errors } = await start(t, `${direct}/mcp/sse`);
  await openSse(t, clients);
  assert.deepEqual(errors, []);
  path = '/messages';
  await openSse(t, clients);
  await openSse(t, clients);
  assert.equal(errors.length, 1);
  assert.match(errors[0] ?? '', /^The endpoint event names \/messages, which is not below \/mcp/);
});

const mistakes: [args: string[], says: RegExp][] = [
  [[], /^Name one URL: mcp-mount xray http/],
  [['http://a.example/', 'http://b.example/'], /^Name one URL/],
  [['localhost:8000/mcp'], /^'localhost:8000\/mcp' is not the URL of a server/],
  [['http://user:secret@localhost:8000/'], /clients send their own token/],
  [['http://localhost:8000/', '--port', '70000'], /^--port: '70000' is not a port/],
  [['http://localhost:8000/', '--port', '8000'], /^--port: 8000 is the server’s own/],
  [['http://localhost/mcp', '--port', '80'], /^--port: 80 is the server’s own/],
  [['https://[::1]/mcp', '--port', '443'], /^--port: 443 is the server’s own/],
  [['http://localhost:8000/', '--allow-origin', '*'], /^--allow-origin: '\*' is not an origin/],
  [
    ['http://localhost:8000/', '--allow-host', 'http://x'],
    /^--allow-host: 'http:\/\/x' is not a host/,
  ],
  [['http://localhost:8000/', '--prot', '1'], /Did you mean --port\?/],
];

for (const [args, says] of mistakes)
  test(`'xray ${args.join(' ')}' is a mistake that is named`, async () => {
    const { io, printed, errors } = heard();
    assert.equal(await xray(args, io), 2);
    assert.deepEqual(printed, []);
    assert.match(errors.join('\n'), says);
    assert.doesNotMatch(errors.join('\n'), /\n/);
  });

test('a free port that turns out to be the server’s own is given back', async t => {
  const port = await freePort(t);
  const url = new URL(`http://localhost:${port}/mcp`);
  const { io, printed } = heard();
  for (let i = 0; i < 2; i++) {
    const serving = serve({ url, port, allowHosts: [], allowOrigins: [] }, io);
    await assert.rejects(serving, /^Error: --port: \d+ is the server’s own/);
  }
  assert.deepEqual(printed, []);
});

test('--help says all there is, and a port that is taken is one line', async t => {
  const { io, printed, errors } = heard();
  assert.equal(await xray(['--help'], io), 0);
  assert.deepEqual(printed, [usage]);
  const { port } = new URL(await serveOurs(t));
  assert.equal(await xray(['http://localhost:1/mcp', '--port', port], io), 1);
  assert.match(errors.join('\n'), new RegExp(`^Port ${port} is in use\\.[^\\n]*$`));
});

test('as a program it ends with Ctrl-C and exit code 0, also with a stream open', async t => {
  const port = await freePort(t);
  const child = spawn(
    process.execPath,
    [
      '--import',
      'tsx',
      'package/bin.ts',
      'xray',
      `${await serveOurs(t)}/mcp`,
      '--port',
      String(port),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  t.after(() => child.kill('SIGKILL'));
  const lines = createInterface(child.stdout);
  const [first] = await once(lines, 'line');
  assert.match(first, new RegExp(`^Clients: {2}http://localhost:${port}/mcp {2}in the place of`));
  await connect(t, `http://localhost:${port}/mcp`, 'streamable');
  const exit = once(child, 'exit');
  child.kill('SIGINT');
  assert.deepEqual(await exit, [0, null]);
});

const commands: [args: string[], code: number, out: RegExp, err: RegExp][] = [
  [['--help'], 0, /check URL[\s\S]*xray URL/, /^$/],
  [[], 2, /^$/, /check URL[\s\S]*xray URL/],
  [['chek', 'http://localhost:1/'], 2, /^$/, /^'chek' is no command\. Did you mean check\?/],
  [['look', 'http://localhost:1/'], 2, /^$/, /^'look' is no command\. There is check and xray\./],
  [['check', '--help'], 0, /^Usage: mcp-mount check URL/, /^$/],
  [['xray', '--help'], 0, /^Usage: mcp-mount xray URL/, /^$/],
  [['check', 'http://localhost:1/mcp'], 1, /^$/, /^Nothing listens on localhost:1\./],
];

test('mcp-mount has two commands', { concurrency: 2 }, async t => {
  for (const [args, code, out, err] of commands)
    await t.test(`mcp-mount ${args.join(' ')}`, async () => {
      const child = spawn(process.execPath, ['--import', 'tsx', 'package/bin.ts', ...args]);
      let printed = '';
      let errors = '';
      child.stdout.on('data', chunk => (printed += chunk));
      child.stderr.on('data', chunk => (errors += chunk));
      const [status] = await once(child, 'close');
      assert.equal(status, code, errors);
      assert.match(printed, out);
      assert.match(errors, err);
    });
});
