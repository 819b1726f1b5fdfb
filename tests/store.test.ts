/**
 * What every store of items does, and what a file adds to it: other processes, kill -9, strangers,
 * locks. What a file may suffer, as both doors tell it, is in faults/store.ts.
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
  type ItemChange,
  itemSchema,
  memoryStore,
  type NewItem,
  type Store,
  StoreError,
  StoreFailure,
  type StoreOptions,
  sqliteStore,
} from '../store.ts';

// Node 22.13 is the first that has it without a flag.
const DatabaseSync = await import('node:sqlite').then(
  module => module.DatabaseSync,
  () => undefined,
);

type Open = (file: string, options?: StoreOptions) => Promise<Store>;

const kinds: Record<string, Open> = {
  'a memory store': async (_file, options) => memoryStore(options),
  ...(DatabaseSync && { 'a SQLite store': sqliteStore }),
};

for (const [kind, make] of Object.entries(kinds)) {
  const open = async (t: TestContext, options?: StoreOptions): Promise<Store> => {
    const store = await make(join(newFolder(t), 'list.db'), options);
    t.after(() => store.close());
    return store;
  };

  describe(kind, () => {
    test('starts with a few items, by id', async t => {
      const items = await (await open(t)).list();
      assert.deepEqual(
        items.map(item => itemSchema.parse(item)),
        items,
      );
      assert.deepEqual(idsOf(items), [1, 2, 3]);
    });

    test('lists an added item last, under the next id', async t => {
      const store = await open(t);
      const added = await add(store, { name: 'Milk', quantity: 2, purchased: true });
      assert.deepEqual(added, { id: 4, name: 'Milk', quantity: 2, purchased: true });
      assert.deepEqual((await store.list()).at(-1), added);
      assert.deepEqual(await store.get(4), added);
    });

    test('never gives an id again, even that of the newest item', async t => {
      const store = await open(t);
      const { id } = await add(store, milk);
      assert.equal(await store.remove(id), true);
      assert.equal((await add(store, milk)).id, id + 1);
      for (const item of await store.list()) await store.remove(item.id);
      assert.equal((await add(store, milk)).id, id + 2);
    });

    test('is full at its bound, and takes an item again after a removal', async t => {
      const store = await open(t, { maxItems: 4 });
      await add(store, milk);
      assert.equal(await store.add(milk), 'full');
      assert.equal((await store.list()).length, 4);
      await store.remove(1);
      assert.notEqual(await store.add(milk), 'full');
    });

    test('holds 1,000 items unless told', async t => {
      const store = await open(t);
      for (let size = 3; size < 1_000; size++) await add(store, milk);
      assert.equal(await store.add(milk), 'full');
    });

    test('keeps ids apart and the bound under writes at once', async t => {
      const store = await open(t, { maxItems: 10 });
      const answers = await Promise.all(Array.from({ length: 20 }, () => store.add(milk)));
      const added = answers.filter(answer => answer !== 'full');
      assert.deepEqual(idsOf(added), [4, 5, 6, 7, 8, 9, 10]);
    });

    test('changes the fields it is given and leaves the others', async t => {
      const store = await open(t);
      const before = await add(store, { name: 'Milk', quantity: 2, purchased: true });
      for (const [why, change] of changes) {
        const expected = { ...(await store.get(before.id)), ...change };
        assert.deepEqual(await store.update(before.id, change), expected, why);
        assert.deepEqual(await store.get(before.id), expected, why);
      }
      assert.deepEqual(idsOf(await store.list()), [1, 2, 3, 4], 'a change moves nothing');
    });

    test('gives a name back as it was written', async t => {
      const store = await open(t);
      for (const [why, name] of names) {
        const { id } = await add(store, { ...milk, name });
        assert.equal((await store.get(id))?.name, name, why);
      }
    });

    test('has nothing to get, change or remove under an unknown id', async t => {
      const store = await open(t);
      const before = await store.list();
      assert.equal(await store.get(99), undefined);
      assert.equal(await store.update(99, { name: 'Milk' }), undefined);
      assert.equal(await store.remove(99), false);
      assert.deepEqual(await store.list(), before);
    });

    test('tells every listener of each change, and of nothing else', async t => {
      const store = await open(t, { maxItems: 4 });
      const told = [count(store), count(store)];
      const { id } = await add(store, milk);
      await store.update(id, { quantity: 3 });
      await store.add(milk); // full
      await store.update(99, { quantity: 3 });
      await store.remove(99);
      await store.list();
      await store.remove(id);
      assert.deepEqual(
        told.map(({ times }) => times),
        [3, 3],
      );
    });

    test('tells a change when it can be read', async t => {
      const store = await open(t);
      const seen: Promise<Item[]>[] = [];
      store.onChange(() => seen.push(store.list()));
      const added = await add(store, milk);
      assert.deepEqual((await Promise.all(seen)).at(-1)?.at(-1), added);
    });

    test('stops telling a listener that unsubscribed, and only that one', async t => {
      const store = await open(t);
      const [leaving, staying] = [count(store), count(store)];
      await add(store, milk);
      leaving.stop();
      leaving.stop(); // twice does no harm
      await add(store, milk);
      assert.deepEqual([leaving.times, staying.times], [1, 2]);
    });

    test('lets a listener unsubscribe while it is told', async t => {
      const store = await open(t);
      let first = 0;
      const stop = store.onChange(() => {
        first++;
        stop();
      });
      const second = count(store);
      await add(store, milk);
      await add(store, milk);
      assert.deepEqual([first, second.times], [1, 2]);
    });

    test('knows of no trouble while all is well', async t => {
      const store = await open(t);
      await add(store, milk);
      assert.equal(store.trouble(), undefined);
    });

    test('tells nobody once it is closed', async t => {
      const store = await make(join(newFolder(t), 'list.db'));
      const told = count(store);
      await store.close();
      await store.add(milk).catch(() => {}); // a file is closed, memory is still there
      assert.equal(told.times, 0);
    });
  });
}

const milk: NewItem = { name: 'Milk', quantity: 1, purchased: false };

const changes: [why: string, change: ItemChange][] = [
  ['a name alone', { name: 'Oat milk' }],
  ['a quantity alone', { quantity: 9_999 }],
  ['the mark taken off: false is a value', { purchased: false }],
  ['the mark set', { purchased: true }],
  ['all at once', { name: 'Soy milk', quantity: 3, purchased: false }],
  ['none', {}],
];

const names: [why: string, name: string][] = [
  ['quotes end an SQL string', `'; DROP TABLE items; --"`],
  ['outside the basic plane', '🥛 牛奶 ミルク'],
  ['composed and decomposed stay apart', 'Cre\u0300me cr\u00e8me'],
  ['looks like a number', '007'],
  ['looks like nothing', 'NULL'],
  ['as long as a name may be', 'M'.repeat(200)],
];

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
    test('is there when the file is opened again, with ids that go on', async t => {
      const file = join(newFolder(t), 'list.db');
      const before = await sqliteStore(file);
      const kept = await add(before, milk);
      const removed = await add(before, milk);
      await before.remove(removed.id);
      await before.close();
      const after = await reopen(t, file);
      assert.deepEqual((await after.list()).at(-1), kept);
      assert.equal((await add(after, milk)).id, removed.id + 1);
    });

    test('is one file once it is closed', async t => {
      const folder = newFolder(t);
      const store = await sqliteStore(join(folder, 'list.db'));
      await add(store, milk);
      await store.close();
      assert.deepEqual(readdirSync(folder), ['list.db']);
    });

    test('is shared by two stores, which hear of each other’s changes', async t => {
      const file = join(newFolder(t), 'list.db');
      const [one, other] = [await reopen(t, file), await reopen(t, file)];
      const toldOne = count(one);
      for (const change of writes) {
        const heard = nextChange(other);
        await change(one);
        await heard;
        assert.deepEqual(await other.list(), await one.list());
      }
      assert.equal(toldOne.times, writes.length, 'once for each of its own, not twice');
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

    test('tells no change that was not made', async t => {
      const file = join(newFolder(t), 'list.db');
      const store = await sqliteStore(file, { busyMs: 20, onTrouble: () => {} });
      t.after(() => store.close());
      holdLock(t, file);
      const told = count(store);
      for (const change of writes) await assert.rejects(change(store), failure('busy'));
      assert.equal(told.times, 0);
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

async function add(store: Store, item: NewItem): Promise<Item> {
  const added = await store.add(item);
  assert.notEqual(added, 'full');
  return added as Item; // the line above
}

function idsOf(items: Item[]): number[] {
  return items.map(item => item.id);
}

function byId(one: Item, other: Item): number {
  return one.id - other.id;
}

function count(store: Store) {
  const told = { times: 0, stop: store.onChange(() => told.times++) };
  return told;
}

const hearMs = 5_000; // a store looks four times a second; the rest is for a busy machine

function nextChange(store: Store): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(reject, hearMs, new Error(`No change was told in ${hearMs} ms.`));
    const stop = store.onChange(() => {
      stop();
      clearTimeout(late);
      resolve();
    });
  });
}

const writes: ((store: Store) => Promise<unknown>)[] = [
  store => store.add(milk),
  store => store.update(1, { purchased: true }),
  store => store.remove(2),
];

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
