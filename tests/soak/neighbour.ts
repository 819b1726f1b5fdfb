/** Another program that keeps its items in the same file. */
import assert from 'node:assert/strict';
import type { DatabaseSync as Database } from 'node:sqlite';
import { setTimeout as wait } from 'node:timers/promises';
import fc from 'fast-check';
import { type Kind, kind } from './kinds.ts';
import { acknowledged, addItem, expect, type NewItem, type Visitor } from './visitor.ts';
import { newItem } from './web.ts';

/** Where this Node has SQLite. */
const sqlite = await import('node:sqlite').then(
  module => module,
  () => undefined,
);
export const hasSqlite = sqlite !== undefined;

const busyMs = 10_000; // it waits for the server's writes, each of which takes some ms

/** @param file that the server keeps its list in */
export function neighbour(file: string): Kind {
  let turn = Promise.resolve(); // one at a time: waiting for its own kind, this process would stand still
  const locks = { held: 0, readBeside: 0 };
  return kind(
    {
      name: 'neighbour',
      does: 'holds the lock of the file for a while: a write waits for it, reads do not',
      weight: 2,
    },
    fc.record({ mine: newItem, theirs: newItem, lockMs: fc.nat(300) }),
    async (visitor, writes) => {
      const visited = turn.then(() => writeBeside(file, visitor, writes));
      turn = visited.then(
        () => {},
        () => {},
      );
      if (await visited) locks.readBeside++;
      // On a busy machine some reads take longer than the lock is held, but not all.
      assert.ok(++locks.held < 5 || locks.readBeside > 0, `not one of ${locks.held}`);
    },
  );
}

interface Writes {
  mine: NewItem;
  /** By a client of the server, while the lock is held. */
  theirs: NewItem;
  lockMs: number;
}

/** Whether the server was read while a write waited for the lock. */
async function writeBeside(file: string, visitor: Visitor, writes: Writes): Promise<boolean> {
  const { mine, theirs, lockMs } = writes;
  const list = openFile(file);
  try {
    list.exec('BEGIN IMMEDIATE');
    const insert = list.prepare('INSERT INTO items (name, quantity, purchased) VALUES (?, ?, ?)');
    const { lastInsertRowid } = insert.run(mine.name, mine.quantity, Number(mine.purchased));
    const committed = commitLater(list, visitor, lockMs);
    const [added, wasRead] = await Promise.all([addItem(visitor, theirs), committed]);
    const id = Number(lastInsertRowid);
    const { body } = await expect(visitor, 200, { path: `/items/${id}` });
    acknowledged(visitor, { id, ...mine }, JSON.parse(body));
    for (const item of [id, added.id]) visitor.list.release(item);
    return wasRead;
  } finally {
    list.close();
  }
}

const maxLockMs = 1_500; // well below the 5 s after which a write is given up

async function commitLater(list: Database, visitor: Visitor, lockMs: number): Promise<boolean> {
  let wasRead = false;
  const reads = readAll(visitor).then(() => {
    wasRead = true;
  });
  await Promise.race([Promise.all([reads, wait(lockMs)]), wait(maxLockMs)]);
  const wasReadBefore = wasRead;
  list.exec('COMMIT');
  await reads;
  return wasReadBefore;
}

async function readAll(visitor: Visitor): Promise<void> {
  await wait(20); // the write has come by then
  for (const path of ['/healthz', '/items/']) await expect(visitor, 200, { path });
}

function openFile(file: string): Database {
  if (!sqlite) throw new Error('This Node has no node:sqlite.');
  const list = new sqlite.DatabaseSync(file);
  list.exec(`PRAGMA busy_timeout = ${busyMs}`);
  return list;
}
