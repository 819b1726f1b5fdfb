/**
 * What the list's file may suffer while it is open, as the web and an agent see it: a disk
 * without room, a file that goes away, a lock that somebody else keeps.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { format } from 'node:util';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { createApp } from '../../server.ts';
import {
  type Item,
  type ItemChange,
  itemSchema,
  memoryStore,
  type SqliteOptions,
  type Store,
  StoreFailure,
  sqliteStore,
} from '../../store.ts';
import { itemsUri } from '../../tools.ts';
import { connect, serve } from '../support.ts';

const DatabaseSync = await import('node:sqlite').then(
  module => module.DatabaseSync,
  () => undefined,
);
const root = fileURLToPath(new URL('../..', import.meta.url));
const soon = { timeout: 60_000 }; // a test that hangs fails; none here takes a tenth of it

// After a failed fsync nobody knows whether the write is there, so neither door may say that it is
// not. What the error says, such as a path, is for the log.
test('a store that fails in another way is a 500 and a tool error, without its words', async t => {
  const logged = t.mock.method(console, 'error', () => {});
  const fail = () => Promise.reject(new Error('fsync of /data/list.db failed'));
  const origin = await serve(t, createApp({ ...memoryStore(), add: fail, list: fail }));
  const agent = await connect(t, `${origin}/mcp/sse`);
  const res = await post(origin, 'Milk');
  assert.equal(res.status, 500);
  assert.match(await detailOf(res), /log says why/);
  const words = await refusalOf(agent, 'add_item', { name: 'Milk' });
  assert.match(words, /^The store failed; the server’s log says why/);
  await assert.rejects(agent.readResource({ uri: itemsUri }), error => {
    assert.doesNotMatch(String(error), /data/);
    return /The store failed/.test(String(error));
  });
  const lines = logged.mock.calls.map(({ arguments: args }) => format(...args));
  assert.equal(lines.filter(line => line.includes('fsync of')).length, 3, 'each time');
});

// A database may go away between a write and its answer. 503 would say that it may be sent again.
test('a write of which nobody knows is a 500 and a tool error, in the store’s words', async t => {
  const words = 'The database went away before it answered.';
  const fail = () => Promise.reject(new StoreFailure('unsure', words));
  const origin = await serve(t, createApp({ ...memoryStore(), add: fail }));
  const agent = await connect(t, `${origin}/mcp/sse`);
  const res = await post(origin, 'Milk');
  assert.equal(res.status, 500);
  assert.equal(res.headers.get('retry-after'), null);
  assert.equal(await detailOf(res), words);
  assert.equal(await refusalOf(agent, 'add_item', { name: 'Milk' }), words);
});

/** Each leaves the server with a file that has lost its name, or its content. */
const losses: [what: string, happen: (file: string) => void][] = [
  ['it is deleted', file => rmSync(file)],
  ['it is moved', file => renameSync(file, `${file}.away`)],
  ['another one is renamed over it', replace],
  ['it is emptied', file => truncateSync(file)],
  ['its -wal is deleted', file => rmSync(`${file}-wal`)], // the latest writes are in there
  ['its -shm is deleted', file => rmSync(`${file}-shm`)], // with it, what tells processes apart
];

function replace(file: string): void {
  writeFileSync(`${file}.new`, 'Milk, bread');
  renameSync(`${file}.new`, file);
}

