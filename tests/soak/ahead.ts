/**
 * Clients that send ahead: one request behind the other on one connection, more than is served at
 * once, or behind a stream that does not end.
 */
import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import fc from 'fast-check';
import { type Kind, kind } from './kinds.ts';
import type { Item } from './list.ts';
import { openSession } from './mcp.ts';
import { acknowledged, openWire, type Visitor } from './visitor.ts';
import { bytesOf, jsonType, leave, readAll, type WireAnswer } from './wire.ts';

/** A request on a wire, with the status it gets. */
interface Line {
  method: string;
  path: string;
  status: number;
}

const lines: Line[] = [
  { method: 'GET', path: '/items/', status: 200 },
  { method: 'GET', path: '/healthz', status: 200 },
  { method: 'HEAD', path: '/docs', status: 200 },
  { method: 'GET', path: '/nowhere', status: 404 },
  { method: 'OPTIONS', path: '/items/', status: 204 },
  { method: 'DELETE', path: '/items/0', status: 404 },
  { method: 'POST', path: '/items/', status: 201 },
];

const written = { name: 'Piped', quantity: 1, purchased: false };

function bytesFor({ method, path }: Line): string {
  const isWrite = method === 'POST';
  return isWrite ? bytesOf(method, path, jsonType, JSON.stringify(written)) : bytesOf(method, path);
}

const pipeliner = kind(
  {
    name: 'pipeliner',
    does: 'sends up to 16 requests ahead; all are answered, in order',
    weight: 6,
  },
  fc.record({
    lines: fc.array(fc.constantFrom(...lines), { minLength: 2, maxLength: 16 }),
    cutAt: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
  async (visitor, { lines, cutAt }) => {
    const wire = await openWire(visitor);
    const bytes = lines.map(bytesFor).join('');
    const cut = Math.floor(bytes.length * cutAt);
    wire.send(bytes.slice(0, cut));
    await wait(5);
    wire.send(bytes.slice(cut));
    for (const line of lines) {
      const answer = await wire.next(line.method);
      assert.equal(answer?.status, line.status, `${line.method} ${line.path}`);
      if (line.status === 201) noteWritten(visitor, answer);
    }
  },
);

function noteWritten(visitor: Visitor, answer: WireAnswer | undefined): void {
  const item: Item = JSON.parse(answer?.body ?? '');
  visitor.list.release(acknowledged(visitor, written, item).id);
}

const flood = kind(
  { name: 'flood', does: 'sends far more ahead: answers in order, or the end', weight: 2 },
  fc.oneof(
    ahead(['/items/', '/healthz', '/live/sources'], fc.integer({ min: 40, max: 120 })),
    ahead(['/items/', '/healthz'], fc.constant(1_600)), // in 64 KB
  ),
  async (visitor, { path, requests }) => {
    const wire = await openWire(visitor);
    wire.send(bytesOf('GET', path).repeat(requests));
    await readAll(wire, requests);
  },
);

function ahead(paths: string[], requests: fc.Arbitrary<number>) {
  return fc.record({ path: fc.constantFrom(...paths), requests });
}

const streamPaths = ['/mcp/sse', '/live/events', '/mcp'];

const queuer = kind(
  {
    name: 'behind a stream',
    does: 'sends requests behind an event stream: that begins, or the connection ends',
    weight: 4,
  },
  fc.record({
    first: fc.constantFrom(...streamPaths),
    behind: fc.array(fc.constantFrom(...streamPaths, '/items/'), { minLength: 1, maxLength: 5 }),
    stayMs: fc.nat(300),
    isReset: fc.boolean(),
  }),
  async (visitor, { first, behind, stayMs, isReset }) => {
    const session = await openSession(visitor, '2025-11-25');
    const wire = await openWire(visitor);
    wire.send([first, ...behind].map(path => bytesOf('GET', path, session)).join(''));
    const answer = await wire.next();
    assert.ok(answer === undefined || answer.status === 200, `${answer?.status}`);
    await wait(stayMs);
    leave(wire, isReset);
  },
);

export const aheadKinds: Kind[] = [pipeliner, flood, queuer];
