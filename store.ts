/**
 * The shopping list: what an item is, what a store of items does, and two stores. Everything
 * that speaks of items takes its types, checks and JSON schemas from here. Knows neither HTTP
 * nor MCP.
 */
import { resolve } from 'node:path';
import type { DatabaseSync as Database, StatementSync as Statement } from 'node:sqlite';
import { z } from 'zod';
import { isEmpty, watchFiles } from './store/files.ts';
import { inTurn } from './store/turns.ts';

const id = z.int().min(1).max(2_147_483_647).describe('Given by the server, never reused');
const unprintable = /[\p{Cc}\p{Cs}]/u; // controls, and halves of a surrogate pair: no store keeps those
const name = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .refine(text => !unprintable.test(text), 'Leave control characters and broken emoji out')
  .describe('What to buy');
const quantity = z.int().min(1).max(9_999).describe('How many');
const purchased = z.boolean().describe('Whether it is in the basket');

export const itemSchema = z.object({ id, name, quantity, purchased }).meta({ title: 'Item' });
export const newItemSchema = z
  .strictObject({ name, quantity: quantity.default(1), purchased: purchased.default(false) })
  .meta({ title: 'NewItem' });
export const itemChangeSchema = z
  .strictObject({
    name: name.exactOptional(),
    quantity: quantity.exactOptional(),
    purchased: purchased.exactOptional(),
  })
  .meta({ title: 'ItemChange' });
export const itemIdSchema = id;

export type Item = z.output<typeof itemSchema>;
export type NewItem = z.output<typeof newItemSchema>;
export type ItemChange = z.output<typeof itemChangeSchema>;

/**
 * Asynchronous, so that a database over the network fits it. Every write is durable once it
 * resolves. What can't be done for now rejects with a StoreFailure; any other error is a fault.
 */
export interface Store {
  /** By id, oldest first. */
  list(): Promise<Item[]>;
  get(id: number): Promise<Item | undefined>;
  /** `'full'` when the list holds as many items as it may. */
  add(item: NewItem): Promise<Item | 'full'>;
  update(id: number, change: ItemChange): Promise<Item | undefined>;
  /** Whether there was such an item. */
  remove(id: number): Promise<boolean>;
  /** Calls `listener` after every change, whoever made it. Returns how to stop that. */
  onChange(listener: () => void): () => void;
  /** Why no write can succeed for now, for people; undefined while nothing is known against it. */
  trouble(): string | undefined;
  /** What still waits is refused. Again, it does nothing. */
  close(): Promise<void>;
}

/**
 * Nothing was done, and why. The message is for people: what happened and what to do.
 *
 * `'no-room'`: there is no place to write to. `'busy'`: somebody else holds it.
 * `'away'`: what the list is kept in is not there. `'unsure'`: it went away before it answered a
 * write, as a database over the network may: nobody knows whether that was done.
 */
export class StoreFailure extends Error {
  readonly kind: 'no-room' | 'busy' | 'away' | 'unsure';
  /** Seconds after which it may go well; undefined when somebody has to mend something first. */
  readonly retryAfter: number | undefined;

  constructor(kind: StoreFailure['kind'], message: string, retryAfter?: number) {
    super(message);
    this.kind = kind;
    this.retryAfter = retryAfter;
  }
}

export interface StoreOptions {
  /** Items. Bounds memory, and what one call has to answer. */
  maxItems?: number;
}

export const defaultMaxItems = 1_000;

/** So that a first look is not at an empty list. */
export const startingItems: NewItem[] = [
  { name: 'Apples', quantity: 6, purchased: false },
  { name: 'Bread', quantity: 1, purchased: true },
  { name: 'Coffee', quantity: 2, purchased: false },
];

