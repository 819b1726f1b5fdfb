/**
 * Memory and SQLite keep the contract of every store. And what a file adds to it: other processes,
 * kill -9, strangers, locks. What a file may suffer, as both doors tell it, is in faults/store.ts.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  type Item,
  itemSchema,
  memoryStore,
  type Store,
  StoreError,
  StoreFailure,
  sqliteStore,
} from '../store.ts';
import {
  add,
  idsOf,
  milk,
  nextChange,
  type Open,
  type OpenShared,
  storeContract,
  writes,
} from './store-contract.ts';

// Node 22.13 is the first that has it without a flag.
const DatabaseSync = await import('node:sqlite').then(
  module => module.DatabaseSync,
  () => undefined,
);

const openMemory: Open = async (t, options) => {
  const store = memoryStore(options);
  t.after(() => store.close());
  return store;
};

const openFile: Open = async (t, options) => (await openSharedFile(t, options)).open();

const openSharedFile: OpenShared = async (t, options) => {
  const file = join(newFolder(t), 'list.db');
  async function open(): Promise<Store> {
    const store = await sqliteStore(file, { busyMs: 100, onTrouble: () => {}, ...options });
    t.after(() => store.close());
    return store;
  }
  async function hinder() {
    const lock = holdLock(t, file);
    return async () => void lock.release();
  }
  return { open, hinder };
};

const kinds: Record<string, () => void> = {
  'a memory store': () => storeContract(openMemory),
  ...(DatabaseSync && { 'a SQLite store': () => storeContract(openFile, openSharedFile) }),
};

for (const [kind, contract] of Object.entries(kinds)) describe(kind, contract);

type Spoil = (file: string) => string | Promise<string>;

/** Each makes what is at `file` unfit and returns the path to open. */
const refusedFiles: [why: string, spoil: Spoil, reason: RegExp][] = [
  ['a folder', folderAt, /can’t be opened for writing/],
  ['a missing folder', file => `${file}/deeper/list.db`, /can’t be opened for writing/],
  ['a text file', textAt, /not a SQLite file/],
  [
    'another program’s database',
    file => sql(file, 'PRAGMA application_id = 77; CREATE TABLE notes (text)'),
    /another program’s database/,
  ],
  [
    'a database that names no program but has tables',
    file => sql(file, 'CREATE TABLE items (id, name, quantity, purchased)'),
    /another program’s database/,
  ],
  [
    'another program’s database that has no tables yet',
    file => sql(file, 'PRAGMA application_id = 77'),
    /another program’s database/,
  ],
  [
    'a list of a newer version',
    file => spoiledList(file, 'PRAGMA user_version = 2'),
    /version 2 of the list's tables/,
  ],
  ['a list whose table is gone', file => spoiledList(file, 'DROP TABLE items'), /items/],
  ['a damaged list', damagedList, /malformed/],
];

if (!DatabaseSync) {
  test('a SQLite store says in one line which Node it needs', async t => {
    t.diagnostic(
      `node:sqlite is not in ${process.version}; a list in a file is tested on 22.13 up`,
    );
    const folder = newFolder(t);
    await assert.rejects(sqliteStore(join(folder, 'list.db')), refusal(/Node 22\.13 or newer/));
    assert.deepEqual(readdirSync(folder), []);
  });
} else {
  describe('a list in a file', () => {
    test('is one file once it is closed', async t => {
      const folder = newFolder(t);
      const store = await sqliteStore(join(folder, 'list.db'));
      await add(store, milk);
      await store.close();
      assert.deepEqual(readdirSync(folder), ['list.db']);
    });

    test('takes writes of two processes at once and loses none', async t => {
      const file = join(newFolder(t), 'list.db');
      const writers = ['Tea', 'Rice'].map(name => writer(t, file, name, 100));
      const written = (await Promise.all(writers.map(child => acknowledged(child)))).flat();
      assert.equal(new Set(idsOf(written)).size, 200);
      const store = await reopen(t, file);
      assert.deepEqual((await store.list()).slice(3), written.sort(byId));
    });

    test('tells a process what another one wrote', async t => {
      const file = join(newFolder(t), 'list.db');
      const store = await reopen(t, file);
      const heard = nextChange(store);
      const [written] = await acknowledged(writer(t, file, 'Tea', 1));
      await heard;
      assert.deepEqual((await store.list()).at(-1), written);
    });

    test('holds every acknowledged item after kill -9 in ten rounds of writes', async t => {
      const file = join(newFolder(t), 'list.db');
      const all: Item[] = [];
      for (let round = 1; round <= 10; round++) {
        const killed = writer(t, file, `Round ${round}`);
        const lines = 1 + Math.floor(Math.random() * 60);
        all.push(...(await acknowledged(killed, lines)));
        const store = await sqliteStore(file);
        const kept = new Map((await store.list()).map(item => [item.id, item]));
        await store.close();
        for (const item of all) assert.deepEqual(kept.get(item.id), item);
      }
      assert.equal(new Set(idsOf(all)).size, all.length, 'and no id was given twice');
      t.diagnostic(`${all.length} items were acknowledged before the kills; all are there`);
    });

    test('makes writes that a lock held up in the order in which they came', async t => {
      const file = join(newFolder(t), 'list.db');
      const store = await reopen(t, file);
      const lock = holdLock(t, file);
      const waiting = [
        store.add({ ...milk, name: 'First' }),
        store.update(4, { name: 'Second' }),
        store.remove(4),
        store.add({ ...milk, name: 'Third' }),
      ];
      assert.equal((await store.list()).length, 3, 'and reads do not wait for them');
      lock.release();
      assert.deepEqual(await Promise.all(waiting), [
        { ...milk, id: 4, name: 'First' },
        { ...milk, id: 4, name: 'Second' },
        true,
        { ...milk, id: 5, name: 'Third' },
      ]);
    });

    test('refuses, when it closes, what waits for a lock', async t => {
      const file = join(newFolder(t), 'list.db');
      const store = await sqliteStore(file);
      const lock = holdLock(t, file);
      const waiting = writes.map(change =>
        assert.rejects(change(store), failure('away', /closed/)),
      );
      await store.close();
      lock.release();
      await Promise.all(waiting);
      assert.deepEqual(idsOf(await (await reopen(t, file)).list()), [1, 2, 3]);
    });

    test('refuses what comes once it is closed, and misses no file then', async t => {
      const said: string[] = [];
      const onTrouble = (line: string) => said.push(line);
      const store = await sqliteStore(join(newFolder(t), 'list.db'), { onTrouble });
      await store.close(); // takes its -wal and -shm away
      for (const call of [...writes, (closed: Store) => closed.list()])
        await assert.rejects(call(store), failure('away', /closed/));
      assert.deepEqual(said, []);
    });

    for (const [why, spoil, reason] of refusedFiles) {
      test(`is not begun in ${why}, which stays as it is`, async t => {
        const folder = newFolder(t);
        const file = await spoil(join(folder, 'list.db'));
        const before = contents(folder);
        await assert.rejects(sqliteStore(file), refusal(reason, file));
        assert.deepEqual(contents(folder), before);
      });
    }
  });
}

