/** Clients that leave before they should: half, in the middle, or at once. */
import { setTimeout as wait } from 'node:timers/promises';
import fc from 'fast-check';
import { type Kind, kind } from './kinds.ts';
import { maybe } from './list.ts';
import { initialize, openSession, toolCall } from './mcp.ts';
import { openWire, type Visitor } from './visitor.ts';
import { bytesOf, jsonType, leave } from './wire.ts';

const unsure = { name: `${maybe} Milk`, quantity: 1, purchased: false };

/** Whole requests of every door; a session is named where one is needed. */
type Whole = (session: Record<string, string>, write: object) => string;

const wholes: Record<string, Whole> = {
  list: () => bytesOf('GET', '/items/'),
  write: (_, item) => bytesOf('POST', '/items/', jsonType, JSON.stringify(item)),
  page: () => bytesOf('GET', '/'),
  look: () => bytesOf('GET', '/live/events'),
  sse: () => bytesOf('GET', '/mcp/sse'),
  open: () => bytesOf('POST', '/mcp', jsonType, JSON.stringify(initialize())),
  call: session =>
    bytesOf('POST', '/mcp', { ...jsonType, ...session }, JSON.stringify(toolCall(1))),
  add: (session, item) =>
    bytesOf(
      'POST',
      '/mcp',
      { ...jsonType, ...session },
      JSON.stringify(toolCall(1, 'add_item', item)),
    ),
  listen: session => bytesOf('GET', '/mcp', session),
  end: session => bytesOf('DELETE', '/mcp', session),
};

const anyWhole = fc.constantFrom(...Object.keys(wholes));

async function wholeOf(visitor: Visitor, name: string): Promise<string> {
  const needsSession = ['call', 'add', 'listen', 'end'].includes(name);
  const session = needsSession ? await openSession(visitor, '2025-11-25') : {};
  return wholes[name]?.(session, unsure) ?? '';
}

const half = kind(
  {
    name: 'half-closed',
    does: 'says that it will send no more, right behind its request: an answer or the end, soon',
    weight: 5,
  },
  fc.record({ whole: anyWhole, pauseMs: fc.constantFrom(0, 0, 5) }),
  async (visitor, { whole, pauseMs }) => {
    const wire = await openWire(visitor);
    wire.send(await wholeOf(visitor, whole));
    await wait(pauseMs);
    wire.socket.end();
    await wire.over();
  },
);

const vanisher = kind(
  { name: 'vanished', does: 'is gone in the middle of a request, or right behind it', weight: 10 },
  fc.record({
    whole: anyWhole,
    share: fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
    stayMs: fc.constantFrom(0, 0, 1, 5, 50),
    isReset: fc.boolean(),
  }),
  async (visitor, { whole, share, stayMs, isReset }) => {
    const wire = await openWire(visitor);
    const bytes = await wholeOf(visitor, whole);
    wire.send(bytes.slice(0, Math.ceil(bytes.length * share)));
    await wait(stayMs);
    leave(wire, isReset);
  },
);

export const leavingKinds: Kind[] = [half, vanisher];