if (!DatabaseSync) {
  test('faults of a list in a file need node:sqlite', async t => {
    t.diagnostic(`It is not in ${process.version}; they are tested on 22.13 up.`);
    await assert.rejects(sqliteStore(join(newFolder(t), 'list.db')), /Node 22\.13 or newer/);
  });
} else {
  describe('a disk without room', () => {
    // SQLite says IOERR_WRITE here. get() took the row of `… RETURNING` for the whole answer, and
    // left out that the commit failed: 150 were acknowledged, 30 of them kept.
    test(
      'keeps what it acknowledged at a file-size limit, and says 507 to the rest',
      soon,
      async t => {
        const file = join(newFolder(t), 'list.db');
        const server = await startServer(t, file, limited);
        if (!server) return;
        await assertRefusesWithoutRoom(t, server);
        const kept = await listAt(server.origin);
        if (spawnSync('prlimit', [`--pid=${server.pid}`, '--fsize=unlimited:']).status === 0)
          kept.push(await added(server.origin, 'Once there is room'));
        else t.diagnostic('There is no prlimit here: the server was not given room while it ran.');
        await server.stop();
        assert.deepEqual(await itemsIn(file), kept);
      },
    );

    // SQLite says FULL here, and once there is room the same connection must go on.
    test(
      'keeps what it acknowledged on a full disk, and goes on once there is room',
      soon,
      async t => {
        const folder = newFolder(t);
        const server = await startServer(t, join(folder, 'list.db'), onSmallDisk(folder));
        if (!server) return;
        const mounted = `/proc/${server.pid}/root${folder}`; // as that process sees it
        await added(server.origin, 'Before');
        fill(join(mounted, 'filler'));
        await assertRefusesWithoutRoom(t, server);
        const kept = await listAt(server.origin);
        rmSync(join(mounted, 'filler'));
        kept.push(await added(server.origin, 'Once there is room'));
        const copy = copyOfList(t, join(mounted, 'list.db'));
        assert.deepEqual(await itemsIn(copy), kept, 'a process that starts now reads the same');
      },
    );

    // Nothing is acknowledged yet, so this is a refusal to start, in one line.
    test('is named by a server that can’t begin its list there', soon, async t => {
      const file = join(newFolder(t), 'list.db');
      const tiny = ['sh', '-c', 'ulimit -f 1 && exec "$0" "$@"'];
      if (!canRun(t, tiny)) return;
      const answer = spawnSync(...commandOf(file, tiny), { cwd: root, encoding: 'utf8' });
      const { stderr, status } = answer;
      assert.equal(status, 1, stderr);
      assert.match(
        stderr,
        /^Can't keep the list in .*list\.db: the disk is full or at a limit\.\n$/,
      );
    });
  });

  describe('a file that goes away', () => {
    // POST answered 201 with each of these, and the item was gone at the next start.
    for (const [what, happen] of losses) {
      test(`is noticed when ${what}: said once, 503 to writes, not ready`, soon, async t => {
        const { file, origin, log } = await serveList(t);
        const kept = [...(await listAt(origin)), await added(origin, 'Kept')];
        happen(file);
        await log.next(); // without a request that would find it
        await assertAway(t, origin, kept);
        assert.equal(log.lines.length, 1);
        assert.match(
          log.lines[0] ?? '',
          /list\.db\S* was .* Stop the server, see that \S+list\.db is the list’s file/,
        );
      });
    }

    // The watch looks four times a second; what is written in between must not be acknowledged.
    test('takes no write, not even in the quarter second before it is noticed', soon, async t => {
      const { file, origin } = await serveList(t);
      rmSync(file);
      assert.equal((await post(origin, 'Lost')).status, 503);
    });

    // An operator’s slip that is mended at once needs no restart.
    test('is written again when the same file is back', soon, async t => {
      const { file, store, origin, log } = await serveList(t);
      const kept = [...(await listAt(origin)), await added(origin, 'Before')];
      renameSync(file, `${file}.away`);
      await log.next();
      assert.equal((await fetch(`${origin}/readyz`)).status, 503);
      renameSync(`${file}.away`, file);
      await log.next();
      assert.match(log.lines[1] ?? '', /can be written again/);
      assert.equal((await fetch(`${origin}/readyz`)).status, 200);
      kept.push(await added(origin, 'After'));
      await store.close();
      assert.deepEqual(await itemsIn(file), kept);
    });

    // Of a file that was emptied, what SQLite has not read yet can't be read any more.
    test('is a clear 503 where it can’t be read any more', soon, async t => {
      const file = join(newFolder(t), 'list.db');
      await (await sqliteStore(file)).close(); // so that the next one has nothing in its cache
      const { origin } = await serveList(t, {}, file);
      const agent = await connect(t, `${origin}/mcp/sse`);
      truncateSync(file);
      for (const path of ['/items/', '/items/1']) {
        const res = await fetch(origin + path);
        assert.equal(res.status, 503, path);
        assert.match(await detailOf(res), /^The list can’t be read: the list’s file is gone/);
      }
      assert.match(await refusalOf(agent, 'get_items', {}), /^The list can’t be read/);
      await assert.rejects(agent.readResource({ uri: itemsUri }), /The list can’t be read/);
      const prompt = { name: 'plan_shopping', arguments: { dish: 'soup' } };
      await assert.rejects(agent.getPrompt(prompt), /The list can’t be read/);
    });

    // The latest writes are in the -wal, which stays behind: moved alone, the file would lack them.
    test('holds all that was acknowledged where it was moved to', soon, async t => {
      const { file, origin, log } = await serveList(t);
      const kept = [...(await listAt(origin)), await added(origin, 'Before')];
      const moved = join(newFolder(t), 'moved.db');
      renameSync(file, moved);
      await log.next();
      assert.deepEqual(await itemsIn(moved), kept);
    });

    // SQLite would take the -wal that lies there for the new file’s: a mix of both lists.
    test('leaves nothing behind that would mix with a file put in its place', soon, async t => {
      const { file, store, origin, log } = await serveList(t);
      const copy = join(newFolder(t), 'copy.db');
      sql(t, file).exec(`VACUUM INTO '${copy}'`);
      const before = await itemsIn(copy);
      for (let i = 0; i < 200; i++)
        await store.add({ name: 'After the copy', quantity: 1, purchased: false });
      assert.equal((await listAt(origin)).length, before.length + 200);
      renameSync(copy, file);
      await log.next();
      await store.close();
      assert.deepEqual(await itemsIn(file), before);
    });
  });

  describe('a lock that another program holds', () => {
    // Each write slept in SQLite for 5 s, and everything else with it: /healthz after 20 s.
    test('lets reads and health go on, and writes through once it is gone', soon, async t => {
      const { file, origin } = await serveList(t);
      const agent = await connect(t, `${origin}/mcp`, 'streamable');
      const lock = holdLock(t, file);
      const writes = [post(origin, 'One'), post(origin, 'Two')];
      const called = call(agent, 'add_item', { name: 'Three' });
      const answered = Promise.race([...writes, called]).then(() => 'a write');
      for (const path of ['/healthz', '/readyz', '/items/', '/items/1']) {
        const read = fetch(origin + path).then(res => res.status);
        assert.equal(await Promise.race([answered, read]), 200, path);
      }
      const before = await listAt(origin);
      lock.release();
      for (const res of await Promise.all(writes)) assert.equal(res.status, 201);
      assert.equal((await called).isError, undefined);
      const names = (await listAt(origin)).slice(before.length).map(({ name }) => name);
      assert.deepEqual(names.sort(), ['One', 'Three', 'Two']);
    });

    // A caller that was told "nothing was written" sends it again: then it must not be there twice.
    test(
      'that stays is a 503 that says when to come back, and what was refused stays out',
      soon,
      async t => {
        const { file, origin, log } = await serveList(t, { busyMs: 100 });
        const agent = await connect(t, `${origin}/mcp/sse`);
        const before = await listAt(origin);
        const lock = holdLock(t, file);
        for (const send of webWrites(origin)) {
          const res = await send();
          assert.equal(res.status, 503);
          assert.match(res.headers.get('retry-after') ?? '', /^\d+$/);
          assert.match(
            await detailOf(res),
            /^Nothing was written: another program has locked the list/,
          );
        }
        for (const [name, args] of agentWrites)
          assert.match(await refusalOf(agent, name, args), /^Nothing was written: another program/);
        assert.equal(log.lines.length, 1, 'said once');
        lock.release();
        assert.equal((await fetch(`${origin}/items/99`, { method: 'DELETE' })).status, 404);
        assert.equal(log.lines.length, 1, 'nothing was written yet');
        const after = await added(origin, 'After');
        assert.match(log.lines[1] ?? '', /can be written again/);
        assert.deepEqual(await listAt(origin), [...before, after]);
      },
    );

    test('when the server starts, is waited for without stopping the process', soon, async t => {
      const file = join(newFolder(t), 'list.db');
      await (await sqliteStore(file)).close();
      const lock = holdLock(t, file);
      const opening = sqliteStore(file);
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
      lock.release();
      await (await opening).close();
    });

    test('when the server starts, and that stays, is a refusal in one line', soon, async t => {
      const file = join(newFolder(t), 'list.db');
      await (await sqliteStore(file)).close();
      holdLock(t, file);
      await assert.rejects(
        sqliteStore(file, { busyMs: 50 }),
        /list\.db: another program holds a lock on it\. Stop/,
      );
    });
  });
}

