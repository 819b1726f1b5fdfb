/** The list in PostgreSQL keeps the contract of every store, and what a database may suffer. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { after, before, describe, type TestContext, test } from 'node:test';
import pg from 'pg';
import { type Store, StoreError, StoreFailure, type StoreOptions } from '../../store.ts';
import {
  add,
  count,
  idsOf,
  listed,
  milk,
  nextChange,
  type OpenShared,
  storeContract,
  writes,
} from '../../tests/store-contract.ts';
import { isAnswer } from './connection.ts';
import { type Database, startDatabase } from './database.ts';
import { type PostgresOptions, postgresStore } from './postgres-store.ts';

let database: Database;
before(async () => {
  database = await startDatabase();
});
after(() => database.remove());

let lists = 0;

/** A database of its own, so that no test hears of another's changes. */
const newList = () => database.another(`list${++lists}`);

async function openAt(t: TestContext, url: string, options: PostgresOptions = {}): Promise<Store> {
  const store = await postgresStore(url, { onTrouble: () => {}, ...options });
  t.after(() => store.close());
  return store;
}

const openShared: OpenShared = async (t, options?: StoreOptions) => {
  const url = newList();
  async function hinder() {
    const client = await sql(t, url);
    await client.query('BEGIN; LOCK TABLE mcp_mount.items IN EXCLUSIVE MODE');
    return async () => void (await client.query('COMMIT'));
  }
  return { open: () => openAt(t, url, { answerMs: 1_000, ...options }), hinder };
};

async function sql(t: TestContext, url: string): Promise<pg.Client> {
  const client = new pg.Client(url);
  client.on('error', () => {}); // the test stops the database
  await client.connect();
  t.after(() => client.end());
  return client;
}

describe('a PostgreSQL store', () => {
  storeContract((t, options) => openAt(t, newList(), options), openShared);
});