/** Lives as long as the process. */
export function memoryStore({ maxItems = defaultMaxItems }: StoreOptions = {}): Store {
  let lastId = 0;
  const numbered = startingItems.map((item): [number, Item] => [++lastId, { id: lastId, ...item }]);
  const items = new Map(numbered);
  const changes = changeListeners();

  return {
    list: async () => [...items.values()],
    get: async id => items.get(id),
    async add(item) {
      if (items.size >= maxItems) return 'full';
      const added = { id: ++lastId, ...item };
      items.set(added.id, added);
      changes.tell();
      return added;
    },
    async update(id, change) {
      const item = items.get(id);
      if (!item) return undefined;
      const updated = { ...item, ...change };
      items.set(id, updated);
      changes.tell();
      return updated;
    },
    async remove(id) {
      const removed = items.delete(id);
      if (removed) changes.tell();
      return removed;
    },
    onChange: changes.listen,
    trouble: () => undefined,
    close: async () => changes.clear(),
  };
}

/** What `sqliteStore` rejects with: one line for the operator, without a stack. */
export class StoreError extends Error {}

export interface SqliteOptions extends StoreOptions {
  /** How long a call waits for another program's lock, in ms. */
  busyMs?: number;
  /** Told, in a line for the operator, once what can't be done and once that it can again. */
  onTrouble?: (line: string) => void;
}

const defaultBusyMs = 5_000; // longer than any write or checkpoint of a list takes
const retryAfterSeconds = 5; // as long again

/**
 * A list in a SQLite file, which is created where there is none. Several processes may share it.
 *
 * What the file system does to the file is noticed before a write, and within a quarter second:
 * deleted, moved, replaced or emptied, it is written no more. Out of reach: a `-shm` that is cut
 * short, which SQLite has mapped (SIGBUS ends the process), a `-wal` that is, and a copy written
 * over the file in place, which is still the same file.
 *
 * @throws StoreError when Node has no node:sqlite, or the file is not writable or not a list
 */
export async function sqliteStore(
  file: string,
  {
    maxItems = defaultMaxItems,
    busyMs = defaultBusyMs,
    onTrouble = logTrouble,
  }: SqliteOptions = {},
): Promise<Store> {
  const DatabaseSync = await loadSqlite();
  const lines = { isLock, waitMs: busyMs };
  const [reads, writes] = [inTurn(lines), inTurn(lines)];
  const db = await writes.take(() => openList(() => new DatabaseSync(file))).catch(cantKeep(file));
  const { all, one, insert, change, drop } = statementsFor(db);
  const changes = changeListeners();
  const health = healthOf(db, file, onTrouble);
  const tellOthers = othersOf(db, changes.tell);
  let closed = false;
  const watch = setInterval(() => {
    health.look();
    tellOthers();
  }, watchMs).unref();

  function read<T>(attempt: () => T): Promise<T> {
    return reads.take(attempt).catch(health.explain('The list can’t be read'));
  }

  /**
   * What is truthy is a change. `attempt` steps its statement to the end: the commit is its last
   * step, and node:sqlite's get() drops that step's error (Node 22, 24).
   */
  async function write<T>(attempt: () => T): Promise<T> {
    const guarded = () => {
      health.check();
      return attempt();
    };
    const done = await writes.take(guarded).catch(health.explain('Nothing was written'));
    if (!done) return done;
    health.well();
    changes.tell();
    return done;
  }

  return {
    list: () => read(() => all.all().map(toItem)),
    get: id => read(() => toItemIfAny(one.get(id))),
    async add({ name, quantity, purchased }) {
      const values = [name, quantity, Number(purchased), maxItems];
      return (await write(() => toItemIfAny(insert.all(...values)[0]))) ?? 'full';
    },
    update(id, { name, quantity, purchased }) {
      const flag = purchased === undefined ? null : Number(purchased);
      const values = [name ?? null, quantity ?? null, flag, id];
      return write(() => toItemIfAny(change.all(...values)[0]));
    },
    remove: id => write(() => Number(drop.run(id).changes) > 0),
    onChange: changes.listen,
    trouble: health.trouble,
    async close() {
      if (closed) return;
      closed = true;
      clearInterval(watch);
      changes.clear();
      for (const turns of [reads, writes])
        turns.end(new StoreFailure('away', 'The list is closed.'));
      db.close();
    },
  };
}

