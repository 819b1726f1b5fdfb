/** Clients that take their time: to read what they asked for, or to say what they want. */
import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import fc from 'fast-check';
import { type Kind, kind } from './kinds.ts';
import type { Item } from './list.ts';
import { openSession, openSse, posted, readAnswers, toolCall } from './mcp.ts';
import { acknowledged, ask, openStream, openWire, type Visitor } from './visitor.ts';
import { newItem } from './web.ts';
import { bytesOf, jsonType, readAll } from './wire.ts';

/** Each has its answers made and returns how to read them. */
const unread = {
  async pipeline(visitor: Visitor, calls: number) {
    const wire = await openWire(visitor);
    wire.socket.pause();
    const requests = Math.min(calls, 16);
    wire.send(bytesOf('GET', '/items/').repeat(requests));
    return () => {
      wire.socket.resume();
      return readAll(wire, requests);
    };
  },
  async batch(visitor: Visitor, most: number) {
    const session = await openSession(visitor, '2025-03-26');
    const ids = numbers(Math.min(most, 100)); // as many as a batch may hold
    const calls = ids.map(id => toolCall(id));
    const stream = await openStream(visitor, posted(calls, session));
    return () => readAnswers(stream, ids);
  },
  async sse(visitor: Visitor, calls: number) {
    const { stream, messages } = await openSse(visitor);
    for (const id of numbers(calls)) {
      const { status } = await ask(visitor, posted(toolCall(id), {}, messages));
      assert.ok(status === 202 || status === 404, `${status}: its stream may have ended`);
    }
    return () => readAnswers(stream, numbers(calls));
  },
};

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, number) => number);
}

const doors = Object.keys(unread) as (keyof typeof unread)[]; // its keys, and no others

const slowReader = kind(
  {
    name: 'slow reader',
    does: 'has much answered and does not read for a while: each once, or the end',
    weight: 4,
  },
  fc.record({
    door: fc.constantFrom(...doors),
    calls: fc.oneof(
      { weight: 9, arbitrary: fc.integer({ min: 5, max: 40 }) },
      { weight: 1, arbitrary: fc.constant(250) }, // some 10 MB: over the bound of a session
    ),
    waitMs: fc.nat(1_000),
    isBack: fc.boolean(),
  }),
  async (visitor, { door, calls, waitMs, isBack }) => {
    const read = await unread[door](visitor, calls);
    await wait(waitMs);
    if (isBack) await read();
  },
);

const hoarder = kind(
  {
    name: 'hoarder',
    does: 'has megabytes answered in each of several sessions, and reads none of it',
    weight: 1,
  },
  fc.record({ sessions: fc.integer({ min: 2, max: 6 }), waitMs: fc.nat(1_000) }),
  async (visitor, { sessions, waitMs }) => {
    for (let left = sessions; left > 0; left--) {
      const session = await openSession(visitor, '2025-03-26');
      for (const hundred of [0, 100]) {
        const calls = numbers(100).map(id => toolCall(hundred + id));
        await openStream(visitor, posted(calls, session));
      }
    }
    await wait(waitMs);
  },
);

const slowWriter = kind(
  { name: 'slow writer', does: 'sends its request in crumbs, and is answered', weight: 4 },
  fc.record({
    wanted: newItem,
    crumb: fc.integer({ min: 1, max: 40 }),
    pauseMs: fc.nat(8),
    isChunked: fc.boolean(),
  }),
  async (visitor, { wanted, crumb, pauseMs, isChunked }) => {
    const wire = await openWire(visitor);
    const body = JSON.stringify(wanted);
    const whole = isChunked ? chunkedOf(body) : bytesOf('POST', '/items/', jsonType, body);
    for (let at = 0; at < whole.length; at += crumb) {
      wire.send(whole.slice(at, at + crumb));
      await wait(pauseMs);
    }
    const answer = await wire.next('POST');
    assert.equal(answer?.status, 201, answer?.body);
    const item: Item = JSON.parse(Buffer.from(answer?.body ?? '', 'latin1').toString());
    visitor.list.release(acknowledged(visitor, wanted, item).id);
  },
);

/** In chunks of one byte each. */
function chunkedOf(body: string, path = '/items/', headers: object = {}): string {
  const fields = { ...jsonType, ...headers, 'Transfer-Encoding': 'chunked' };
  const chunks = Buffer.from(body).toString('latin1').replace(/./gs, '1\r\n$&\r\n');
  return `${bytesOf('POST', path, fields)}${chunks}0\r\n\r\n`;
}

const crumbler = kind(
  { name: 'crumbs', does: 'sends a long body in chunks of one byte, and is answered', weight: 1 },
  fc.oneof(
    { weight: 3, arbitrary: fc.integer({ min: 5_000, max: 40_000 }) },
    { weight: 1, arbitrary: fc.constant(400_000) }, // bytes: a tenth of what a body may have
  ),
  async (visitor, spaces) => {
    const session = await openSession(visitor, '2025-11-25');
    const wire = await openWire(visitor);
    const ping = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });
    wire.send(chunkedOf(' '.repeat(spaces) + ping, '/mcp', session));
    assert.equal((await wire.next('POST'))?.status, 200);
  },
);

export const slowKinds: Kind[] = [slowReader, hoarder, slowWriter, crumbler];