function folderAt(file: string): string {
  mkdirSync(file);
  return file;
}

function textAt(file: string): string {
  writeFileSync(file, 'Milk, bread\n');
  return file;
}

async function spoiledList(file: string, statements: string): Promise<string> {
  await (await sqliteStore(file)).close();
  return sql(file, statements);
}

async function damagedList(file: string): Promise<string> {
  await (await sqliteStore(file)).close();
  const bytes = readFileSync(file);
  writeFileSync(file, bytes.fill(0xff, 100)); // all but the file's header
  return file;
}

function sql(file: string, statements: string): string {
  if (!DatabaseSync) throw new Error('This Node has no node:sqlite.');
  const db = new DatabaseSync(file);
  db.exec(statements);
  db.close();
  return file;
}

/** The one line an operator gets. */
function refusal(reason: RegExp, file = '') {
  return (error: unknown): boolean => {
    assert.ok(error instanceof StoreError, `not a StoreError: ${error}`);
    assert.match(error.message, /^[^\n]+\.$/);
    assert.match(error.message, reason);
    return error.message.includes(file);
  };
}

function failure(kind: StoreFailure['kind'], message = /./) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof StoreFailure, `not a StoreFailure: ${error}`);
    assert.match(error.message, message);
    return error.kind === kind;
  };
}

/** Another connection to the file, which holds its lock for writing. */
function holdLock(t: TestContext, file: string) {
  if (!DatabaseSync) throw new Error('This Node has no node:sqlite.');
  const other = new DatabaseSync(file);
  t.after(() => other.close());
  other.exec('BEGIN IMMEDIATE');
  return { release: () => other.exec('COMMIT') };
}

function contents(folder: string): [name: string, bytes: string][] {
  return readdirSync(folder, { withFileTypes: true }).map(entry => [
    entry.name,
    entry.isFile() ? readFileSync(join(folder, entry.name), 'base64') : 'a folder',
  ]);
}

function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-mount-store-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

async function reopen(t: TestContext, file: string): Promise<Store> {
  const store = await sqliteStore(file, { maxItems: 1_000_000 });
  t.after(() => store.close());
  return store;
}

function byId(one: Item, other: Item): number {
  return one.id - other.id;
}

const root = fileURLToPath(new URL('..', import.meta.url));

function writer(t: TestContext, file: string, name: string, count = Number.POSITIVE_INFINITY) {
  const runner = process.features.typescript ? [] : ['--import', 'tsx']; // it starts without sooner
  const args = [...runner, 'tests/fixtures/store-writer.ts', file, name, String(count)];
  const stdio: ['ignore', 'pipe', 'inherit'] = ['ignore', 'pipe', 'inherit'];
  const child = spawn(process.execPath, args, { cwd: root, stdio });
  t.after(() => child.kill('SIGKILL'));
  return child;
}

/** What a writer has printed when it ends, by itself or killed once it printed `killAfter` lines. */
async function acknowledged(
  child: ChildProcess & { stdout: NodeJS.ReadableStream },
  killAfter = Number.POSITIVE_INFINITY,
): Promise<Item[]> {
  const exited = once(child, 'exit');
  const lines: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    if (lines.push(line) === killAfter) child.kill('SIGKILL');
  }
  const [code, signal] = await exited;
  assert.equal(code ?? signal, killAfter === Number.POSITIVE_INFINITY ? 0 : 'SIGKILL');
  return lines.filter(isWhole).map(line => itemSchema.parse(JSON.parse(line)));
}

function isWhole(line: string): boolean {
  return line.endsWith('}'); // the kill may cut the last one
}
