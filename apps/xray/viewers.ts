/**
 * Those who look on: each gets what is kept, and then what comes, ten times a second. Requests
 * that come faster than anybody reads are counted, by method and path, and not told one by one.
 */
import type { ServerResponse } from 'node:http';
import { redact, shortId } from '../../http/redact.ts';
import { maySee, type Owner } from './owner.ts';
import type { Kept, Request } from './record.ts';
import { toWire } from './wire.ts';
import type { Batch, ClosedStep, Counts, WireStep } from './wire-step.ts';

export interface Viewer {
  res: ServerResponse;
  owner: Owner;
  /** Whether requests are shown to it, and not the panel alone. */
  seesRequests: boolean;
}

const burst = 60; // requests at once: a few agents that connect together
const perFlush = 3; // requests more with each flush: 30 a second, faster than anybody reads
const maxSteps = 2_000; // waiting; frames and messages of one request may come fast, too
const maxBufferedBytes = 1024 * 1024; // a viewer that is further behind misses steps
const maxSkippedKinds = 40; // named; the others are counted together

interface Closed {
  owner: Owner;
  step: ClosedStep;
}

/** `countsFor` says how often each place was passed by an owner's requests. */
export function createViewers(countsFor: (owner: Owner) => Counts) {
  const all = new Set<Viewer>();
  let waiting: Kept[] = [];
  let closed: Closed[] = [];
  let skipped = new Map<Owner, Map<string, number>>(); // by owner
  const rooms = new Map<Owner, number>(); // of those who are shown the same

  function take(kept: Kept): void {
    const { request, step } = kept;
    if (all.size === 0) {
      request.isTold = true; // whoever comes gets all that is kept
      return;
    }
    if (request.isTold) push(kept);
    else if (!isLeftOut(request)) {
      request.isTold = true;
      for (const earlier of request.steps) push({ request, step: earlier });
    } else if (step.kind === 'answered') skip(request);
  }

  const leftOut = new WeakSet<Request>();

  /** Decided with its first step; a stream is shown in any case, since answers come on it. */
  function isLeftOut(request: Request): boolean {
    if (request.isStream) return false;
    if (leftOut.has(request)) return true;
    const seer = asksTokens() ? request.owner : undefined; // another's flood takes no room of theirs
    const room = rooms.get(seer) ?? burst;
    rooms.set(seer, room - 1);
    if (room > 0) return false;
    leftOut.add(request);
    return true;
  }

  function asksTokens(): boolean {
    for (const { owner } of all) if (owner !== undefined) return true;
    return false;
  }

  function push(kept: Kept): void {
    const { kind } = kept.step;
    const isMany = kind === 'frame' || kind === 'message';
    if (waiting.length < maxSteps || !isMany) waiting.push(kept);
  }

  function skip({ owner, method, target }: Request): void {
    const [path = ''] = target.split('?', 1);
    const key = redact(`${method} ${path.slice(0, 100)}`);
    for (const seer of new Set([undefined, owner])) {
      const kinds = skipped.get(seer) ?? new Map<string, number>();
      skipped.set(seer, kinds);
      const counted = kinds.size < maxSkippedKinds || kinds.has(key) ? key : 'others';
      kinds.set(counted, (kinds.get(counted) ?? 0) + 1);
    }
  }

  function flush(): void {
    for (const [seer, room] of rooms)
      if (room + perFlush >= burst) rooms.delete(seer);
      else rooms.set(seer, Math.max(room, 0) + perFlush);
    if (all.size === 0 || waiting.length + closed.length + skipped.size === 0) return;
    const owners = new Set([...all].filter(sees).map(({ owner }) => owner));
    for (const owner of owners) {
      const event = eventOf('steps', batchFor(owner));
      for (const viewer of all) if (sees(viewer) && viewer.owner === owner) write(viewer, event);
    }
    waiting = [];
    closed = [];
    skipped = new Map();
  }

  function batchFor(owner: Owner): Batch {
    const ours = waiting.filter(({ request }) => maySee(owner, request.owner));
    const ends = closed
      .filter(one => owner === undefined || one.owner === owner)
      .map(({ step }) => step);
    const steps = ours.map(({ request, step }) => toWire(request, step));
    const left = Object.fromEntries(skipped.get(owner) ?? []);
    return { steps: [...steps, ...ends], skipped: left, counts: countsFor(owner) };
  }

  return {
    all,
    take,
    flush,
    closed(sessionId: string, owner: Owner, n: number): void {
      const step: ClosedStep = { kind: 'closed', n, session: shortId(sessionId) };
      if (all.size > 0 && closed.length < maxSteps) closed.push({ owner, step });
    },
    send(event: string, to: Iterable<Viewer> = all): void {
      for (const viewer of to) write(viewer, event);
    },
  };
}

const sees = ({ seesRequests }: Viewer): boolean => seesRequests;

function write({ res }: Viewer, event: string): void {
  if (!res.writableEnded && res.writableLength < maxBufferedBytes) res.write(event);
}

/** Of what is kept, that which is for `owner`. */
export function pastOf(kept: Kept[], owner: Owner): WireStep[] {
  const seen = kept.filter(({ request }) => maySee(owner, request.owner));
  return seen.map(({ request, step }) => toWire(request, step));
}

export function eventOf(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
