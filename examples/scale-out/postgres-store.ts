/**
 * The list in a PostgreSQL database, which any number of nodes share: a Store as those of store.ts
 * are, held to the same contract (tests/store-contract.ts).
 *
 *     const store = await postgresStore('postgres://list:secret@db.example/list')
 *
 * The SQL is schema.ts's; what is heard of others and whether the database is there, link.ts's.
 */
import pg from 'pg';
import {
  changeListeners,
  defaultMaxItems,
  type Item,
  itemSchema,
  type Store,
  StoreError,
  StoreFailure,
  type StoreOptions,
} from '../../store.ts';
import { isAnswer, reasonOf, sessionOf } from './connection.ts';
import { openLink } from './link.ts';
import { setUp, statements } from './schema.ts';

export interface PostgresOptions extends StoreOptions {
  /** Connections for calls; one more listens. */
  poolSize?: number;
  /** How long the database may take for a call, waiting for locks included, in ms. */
  answerMs?: number;
  /** How often the database is asked whether it is there, and how long that may take, in ms. */
  beatMs?: number;
  /** Told, in a line for the operator, that the database is away, and that it is back. */
  onTrouble?: (line: string) => void;
}

const defaultPoolSize = 10; // and one listens: of the 97 that PostgreSQL leaves to all unless told, room for eight nodes
const defaultAnswerMs = 5_000; // longer than any statement here takes, locks included
const defaultBeatMs = 2_000; // a network that is gone says nothing: it is noticed in three of these
const connectMs = 2_000; // to open a connection, or to wait for a free one
const maxWaiting = 1_000; // calls; each holds a request in memory
const retryAfterSeconds = 2; // about as long as the link takes to find the database again

/** @throws StoreError when the database can't be reached, or what is in it is not this list */
export async function postgresStore(
  url: string,
  {
    maxItems = defaultMaxItems,
    poolSize = defaultPoolSize,
    answerMs = defaultAnswerMs,
    beatMs = defaultBeatMs,
    onTrouble = logTrouble,
  }: PostgresOptions = {},
): Promise<Store> {
  const session = sessionOf(url, { answerMs, connectMs });
  await setUp(session.config).catch(cantKeep);
  const pool = new pg.Pool({ ...session.config, max: poolSize });
  pool.on('error', () => {}); // an idle one was cut; the link says so, and the next call finds out
  pool.on('connect', client => void client.on('error', () => {})); // its query rejects as well
  const changes = changeListeners();
  const link = await openLink(session, {
    tell: changes.tell,
    beatMs,
    onTrouble,
  }).catch(cantKeep);
  let closing: Promise<unknown> | undefined;

  async function connect(undone: string): Promise<pg.PoolClient> {
    if (closing) throw new StoreFailure('away', 'The list is closed.');
    if (link.isAway()) throw awayFailure(undone);
    if (pool.waitingCount >= maxWaiting) throw busyFailure(undone);
    return pool.connect().catch(error => {
      throw isBusy(error) || isOverdue(error) ? busyFailure(undone) : awayFailure(undone);
    });
  }

  async function read(statement: Statement, ...values: unknown[]): Promise<pg.QueryResult> {
    const client = await connect(cantRead);
    return answerOf(client, { ...statement, values }).catch(error => {
      throw isAnswer(error) ? failureOf(error, cantRead) : awayFailure(cantRead);
    });
  }

  /** A row that comes back is a change. */
  async function write(statement: Statement, ...values: unknown[]): Promise<Item | undefined> {
    const client = await connect(cantWrite);
    const { rows } = await answerOf(client, { ...statement, values }).catch(error => {
      if (isAnswer(error)) throw failureOf(error, cantWrite);
      link.doubt();
      throw new StoreFailure('unsure', unsure);
    });
    const [row] = rows;
    if (row === undefined) return undefined;
    changes.tell(); // the others hear it from the database
    return itemSchema.parse(row);
  }

  return {
    list: async () => (await read(statements.list)).rows.map(row => itemSchema.parse(row)),
    async get(id) {
      const [row] = (await read(statements.get, id)).rows;
      return row && itemSchema.parse(row);
    },
    add: async ({ name, quantity, purchased }) =>
      (await write(statements.add, name, quantity, purchased, maxItems)) ?? 'full',
    update: (id, { name, quantity, purchased }) =>
      write(statements.update, id, name, quantity, purchased),
    remove: async id => (await write(statements.remove, id)) !== undefined,
    onChange: changes.listen,
    trouble: () => (link.isAway() ? `Nothing can be read or written: ${away}` : undefined),
    async close() {
      changes.clear();
      closing ??= Promise.all([pool.end(), link.close()]);
      await closing;
    },
  };
}

type Statement = (typeof statements)[keyof typeof statements];

/** What a statement is answered with; a connection that gave none is used no more. */
async function answerOf(client: pg.PoolClient, query: pg.QueryConfig): Promise<pg.QueryResult> {
  try {
    const result = await client.query(query);
    client.release();
    return result;
  } catch (error) {
    client.release(!isAnswer(error));
    throw error;
  }
}

function cantKeep(error: unknown): never {
  throw new StoreError(`Can't keep the list in the database: ${reasonOf(error)}.`);
}

function logTrouble(line: string): void {
  console.error(line);
}

const cantRead = 'The list can’t be read';
const cantWrite = 'Nothing was written';
const away = 'the database is away. It is looked for all the time: try again in a moment.';
const unsure =
  'The database went away before it answered: this may have been written, or not. Read the list before you try again.';

function awayFailure(undone: string): StoreFailure {
  return new StoreFailure('away', `${undone}: ${away}`, retryAfterSeconds);
}

function busyFailure(undone: string): StoreFailure {
  const why = 'the database is busy, or somebody has locked the list';
  const message = `${undone}: ${why}. Try again in ${retryAfterSeconds} s.`;
  return new StoreFailure('busy', message, retryAfterSeconds);
}

// https://www.postgresql.org/docs/current/errcodes-appendix.html
const diskFull = '53100';
const readOnly = '25006'; // a stand-by that does not write yet, or no more

/** What the database says of a statement that it has not carried out; others are faults. */
function failureOf(error: unknown, undone: string): unknown {
  const code = codeOf(error);
  if (code === diskFull)
    return new StoreFailure('no-room', `${undone}: the database has no room. Make some.`);
  if (code === readOnly) return awayFailure(undone);
  return isBusy(error) ? busyFailure(undone) : error;
}

/** Out of time, a lock, a deadlock, no more connections or memory: it may go well later. */
function isBusy(error: unknown): boolean {
  return /^(?:57014|55P03|40\w{3}|53[234]00)$/.test(codeOf(error));
}

/** None of the pool's connections came free in time. It has no code for that. */
function isOverdue(error: unknown): boolean {
  return error instanceof Error && /^timeout exceeded/.test(error.message);
}

function codeOf(error: unknown): string {
  return error instanceof pg.DatabaseError ? (error.code ?? '') : '';
}
