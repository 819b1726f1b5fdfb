/** `npm run scale-out` as its user meets it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../docs/lesson/make/free-port.ts';
import { Missing, programOf } from './installed.ts';
import { start } from './programs.ts';

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
  const TMPDIR = mkdtempSync(join(tmpdir(), 'mcp-mount-start-'));
  chmodSync(TMPDIR, 0o711); // for the user that PostgreSQL runs as
  t.after(() => rmSync(TMPDIR, { recursive: true }));
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
  for (const [i, node] of ['a', 'b', 'c'].entries()) {
    const origin = `http://localhost:${first + 1 + i}`;
    assert.ok(program.printed().includes(`node ${node}  ${origin}/`), program.printed());
    assert.equal((await fetch(`${origin}/readyz`)).status, 200);
    assert.match(await beginningOf(`${origin}/live/events`), new RegExp(`"node":"${node}"`));
  }
  const proxy = `http://localhost:${first}`;
  assert.match(await (await fetch(`${proxy}/`)).text(), /^<!doctype html>/);
  const looking = beginningOf(`${proxy}/live/events`);
  assert.match(await looking, /"xray":true,/, 'through the proxy, too');

  assert.equal(await program.end('SIGINT'), 0);
  assert.deepEqual(
    readdirSync(TMPDIR).filter(name => name.startsWith('mcp-mount-')),
    [],
    'no folder is left',
  );
  await assert.rejects(fetch(`${proxy}/`), 'and nobody answers');
});

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