async function loadSqlite(): Promise<typeof Database> {
  try {
    return (await import('node:sqlite')).DatabaseSync;
  } catch {
    throw new StoreError(
      `A data file needs Node 22.13 or newer; this is ${process.version}. Update Node, or leave the data file out.`,
    );
  }
}

const applicationId = 0x4d43504d; // 'MCPM', in the file's header: tells our files from others'
const schemaVersion = 1;
const watchMs = 250; // how soon another process's change is told

function openList(open: () => Database): Database {
  let db: Database | undefined;
  try {
    db = open();
    db.exec('BEGIN IMMEDIATE'); // fails here when the file is not ours to write
    createOrRecognize(db);
    db.exec('COMMIT');
    // A commit in WAL mode with synchronous = FULL survives the process and the power.
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    db.exec('SELECT 1 FROM items'); // opens the -wal and the -shm, which may fail as well
    return db;
  } catch (error) {
    db?.close();
    throw error;
  }
}

function statementsFor(db: Database) {
  return {
    all: db.prepare('SELECT * FROM items ORDER BY id'),
    one: db.prepare('SELECT * FROM items WHERE id = ?'),
    insert: db.prepare(
      'INSERT INTO items (name, quantity, purchased) SELECT ?, ?, ? WHERE (SELECT count(*) FROM items) < ? RETURNING *',
    ),
    change: db.prepare(
      'UPDATE items SET name = coalesce(?, name), quantity = coalesce(?, quantity), purchased = coalesce(?, purchased) WHERE id = ? RETURNING *',
    ),
    drop: db.prepare('DELETE FROM items WHERE id = ?'),
  };
}

function cantKeep(file: string): (error: unknown) => never {
  return error => {
    throw new StoreError(`Can't keep the list in ${file}: ${reasonOf(error)}.`);
  };
}

function createOrRecognize(db: Database): void {
  const found = Number(db.prepare('PRAGMA application_id').get()?.application_id);
  const version = Number(db.prepare('PRAGMA user_version').get()?.user_version);
  if (found === applicationId && version === schemaVersion)
    return void db.prepare('SELECT id, name, quantity, purchased FROM items'); // throws if it is gone
  if (found === applicationId) throw new Error(`it has version ${version} of the list's tables`);
  const tables = Number(db.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.n);
  if (tables > 0 || found !== 0)
    throw new Error('it is another program’s database. Name another file');
  db.exec(`
    PRAGMA application_id = ${applicationId};
    PRAGMA user_version = ${schemaVersion};
    CREATE TABLE items (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      name TEXT NOT NULL,
      quantity INTEGER NOT NULL,
      purchased INTEGER NOT NULL
    ) STRICT`);
  const insert = db.prepare('INSERT INTO items (name, quantity, purchased) VALUES (?, ?, ?)');
  for (const { name, quantity, purchased } of startingItems)
    insert.run(name, quantity, Number(purchased));
}

function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (isLock(error)) return 'another program holds a lock on it. Stop that one, or wait for it';
  if (isNoRoom(error) || codeOf(error) === growthRefused) return 'the disk is full or at a limit';
  if (/not a database/.test(message)) return 'it is not a SQLite file. Name another file';
  if (/readonly|unable to open/.test(message)) return 'it can’t be opened for writing';
  return message;
}

// https://www.sqlite.org/rescode.html: the low byte is the kind, what is above it the detail
const busy = 5;
const full = 13;
const writeRefused = 778; // IOERR_WRITE: a limit on a file's size, a quota
const growthRefused = 4874; // IOERR_SHMSIZE: the same for the -shm, while the file is opened

function isLock(error: unknown): boolean {
  return (codeOf(error) & 0xff) === busy;
}

// No other failure says that nothing was written: after a failed fsync a restart may find it there.
function isNoRoom(error: unknown): boolean {
  return [full, writeRefused].includes(codeOf(error));
}