async function assertAway(t: TestContext, origin: string, kept: Item[]): Promise<void> {
  const agent = await connect(t, `${origin}/mcp/sse`);
  const says = /^Nothing was written: the list’s file is gone, or another one is in its place/;
  for (const send of webWrites(origin)) {
    const res = await send();
    assert.equal(res.status, 503);
    assert.equal(res.headers.get('retry-after'), null, 'somebody has to mend it first');
    assert.match(await detailOf(res), says);
  }
  for (const [name, args] of agentWrites) assert.match(await refusalOf(agent, name, args), says);
  const ready = await fetch(`${origin}/readyz`);
  assert.equal(ready.status, 503);
  assert.match(await detailOf(ready), /^Nothing can be written: the list’s file is gone/);
  assert.equal((await fetch(`${origin}/healthz`)).status, 200);
  assert.deepEqual(await listAt(origin), kept, 'it can still be read, and saved');
  assert.deepEqual((await call(agent, 'get_items', {})).structuredContent, { items: kept });
}

/** Writes until there is no room, and sees that the list is what was acknowledged. */
async function assertRefusesWithoutRoom(t: TestContext, { origin, log }: Server): Promise<void> {
  const agent = await connect(t, `${origin}/mcp/sse`);
  const kept = await listAt(origin);
  await whileThereIsRoom(async () => {
    const res = await post(origin, 'Milk');
    if (res.ok) kept.push(itemSchema.parse(await res.json()));
    return res;
  });
  await whileThereIsRoom(async left => {
    const res = await patch(origin, { quantity: left }); // writes less, so it may still fit
    if (res.ok) kept[0] = itemSchema.parse(await res.json());
    return res;
  });
  assert.deepEqual(await listAt(origin), kept, 'what was acknowledged is there');
  const says = /^Nothing was written: the disk is full or at a limit\. Make room/;
  for (const send of webWrites(origin)) {
    const res = await send();
    assert.equal(res.status, 507);
    assert.match(await detailOf(res), says);
  }
  for (const [name, args] of agentWrites) assert.match(await refusalOf(agent, name, args), says);
  assert.deepEqual(await listAt(origin), kept, 'and nothing else is');
  const { contents } = await agent.readResource({ uri: itemsUri });
  assert.deepEqual(
    JSON.parse(String(contents[0] && 'text' in contents[0] && contents[0].text)),
    kept,
  );
  assert.equal((await fetch(`${origin}/readyz`)).status, 200, 'it still reads');
  assert.match(log(), /list\.db: nothing can be written, the disk is full or at a limit/);
}

