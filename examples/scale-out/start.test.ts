/** `npm run scale-out` as its user meets it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../docs/lesson/make/free-port.ts';
import { startDatabase } from './database.ts';
import { Missing, programOf } from './installed.ts';
import { type Program, start } from './programs.ts';
import { freePorts, startNginx } from './proxies.ts';

test('what is missing is named, with the Debian package that has it', () => {
  assert.ok(existsSync(programOf('nginx', 'nginx-light')));
  assert.throws(
    () => programOf('no-such-program', 'its-package'),
    new Missing(
      'no-such-program is not installed here. Debian’s package: apt-get install its-package',
    ),
  );
});

test('starts three nodes, says where they are, and leaves nothing behind at Ctrl-C', async t => {
  const { program, first, proxy, left } = await started(t);
  for (const [i, node] of ['a', 'b', 'c'].entries()) {
    const origin = `http://localhost:${first + 1 + i}`;
    assert.ok(program.printed().includes(`node ${node}  ${origin}/`), program.printed());
    assert.equal((await fetch(`${origin}/readyz`)).status, 200);
    assert.match(await beginningOf(`${origin}/live/events`), new RegExp(`"node":"${node}"`));
  }
  assert.match(await (await fetch(`${proxy}/`)).text(), /^<!doctype html>/);
  const looking = beginningOf(`${proxy}/live/events`);
  assert.match(await looking, /"xray":true,/, 'through the proxy, too');

  assert.equal(await program.end('SIGINT'), 0);
  assert.deepEqual(left(), [], 'no folder is left');
  await assert.rejects(fetch(`${proxy}/`), 'and nobody answers');
});

test('leaves nothing behind when its terminal is closed', async t => {
  const { program, proxy, left } = await started(t);
  program.child.stdout?.destroy(); // what is written there fails from now on
  assert.equal(await program.end('SIGHUP'), 0);
  assert.deepEqual(left(), []);
  await assert.rejects(fetch(`${proxy}/`));
});

test('leaves nothing behind at a second Ctrl-C, while something does not end', async t => {
  const { program, proxy, left } = await started(t);
  process.kill(childOf(program, 'nginx'), 'SIGSTOP');
  const impatience = setInterval(() => program.child.kill('SIGINT'), 100); // one press is two signals
  t.after(() => clearInterval(impatience));
  assert.equal(await program.end('SIGINT'), 130);
  assert.deepEqual(left(), []);
  await assert.rejects(fetch(`${proxy}/`), 'its workers ended, too');
});

test('a proxy whose port is taken leaves no folder', async t => {
  const ports = await freePorts();
  const server = createServer().listen(ports.proxy);
  await once(server, 'listening');
  t.after(() => server.close());
  const left = foldersIn(t, ownFolder(t));
  await assert.rejects(startNginx(ports), /did not start:[\s\S]*Address already in use/);
  assert.deepEqual(left(), []);
});

test('a database that can’t be made leaves no folder', async t => {
  const long = join(ownFolder(t), ...Array.from({ length: 6 }, () => 'x'.repeat(200)));
  mkdirSync(long, { recursive: true });
  const left = foldersIn(t, long);
  await assert.rejects(startDatabase(), /Command failed: .*initdb/); // its paths have 1,024 bytes at most
  assert.deepEqual(left(), []);
});

test('a node refuses what it does not heed, and an open network without a token', () => {
  const rows: [flags: string, status: number, said: RegExp][] = [
    ['--version', 0, /^\d+\.\d+\.\d+\n$/],
    ['--explain GET /items/', 2, /^--explain: this only serves/],
    ['--data list.db', 2, /^--data, DATA_FILE: this keeps its list elsewhere/],
    ['--host 0.0.0.0', 2, /opens the list to the network/],
    ['--host 0.0.0.0 --explain GET /items/', 2, /^--explain: this only serves/],
  ];
  const script = fileURLToPath(new URL('server.ts', import.meta.url));
  const env = { ...process.env, MCP_TOKEN: '', DATABASE_URL: 'postgres://me@127.0.0.1:1/nowhere' };
  for (const [flags, expected, said] of rows) {
    const args = ['--import', 'tsx', script, ...flags.split(' ')];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
    assert.equal(status, expected, `${flags}: ${stdout}${stderr}`);
    assert.match(stdout + stderr, said);
  }
});

async function started(t: TestContext) {
  const TMPDIR = ownFolder(t);
  const first = await freeRange();
  const script = fileURLToPath(new URL('start.ts', import.meta.url));
  const program = await start(
    {
      command: process.execPath,
      args: ['--import', 'tsx', script],
      env: { ...process.env, TMPDIR, PORT: String(first) },
    },
    /Ctrl-C takes all of it down\.$/m,
  );
  return { program, first, proxy: `http://localhost:${first}`, left: () => leftIn(TMPDIR) };
}

function ownFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-mount-start-'));
  chmodSync(folder, 0o711); // for the user that PostgreSQL runs as
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Where this process makes its temporary folders from now on. @returns what tells which are left */
function foldersIn(t: TestContext, folder: string): () => string[] {
  const { TMPDIR } = process.env;
  process.env.TMPDIR = folder;
  t.after(() => {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
  });
  return () => leftIn(folder);
}

function leftIn(folder: string): string[] {
  return readdirSync(folder).filter(name => name.startsWith('mcp-mount-'));
}

/** The process of this name that the program started; Linux tells. */
function childOf({ child: { pid } }: Program, name: string): number {
  const pids = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  const found = pids.find(one => readFileSync(`/proc/${one}/comm`, 'utf8').trim() === name);
  assert.ok(found, `no ${name} among ${pids}`);
  return Number(found);
}

async function beginningOf(url: string): Promise<string> {
  const leaving = new AbortController();
  const { body } = await fetch(url, { signal: leaving.signal });
  const { value } = (await body?.getReader().read()) ?? {};
  leaving.abort();
  return new TextDecoder().decode(value);
}

/** The first of four ports in a row. */
async function freeRange(): Promise<number> {
  for (;;) {
    const first = await freePort();
    const free = await Promise.all([1, 2, 3].map(more => isFree(first + more)));
    if (free.every(Boolean)) return first;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const listening = once(server, 'listening').then(
    () => true,
    () => false,
  );
  server.listen(port, '127.0.0.1');
  const wasFree = await listening;
  server.close();
  return wasFree;
}