function codeOf(error: unknown): number {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) : 0;
}

/** What is known against the file, for the operator and for whoever asks. */
function healthOf(db: Database, file: string, onTrouble: (line: string) => void) {
  const path = String(db.prepare('PRAGMA database_list').get()?.file); // '' in memory
  const moved = watchFiles(path ? [resolve(file), path, `${path}-wal`, `${path}-shm`] : []);
  const mend = `Stop the server, see that ${file} is the list’s file, and start it again.`;
  const said = new Set<string>();
  let emptied = false;
  let lost: string | undefined;

  function look(): void {
    emptied ||= isEmpty(path); // for good: what is put there now is not what is open
    const found = emptied ? `${path} was emptied` : moved();
    if (found && !lost) emptyWal(db);
    if (lost && !found) well(); // it was moved, and moved back
    lost = found;
    if (lost) say(`${lost}. Nothing is written now, though the list can still be read. ${mend}`);
  }

  /** Once: until all is well again, each further one would say the same. */
  function say(line: string): void {
    if (!said.has(line)) onTrouble(line);
    said.add(line);
  }

  function well(): void {
    if (said.size > 0) onTrouble(`${path} can be written again.`);
    said.clear();
  }

  function check(): void {
    look();
    if (lost) throw new Error(lost);
  }

  /** Rethrows, as a StoreFailure where it is one: nothing was done. Any other says no such thing. */
  function explain(undone: string): (error: unknown) => never {
    return error => {
      if (error instanceof StoreFailure) throw error; // it is closed
      look();
      if (lost) throw new StoreFailure('away', `${undone}: ${away}`);
      if (isLock(error)) {
        say(`${path}: another program keeps a lock on it. Stop that one, or wait for it.`);
        throw new StoreFailure('busy', `${undone}: ${locked}`, retryAfterSeconds);
      }
      if (!isNoRoom(error)) throw error;
      say(`${path}: nothing can be written, the disk is full or at a limit. Make room.`);
      throw new StoreFailure('no-room', `${undone}: ${noRoom}`);
    };
  }

  const trouble = () => (lost ? `Nothing can be written: ${away}` : undefined);
  return { look, check, well, explain, trouble };
}

const away = 'the list’s file is gone, or another one is in its place. The log says what to do.';
const locked = `another program has locked the list. Try again in ${retryAfterSeconds} s.`;
const noRoom = 'the disk is full or at a limit. Make room, then try again. Reading goes on.';

/**
 * Moves what was acknowledged into the file, wherever that is now, and leaves an empty `-wal` at
 * the old place: SQLite would take it for a part of whatever file is put there.
 */
function emptyWal(db: Database): void {
  try {
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } catch {
    // then it is as it was
  }
}

function logTrouble(line: string): void {
  console.error(line);
}

/** Tells what others have changed since the last call; of our own writes it hears nothing. */
function othersOf(db: Database, tell: () => void): () => void {
  const version = db.prepare('PRAGMA data_version'); // moves for another connection's commits alone
  let known = versionIn(version);
  return () => {
    const now = versionIn(version);
    if (now === undefined || now === known) return;
    known = now;
    tell();
  };
}

/** undefined while it can't be read: whoever asks for the list is told why. */
function versionIn(version: Statement): number | undefined {
  try {
    return Number(version.get()?.data_version);
  } catch {
    return undefined;
  }
}

function toItem(row: Record<string, unknown>): Item {
  return itemSchema.parse({ ...row, purchased: row.purchased === 1 });
}

function toItemIfAny(row: Record<string, unknown> | undefined): Item | undefined {
  return row && toItem(row);
}

/** Those who asked to hear of changes, for a store to tell. */
export function changeListeners() {
  const listeners = new Set<() => void>();
  return {
    listen(listener: () => void): () => void {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    tell(): void {
      for (const listener of listeners) listener();
    },
    clear: () => listeners.clear(),
  };
}