/** Writes until it is refused. The disks here are far smaller than what could be written. */
async function whileThereIsRoom(write: (left: number) => Promise<Response>): Promise<void> {
  for (let left = 1_000; left > 0; left--) {
    const { ok, status } = await write(left);
    if (!ok) return assert.equal(status, 507);
  }
  assert.fail('There is room for more than there should be.');
}

const hearMs = 5_000; // a store looks four times a second; the rest is for a busy machine

interface Log {
  lines: string[];
  /** Resolves with the next line that nobody has waited for. */
  next(): Promise<void>;
}

function newLog(): Log & { write(line: string): void } {
  const lines: string[] = [];
  let read = 0;
  let wake = () => {};
  return {
    lines,
    write(line) {
      lines.push(line);
      wake();
    },
    async next() {
      const late = setTimeout(() => wake(), hearMs);
      if (lines.length === read) await new Promise<void>(done => (wake = done));
      clearTimeout(late);
      assert.ok(lines.length > read++, `no further line in ${hearMs} ms`);
    },
  };
}

interface Served {
  file: string;
  store: Store;
  origin: string;
  log: Log;
}

/** The whole app over a list in a file, in this process. */
async function serveList(
  t: TestContext,
  options: SqliteOptions = {},
  file = join(newFolder(t), 'list.db'),
): Promise<Served> {
  const log = newLog();
  const store = await sqliteStore(file, { onTrouble: log.write, ...options });
  t.after(() => store.close().catch(() => {})); // a test may have closed it
  return { file, store, origin: await serve(t, createApp(store)), log };
}

/** Another connection to the file, which holds its lock for writing. */
function holdLock(t: TestContext, file: string) {
  const other = sql(t, file);
  other.exec('BEGIN IMMEDIATE');
  return { release: () => other.exec('COMMIT') };
}

function sql(t: TestContext, file: string) {
  if (!DatabaseSync) throw new Error('This Node has no node:sqlite.');
  const connection = new DatabaseSync(file);
  t.after(() => connection.close());
  return connection;
}

type Command = [file: string, args: string[]];

/** `wrapped` ends in a shell that runs what follows it: `"$0" "$@"`. */
function commandOf(file: string, wrapped: string[]): Command {
  const runner = process.features.typescript ? [] : ['--import', 'tsx'];
  const server = ['server.ts', '--port', '0', '--host', '127.0.0.1', '--data', file];
  const [command = '', ...args] = [...wrapped, process.execPath, ...runner, ...server];
  return [command, args];
}

// 128 blocks of 512 bytes or of 1 KiB, as the shell has it: a new list takes 32 KiB. The soft limit
// alone, so that it can be raised again.
const limited = ['sh', '-c', 'ulimit -S -f 128 && exec "$0" "$@"'];

