/** Clients of the web's door: they read, write, tidy up and look on. */
import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import fc from 'fast-check';
import { type Kind, kind } from './kinds.ts';
import type { Item } from './list.ts';
import {
  type Asked,
  acknowledged,
  addItem,
  ask,
  expect,
  openStream,
  type Visitor,
} from './visitor.ts';

const names = [
  'Milk',
  'Käse',
  '茶',
  '🥚 x 12',
  '%c',
  '<b>',
  '{"a":1}',
  "Bobby'); --",
  'x'.repeat(180),
];

/** What may be written, all of which is taken. */
export const newItem = fc.record({
  name: fc.constantFrom(...names),
  quantity: fc.integer({ min: 1, max: 9_999 }),
  purchased: fc.boolean(),
});

const page = { Accept: 'text/html' };
const readings: [status: number, asked: Asked][] = [
  [200, { path: '/' }],
  [200, { path: '/items/' }],
  [200, { path: '/items/?x=%c' }],
  [200, { method: 'HEAD', path: '/items' }],
  [204, { method: 'OPTIONS', path: '/items/' }],
  [405, { method: 'PUT', path: '/items/' }],
  [404, { path: '/items/0' }],
  [404, { path: '/items/__proto__' }],
  [422, { method: 'POST', path: '/items/', body: { name: '' } }],
  [415, { method: 'POST', path: '/items/', body: 'x', headers: { 'Content-Type': 'text/plain' } }],
  [200, { path: '/healthz' }],
  [200, { path: '/readyz' }],
  [200, { path: '/docs' }],
  [200, { path: '/openapi.json' }],
  [200, { path: '/mcp', headers: page }],
  [200, { path: '/mcp/sse', headers: page }],
  [200, { method: 'HEAD', path: '/mcp/sse' }],
  [405, { method: 'POST', path: '/mcp/sse', body: {} }],
  [404, { path: '/mcp/nowhere' }],
  [404, { path: '/nowhere' }],
  [400, { path: '/items/../mcp' }],
];

const reader = kind(
  { name: 'reader', does: 'reads pages, and gets each with its status', weight: 10 },
  fc.array(fc.constantFrom(...readings), { minLength: 1, maxLength: 8 }),
  async (visitor, readings) => {
    for (const [status, asked] of readings) await expect(visitor, status, asked);
  },
);

const writer = kind(
  { name: 'writer', does: 'adds items, changes and removes some, and reads each back', weight: 14 },
  fc.record({
    items: fc.array(newItem, { minLength: 1, maxLength: 4 }),
    change: fc.option(newItem),
    isKept: fc.boolean(),
    pauseMs: fc.nat(100),
  }),
  async (visitor, { items, change, isKept, pauseMs }) => {
    for (const wanted of items) {
      const added = await addItem(visitor, wanted);
      await wait(pauseMs);
      const item = change ? await changeItem(visitor, added, change) : added;
      const { body } = await expect(visitor, 200, { path: `/items/${item.id}` });
      assert.deepEqual(JSON.parse(body), item);
      if (isKept) visitor.list.release(item.id);
      else await removeItem(visitor, item.id);
    }
  },
);

async function changeItem(visitor: Visitor, item: Item, change: Partial<Item>): Promise<Item> {
  const asked = { method: 'PATCH', path: `/items/${item.id}`, body: change };
  const { body } = await expect(visitor, 200, asked);
  return acknowledged(visitor, { ...item, ...change }, JSON.parse(body));
}

async function removeItem(visitor: Visitor, id: number): Promise<void> {
  await expect(visitor, 204, { method: 'DELETE', path: `/items/${id}` });
  visitor.list.hasNot(id);
  await expect(visitor, 404, { path: `/items/${id}` });
}

const tidier = kind(
  {
    name: 'tidier',
    does: 'takes off the list what is too much, so that it never fills',
    weight: 3,
  },
  fc.integer({ min: 10, max: 30 }),
  async (visitor, atMost) => {
    for (const id of visitor.list.takeSurplus(atMost)) await removeItem(visitor, id);
    const { body } = await expect(visitor, 200, { path: '/items/' });
    const items: Item[] = JSON.parse(body);
    for (const item of items.filter(item => visitor.list.isStray(item))) {
      const { status } = await ask(visitor, { method: 'DELETE', path: `/items/${item.id}` });
      assert.ok(status === 204 || status === 404, `${status}: another may have been faster`);
    }
  },
);

const viewer = kind(
  { name: 'page', does: 'opens the page, sees the list and what is added to it', weight: 6 },
  fc.record({ wanted: fc.option(newItem), lookMs: fc.nat(1_500), readsSources: fc.boolean() }),
  async (visitor, { wanted, lookMs, readsSources }) => {
    await expect(visitor, 200, { path: '/' });
    const stream = await openStream(visitor, { path: '/live/events' });
    assert.equal(stream.status, 200);
    assert.equal((await stream.find(() => true))?.event, 'hello');
    assert.ok(await stream.find(({ event }) => event === 'panel'), 'the list as it is');
    if (readsSources) await expect(visitor, 200, { path: '/live/sources' });
    if (wanted) {
      const { id } = await addItem(visitor, wanted);
      visitor.list.release(id);
      const shows = new RegExp(`"id":${id}\\b`);
      const isIt = ({ event, data = '' }: { event?: string; data?: string }) =>
        event === 'panel' && shows.test(data);
      assert.ok(await stream.find(isIt), 'the list as it became');
    }
    await wait(lookMs);
    stream.cut();
  },
);

export const webKinds: Kind[] = [reader, writer, tidier, viewer];
