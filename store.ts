/**
 * The shopping list: what an item is, what a store of items does, and two stores. Everything
 * that speaks of items takes its types, checks and JSON schemas from here. Knows neither HTTP
 * nor MCP.
 */
import type { DatabaseSync as Database } from 'node:sqlite';
import { z } from 'zod';

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

/** Asynchronous, so that a database over the network fits it. Every write is durable once it resolves. */
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
  close(): Promise<void>;
}

export interface StoreOptions {
  /** Items. Bounds memory, and what one call has to answer. */
  maxItems?: number;
}

const defaultMaxItems = 1_000;

/** So that a first look is not at an empty list. */
const startingItems: NewItem[] = [
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
    close: async () => changes.clear(),
  };
}

/** What `sqliteStore` rejects with: one line for the operator, without a stack. */
export class StoreError extends Error {}

/**
 * A list in a SQLite file, which is created where there is none. Several processes may share it.
 *
 * @throws StoreError when Node has no node:sqlite, or the file is not writable or not a list
 */
export async function sqliteStore(
  file: string,
  { maxItems = defaultMaxItems }: StoreOptions = {},
): Promise<Store> {
  const DatabaseSync = await loadSqlite();
  const db = openList(() => new DatabaseSync(file), file);
  const all = db.prepare('SELECT * FROM items ORDER BY id');
  const one = db.prepare('SELECT * FROM items WHERE id = ?');
  const insert = db.prepare(
    'INSERT INTO items (name, quantity, purchased) SELECT ?, ?, ? WHERE (SELECT count(*) FROM items) < ? RETURNING *',
  );
  const change = db.prepare(
    'UPDATE items SET name = coalesce(?, name), quantity = coalesce(?, quantity), purchased = coalesce(?, purchased) WHERE id = ? RETURNING *',
  );
  const drop = db.prepare('DELETE FROM items WHERE id = ?');
  const changes = changeListeners();
  const watch = watchOthers(db, changes.tell);

  return {
    list: async () => all.all().map(toItem),
    get: async id => toItemIfAny(one.get(id)),
    async add({ name, quantity, purchased }) {
      const added = toItemIfAny(insert.get(name, quantity, Number(purchased), maxItems));
      if (added) changes.tell();
      return added ?? 'full';
    },
    async update(id, { name, quantity, purchased }) {
      const flag = purchased === undefined ? null : Number(purchased);
      const updated = toItemIfAny(change.get(name ?? null, quantity ?? null, flag, id));
      if (updated) changes.tell();
      return updated;
    },
    async remove(id) {
      const removed = Number(drop.run(id).changes) > 0;
      if (removed) changes.tell();
      return removed;
    },
    onChange: changes.listen,
    async close() {
      clearInterval(watch);
      changes.clear();
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
const busyMs = 5_000; // how long a write waits for another process's write
const watchMs = 250; // how soon another process's change is told

function openList(open: () => Database, file: string): Database {
  let db: Database | undefined;
  try {
    db = open();
    db.exec(`PRAGMA busy_timeout = ${busyMs}`);
    db.exec('BEGIN IMMEDIATE'); // fails here when the file is not ours to write
    createOrRecognize(db);
    db.exec('COMMIT');
    // A commit in WAL mode with synchronous = FULL survives the process and the power.
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    return db;
  } catch (error) {
    db?.close();
    throw new StoreError(`Can't keep the list in ${file}: ${reasonOf(error)}.`);
  }
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
  if (/not a database/.test(message)) return 'it is not a SQLite file. Name another file';
  if (/readonly|unable to open/.test(message)) return 'it can’t be opened for writing';
  return message;
}

// data_version moves when another connection has changed the file, never for our own writes.
function watchOthers(db: Database, tell: () => void): NodeJS.Timeout {
  const version = db.prepare('PRAGMA data_version');
  const read = () => Number(version.get()?.data_version);
  let known = read();
  return setInterval(() => {
    const now = read();
    if (now !== known) tell();
    known = now;
  }, watchMs).unref();
}

function toItem(row: Record<string, unknown>): Item {
  return itemSchema.parse({ ...row, purchased: row.purchased === 1 });
}

function toItemIfAny(row: Record<string, unknown> | undefined): Item | undefined {
  return row && toItem(row);
}

function changeListeners() {
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