/** Mounted where only that process sees it, so that it is gone with it. */
function onSmallDisk(folder: string): string[] {
  const unshare = process.getuid?.() === 0 ? ['unshare', '--mount'] : ['unshare', '-rm'];
  const mount = `mount -t tmpfs -o size=512k tmpfs '${folder}'`;
  return [...unshare, 'sh', '-c', `${mount} && exec "$0" "$@"`];
}

interface Server {
  origin: string;
  pid: number;
  /** What it has written to stderr. */
  log(): string;
  /** Ends it as a supervisor does; it must exit with 0. */
  stop(): Promise<void>;
}

/** undefined, with the reason in the test's report, where the system has no such limits. */
async function startServer(
  t: TestContext,
  file: string,
  wrapped: string[],
): Promise<Server | undefined> {
  if (!canRun(t, wrapped)) return undefined;
  const child = spawn(...commandOf(file, wrapped), {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  let log = '';
  child.stderr.setEncoding('utf8').on('data', text => (log += text));
  const banner = once(createInterface(child.stdout), 'line');
  const [said] = await Promise.race([banner, once(child, 'exit')]);
  const [, origin] = / on (http\S+)$/.exec(said) ?? assert.fail(`It ended. ${log}`);
  async function stop(): Promise<void> {
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    assert.deepEqual(await exited, [0, null]);
  }
  return { origin: String(origin), pid: Number(child.pid), log: () => log, stop };
}

/** Whether the system has such limits. If not, the test's report says so. */
function canRun(t: TestContext, [shell = '', ...args]: string[]): boolean {
  const { status, stderr, error } = spawnSync(shell, [...args, 'true'], { encoding: 'utf8' });
  if (status !== 0) t.diagnostic(`Not tested: ${shell} can’t do that here. ${stderr ?? error}`);
  return status === 0;
}

function fill(filler: string): void {
  const block = Buffer.alloc(4096);
  try {
    for (;;) appendFileSync(filler, block);
  } catch (error) {
    assert.match(String(error), /ENOSPC/);
  }
}

const json = { 'Content-Type': 'application/json' };

function post(origin: string, name: string): Promise<Response> {
  return fetch(`${origin}/items/`, {
    method: 'POST',
    headers: json,
    body: JSON.stringify({ name }),
  });
}

function patch(origin: string, change: ItemChange): Promise<Response> {
  const body = JSON.stringify(change);
  return fetch(`${origin}/items/1`, { method: 'PATCH', headers: json, body });
}

async function added(origin: string, name: string): Promise<Item> {
  const res = await post(origin, name);
  assert.equal(res.status, 201, name);
  return itemSchema.parse(await res.json());
}

async function listAt(origin: string): Promise<Item[]> {
  const res = await fetch(`${origin}/items/`);
  assert.equal(res.status, 200);
  return itemSchema.array().parse(await res.json());
}

function webWrites(origin: string): (() => Promise<Response>)[] {
  return [
    () => post(origin, 'Milk'),
    () => patch(origin, { quantity: 7 }),
    () => fetch(`${origin}/items/1`, { method: 'DELETE' }),
  ];
}

const agentWrites: [name: string, args: Record<string, unknown>][] = [
  ['add_item', { name: 'Milk' }],
  ['update_item', { id: 1, quantity: 7 }],
  ['remove_item', { id: 1 }],
];

async function detailOf(res: Response): Promise<string> {
  assert.equal(res.headers.get('content-type'), 'application/problem+json');
  const { detail } = (await res.json()) as { detail: string }; // RFC 9457, the line above
  return detail;
}

async function call(agent: Client, name: string, args: Record<string, unknown>) {
  // Parsed, since callTool's own type also allows the shape of a protocol long gone.
  return CallToolResultSchema.parse(await agent.callTool({ name, arguments: args }));
}

/** The words of the error that a tool answers. */
async function refusalOf(agent: Client, name: string, args: Record<string, unknown>) {
  const { isError, content } = await call(agent, name, args);
  assert.equal(isError, true, name);
  const [first] = content;
  return first?.type === 'text' ? first.text : '';
}

/** What a process that starts now finds in the file. */
async function itemsIn(file: string): Promise<Item[]> {
  const store = await sqliteStore(file);
  const items = await store.list();
  await store.close();
  return items;
}

/** A copy that was made while the list was open: the file and its -wal. */
function copyOfList(t: TestContext, file: string): string {
  const copy = join(newFolder(t), 'copy.db');
  copyFileSync(file, copy);
  copyFileSync(`${file}-wal`, `${copy}-wal`);
  return copy;
}

function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-mount-faults-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}