describe('a list in PostgreSQL', () => {
  test('is made once, however many nodes start at once', async t => {
    const url = newList();
    const stores = await Promise.all(Array.from({ length: 5 }, () => openAt(t, url)));
    for (const store of stores) assert.deepEqual(idsOf(await store.list()), [1, 2, 3]);
  });

  test('holds to its bound and its order under the writes of three nodes', async t => {
    const url = newList();
    const open = () => openAt(t, url, { maxItems: 60 });
    const stores = [await open(), await open(), await open()];
    const answers = await Promise.all(
      stores.flatMap(store => Array.from({ length: 40 }, () => store.add(milk))),
    );
    const added = answers.filter(answer => answer !== 'full');
    assert.equal(new Set(idsOf(added)).size, 57);
    for (const store of stores) assert.equal((await store.list()).length, 60);
  });

  test('tells what another program changes, and counts it', async t => {
    const url = newList();
    const store = await openAt(t, url, { maxItems: 4 });
    const program = await sql(t, url);
    const heard = nextChange(store);
    await program.query(
      "INSERT INTO mcp_mount.items (name, quantity, purchased) VALUES ('Tea', 1, false)",
    );
    await heard;
    assert.equal((await store.list()).at(-1)?.name, 'Tea');
    assert.equal(await store.add(milk), 'full');
    await program.query('DELETE FROM mcp_mount.items');
    assert.notEqual(await store.add(milk), 'full');
  });

  test('hears of a burst of another’s changes at most ten times a second, and of its end', async t => {
    const url = newList();
    const [writer, listener] = [await openAt(t, url), await openAt(t, url)];
    const told = count(listener);
    const whole = listed(listener, items => items.length === 103);
    const began = performance.now();
    for (let burst = 0; burst < 5; burst++)
      await Promise.all(Array.from({ length: 20 }, () => add(writer, milk)));
    await whole;
    const most = (performance.now() - began) / 100 + 2; // the first, and one that is owed
    assert.ok(told.times <= most, `told ${told.times} times of 100 changes`);
  });

  test('is not begun where it can’t be: one line that names no password', async t => {
    const [url, newer] = [newList(), newList()];
    await (await postgresStore(newer)).close();
    await (await sql(t, newer)).query('UPDATE mcp_mount.list SET version = 2');
    const rows: [url: string, reason: RegExp][] = [
      [url.replace(/\/list\d+/, '/nowhere'), /database "nowhere" does not exist/],
      ['postgres://me:s3cret@127.0.0.1:1/list', /ECONNREFUSED/],
      [newer, /it has version 2 of the list's tables, and not 1/],
    ];
    for (const [at, reason] of rows)
      await assert.rejects(postgresStore(at), error => {
        assert.ok(error instanceof StoreError, String(error));
        assert.match(error.message, /^Can't keep the list in the database: [^\n]+\.$/);
        assert.match(error.message, reason);
        return !error.message.includes('s3cret');
      });
  });

  test('goes on at once when its connections are cut, and tells a change', async t => {
    const url = newList();
    const store = await openAt(t, url);
    await add(store, milk);
    const told = nextChange(store);
    const program = await sql(t, url);
    await program.query(
      'SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    );
    await told; // something may have been missed
    assert.equal(store.trouble(), undefined);
    await add(store, milk);
  });

  test('says that nobody knows, of a write whose connection was cut before its answer', async t => {
    const url = newList();
    const store = await openAt(t, url);
    const program = await sql(t, url);
    await program.query('BEGIN; LOCK TABLE mcp_mount.items IN EXCLUSIVE MODE');
    const written = store.add(milk);
    const refused = assert.rejects(written, failure('unsure', /may have been written, or not/));
    const onlooker = await sql(t, url); // in its transaction a program sees these as they were
    await waiting(onlooker);
    await onlooker.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
    );
    await refused;
  });

  test('tells what a write did after all, of which nobody knew', async t => {
    const relay = await relayTo(t, database.socket);
    const store = await openAt(t, relay.url);
    const program = await sql(t, database.url);
    await program.query('BEGIN; LOCK TABLE mcp_mount.items IN EXCLUSIVE MODE');
    const refused = assert.rejects(store.add(milk), failure('unsure', /may have been written/));
    await waiting(await sql(t, database.url));
    const told = count(store);
    relay.cutLast();
    await refused;
    assert.equal(told.times, 1, 'at once: it may have been written already');
    const heard = nextChange(store);
    await program.query('COMMIT');
    await heard;
    assert.equal((await store.list()).at(-1)?.name, milk.name);
  });

  test('says that nobody knows, of a write of which the database says so', async t => {
    const url = newList();
    const store = await openAt(t, url);
    await (await sql(t, url)).query(`
      CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '40003'; END $$;
      CREATE TRIGGER lose BEFORE INSERT ON mcp_mount.items EXECUTE FUNCTION lose()`);
    await assert.rejects(store.add(milk), failure('unsure', /may have been written, or not/));
  });

  test('takes for an answer only what says that nothing was done', () => {
    const rows: [severity: string, code: string, answers: boolean, reason: string][] = [
      ['ERROR', '57014', true, 'out of time'],
      ['ERROR', '40001', true, 'rolled back'],
      ['ERROR', '40003', false, 'it doesn’t know itself'],
      ['FATAL', '57P01', false, 'it is stopped'],
      ['FATAL', 'XX000', false, 'this connection ends with it'],
      ['PANIC', '53100', false, 'all do: the log, with the commit in it, has no room'],
    ];
    for (const [severity, code, answers, reason] of rows) {
      const error = Object.assign(new pg.DatabaseError('', 0, 'error'), { severity, code });
      assert.equal(isAnswer(error), answers, reason);
    }
    assert.equal(isAnswer(new Error('Connection terminated')), false);
  });
});

describe('a database that goes away', () => {
  for (const how of ['now', 'crash'] as const)
    test(`${how}: is said at once and once, loses nothing, and goes on when it is back`, async t => {
      const own = await startDatabase(); // small, so that it stops and starts fast
      t.after(() => own.remove());
      const { lines, next } = saying();
      const store = await openAt(t, own.url, { onTrouble: next });
      const kept = [...(await store.list()), await add(store, milk)];
      await own.stop(how);
      await lines(1);
      for (const change of writes) {
        const asked = performance.now();
        await assert.rejects(
          change(store),
          failure('away', /^Nothing was written: the database is away/),
        );
        assert.ok(performance.now() - asked < 1_000, 'at once');
      }
      await assert.rejects(store.list(), failure('away', /^The list can’t be read: the database/));
      assert.match(store.trouble() ?? '', /^Nothing can be read or written: the database is away/);
      const told = nextChange(store);
      await own.start();
      const [away, back] = await lines(2);
      assert.match(away ?? '', /^The database is away, and looked for: /);
      assert.equal(back, 'The database is back.');
      await told;
      assert.equal(store.trouble(), undefined);
      assert.deepEqual(await store.list(), kept);
      await add(store, milk);
    });
});

// A cable that is pulled refuses nothing and ends nothing: only time-outs tell.
test('a network that falls silent: no call waits for ever, and it is noticed', async t => {
  const own = await startDatabase();
  t.after(() => own.remove());
  const relay = await relayTo(t, own.socket);
  const { lines, next } = saying();
  const store = await openAt(t, relay.url, { answerMs: 200, beatMs: 200, onTrouble: next });
  const { id } = await add(store, milk);
  relay.silence(true);
  await assert.rejects(
    store.add(milk),
    failure('unsure', /^The database went away before it answ/),
  );
  await assert.rejects(store.list(), failure('away', /^The list can’t be read: /));
  await lines(1);
  assert.match(store.trouble() ?? '', /the database is away/);
  relay.silence(false);
  await lines(2);
  assert.equal((await store.get(id))?.id, id);
});

test('a network that falls silent holds up no close', { timeout: 20_000 }, async t => {
  const relay = await relayTo(t, database.socket);
  const store = await postgresStore(relay.url);
  await store.list();
  relay.silence(true);
  await store.close();
});

/** A network of one's own between a store and its database. */
async function relayTo(t: TestContext, socket: string) {
  const pairs: Socket[] = [];
  let isSilent = false;
  let last: Socket | undefined;
  // Half open, so that in the silence nobody hears that the other side ends.
  const server = createServer({ allowHalfOpen: true }, client => {
    const database = connect({ path: socket, allowHalfOpen: true });
    last = client;
    for (const [from, to] of [
      [client, database],
      [database, client],
    ] as const) {
      pairs.push(from);
      from.on('data', bytes => isSilent || to.write(bytes));
      from.on('end', () => isSilent || to.end());
      from.on('error', () => {}).on('close', () => isSilent || to.destroy());
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const end of pairs) end.destroy();
  });
  const { port } = server.address() as { port: number }; // a server on a port has no other shape
  return {
    url: `postgres://list@127.0.0.1:${port}/postgres`,
    silence(value: boolean): void {
      isSilent = value;
    },
    /** Of the store's connections the one that it opened last. */
    cutLast: () => void last?.destroy(),
  };
}

function failure(kind: StoreFailure['kind'], message: RegExp) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof StoreFailure, `not a StoreFailure: ${error}`);
    assert.match(error.message, message);
    return error.kind === kind;
  };
}

/** Lines for the operator, and a wait until there are so many. */
function saying() {
  const said: string[] = [];
  let check = () => {};
  function next(line: string): void {
    said.push(line);
    check();
  }
  function lines(count: number): Promise<string[]> {
    return new Promise(done => {
      check = () => said.length >= count && done(said);
      check();
    });
  }
  return { lines, next };
}

/** Until somebody waits for a lock. */
async function waiting(onlooker: pg.Client): Promise<void> {
  for (;;) {
    const text = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    if ((await onlooker.query(text)).rowCount) return;
  }
}
