/**
 * What every store of items does, whatever it keeps them in: memory, a file, a database.
 *
 *     storeContract(open)                 a new list each time, as this process opens it
 *     storeContract(open, openShared)     and of one that several processes may hold at once
 *
 * Called inside a describe(); tests/store.test.ts does so with memory and SQLite.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  type Item,
  type ItemChange,
  itemSchema,
  type NewItem,
  type Store,
  StoreFailure,
  type StoreOptions,
} from '../store.ts';

/** A new list, which the test's end closes and removes. */
export type Open = (t: TestContext, options?: StoreOptions) => Promise<Store>;

/** A new list that several may hold. */
export type OpenShared = (t: TestContext, options?: StoreOptions) => Promise<Shared>;

export interface Shared {
  /** As one more process opens it. */
  open(): Promise<Store>;
  /** Keeps all from writing, as somebody else's lock does. Returns how to let them. */
  hinder(): Promise<() => Promise<void>>;
}

export function storeContract(open: Open, openShared?: OpenShared): void {
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
    const adding = Array.from({ length: 10 }, async (_, i) => {
      for (let size = 3 + i; size < 1_000; size += 10) await add(store, milk);
    });
    await Promise.all(adding);
    assert.equal(await store.add(milk), 'full');
  });

  test('keeps ids apart and the bound under writes at once', async t => {
    const store = await open(t, { maxItems: 10 });
    const answers = await Promise.all(Array.from({ length: 20 }, () => store.add(milk)));
    const added = answers.filter(answer => answer !== 'full');
    assert.deepEqual(idsOf(added).sort(ascending), [4, 5, 6, 7, 8, 9, 10]);
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

  test('may be closed twice, and tells nobody then', async t => {
    const store = await open(t);
    const told = count(store);
    await Promise.all([store.close(), store.close()]);
    await store.add(milk).catch(() => {}); // a file is closed, memory is still there
    assert.equal(told.times, 0);
  });

  test('loses nothing of what is written at once', async t => {
    const store = await open(t);
    const added = await Promise.all(Array.from({ length: 30 }, () => add(store, milk)));
    const [changed, removed] = [added.slice(0, 10), added.slice(10, 20)];
    await Promise.all([
      ...changed.map(({ id }) => store.update(id, { quantity: id })),
      ...removed.map(({ id }) => store.remove(id)),
      ...removed.map(() => add(store, milk)),
    ]);
    const expected = new Map(added.map(item => [item.id, item]));
    for (const item of changed) expected.set(item.id, { ...item, quantity: item.id });
    for (const { id } of removed) expected.delete(id);
    const items = await store.list();
    assert.equal(items.length, 3 + 30);
    for (const [id, item] of expected)
      assert.deepEqual(
        items.find(one => one.id === id),
        item,
      );
    assert.deepEqual(idsOf(items), idsOf(items).sort(ascending), 'by id, oldest first');
  });

  if (openShared) sharedContract(openShared);
}

/** Of a list that two hold: each is a process, as far as the other can see. */
function sharedContract(openShared: OpenShared): void {
  async function openTwo(t: TestContext, options?: StoreOptions) {
    const shared = await openShared(t, options);
    return { ...shared, one: await shared.open(), other: await shared.open() };
  }

  test('is there when it is opened again, with ids that go on', async t => {
    const { open } = await openShared(t);
    const before = await open();
    const kept = await add(before, milk);
    const removed = await add(before, milk);
    await before.remove(removed.id);
    await before.close();
    const after = await open();
    assert.deepEqual((await after.list()).at(-1), kept);
    assert.equal((await add(after, milk)).id, removed.id + 1);
  });

  test('is the same list to both, who hear of each other’s changes', async t => {
    const { one, other } = await openTwo(t);
    const toldOne = count(one);
    for (const change of writes) {
      const heard = nextChange(other);
      await change(one);
      await heard;
      assert.deepEqual(await other.list(), await one.list());
    }
    assert.equal(toldOne.times, writes.length, 'once for each of its own, not twice');
  });

  test('tells the other of a burst no more often than it was changed, and of its end', async t => {
    const { one, other } = await openTwo(t);
    const told = count(other);
    const last = listed(other, items => items.at(-1)?.name === 'The last');
    for (let i = 0; i < 50; i++) await add(one, milk);
    await add(one, { ...milk, name: 'The last' });
    await last;
    assert.ok(told.times <= 51, `told ${told.times} times`);
  });

  test('tells the other of no change that was not made', async t => {
    const { one, other } = await openTwo(t, { maxItems: 3 });
    const told = count(other);
    assert.equal(await one.add(milk), 'full');
    await one.update(99, { quantity: 3 });
    await one.remove(99);
    const heard = nextChange(other);
    await one.remove(1);
    await heard;
    assert.equal(told.times, 1);
  });

  test('keeps ids apart, their order and the bound under writes of two at once', async t => {
    const { one, other } = await openTwo(t, { maxItems: 10 });
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? one : other).add(milk)),
    );
    const added = answers.filter(answer => answer !== 'full');
    assert.deepEqual(idsOf(added).sort(ascending), [4, 5, 6, 7, 8, 9, 10]);
    assert.deepEqual(idsOf(await one.list()), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  test('lets one of two removals of an item at once succeed', async t => {
    const { one, other } = await openTwo(t);
    for (const id of [1, 2, 3]) {
      const removals = await Promise.all([one.remove(id), other.remove(id)]);
      assert.deepEqual(removals.sort(), [false, true]);
    }
    assert.notEqual(await one.add(milk), 'full', 'and the bound counts it once');
  });

  test('keeps both of two changes at once of different fields', async t => {
    const { one, other } = await openTwo(t);
    for (let quantity = 1; quantity <= 10; quantity++) {
      const name = `Tea ${quantity}`;
      await Promise.all([one.update(1, { name }), other.update(1, { quantity })]);
      assert.deepEqual(await one.get(1), { id: 1, name, quantity, purchased: false });
    }
  });

  test('says in a sentence why it can’t write, has done nothing then, and goes on after', async t => {
    const { one, other, hinder } = await openTwo(t);
    const before = await one.list();
    const told = [count(one), count(other)];
    const release = await hinder();
    for (const change of writes)
      await assert.rejects(change(one), (error: unknown) => {
        assert.ok(error instanceof StoreFailure, String(error));
        assert.match(error.message, /^Nothing was written: [^\n]+\.$/);
        return error.kind === 'busy' && Number(error.retryAfter) > 0;
      });
    assert.deepEqual(await one.list(), before, 'reads go on');
    await release();
    assert.deepEqual(await other.list(), before);
    assert.deepEqual([told[0]?.times, told[1]?.times], [0, 0]);
    for (const change of writes) await change(one);
    assert.equal(told[0]?.times, writes.length);
  });

  test('refuses what comes once it is closed, and tells it of nothing', async t => {
    const { one, other } = await openTwo(t);
    const told = count(one);
    await one.close();
    for (const call of [...writes, (closed: Store) => closed.list()])
      await assert.rejects(
        call(one),
        error =>
          error instanceof StoreFailure && error.kind === 'away' && /closed/.test(error.message),
      );
    await add(other, milk);
    assert.equal(told.times, 0);
  });
}

export const milk: NewItem = { name: 'Milk', quantity: 1, purchased: false };

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

export function count(store: Store) {
  const told = { times: 0, stop: store.onChange(() => told.times++) };
  return told;
}

const hearMs = 5_000; // a store looks four times a second; the rest is for a busy machine

export function nextChange(store: Store): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(reject, hearMs, new Error(`No change was told in ${hearMs} ms.`));
    const stop = store.onChange(() => {
      stop();
      clearTimeout(late);
      resolve();
    });
  });
}

export const writes: ((store: Store) => Promise<unknown>)[] = [
  store => store.add(milk),
  store => store.update(1, { purchased: true }),
  store => store.remove(2),
];

/** Resolves once the store, told of a change, lists what fits. */
export function listed(store: Store, fits: (items: Item[]) => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(reject, hearMs, new Error(`It was not listed in ${hearMs} ms.`));
    const stop = store.onChange(async () => {
      if (!fits(await store.list())) return;
      stop();
      clearTimeout(late);
      resolve();
    });
  });
}

export async function add(store: Store, item: NewItem): Promise<Item> {
  const added = await store.add(item);
  assert.notEqual(added, 'full');
  return added as Item; // the line above
}

export function idsOf(items: Item[]): number[] {
  return items.map(item => item.id);
}

function ascending(one: number, other: number): number {
  return one - other;
}
