/**
 * Those who look on: each gets what is kept, and then what comes, ten times a second. Requests
 * that come faster than anybody reads are counted, by method and path, and not told one by one.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { redact, shortId } from '../../http/redact.ts';
import { maySee, type Owner, ownerOf } from './owner.ts';
import { Pace } from './pace.ts';
import type { Kept, Request } from './record.ts';
import { targetOf } from './steps.ts';
import { toWire } from './wire.ts';
import type { Batch, ClosedStep, Counts, WireStep } from './wire-step.ts';

export interface Viewer {
  res: ServerResponse;
  owner: Owner;
  /** Whether requests are shown to it, and not the panel alone. */
  seesRequests: boolean;
}

const atOnce = 60; // requests: a few agents that connect together
const perSecond = 30; // more, faster than anybody reads
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
  const paces = new Map<Owner, Pace>(); // of those who are shown the same
  let unseen = 0; // that were left out while nobody looked

  function take(kept: Kept): void {
    const { request, step } = kept;
    if (all.size === 0) {
      request.isTold = true; // whoever comes gets all that is kept
      return;
    }
    if (request.isTold) push(kept);
    else if (!isUndrawn(request)) {
      request.isTold = true;
      for (const earlier of request.steps) push({ request, step: earlier });
    } else if (step.kind === 'answered') skip(request);
  }

  const undrawn = new WeakSet<Request>();

  /** Decided with its first step; a stream is shown in any case, since answers come on it. */
  function isUndrawn(request: Request): boolean {
    if (request.isStream) return false;
    if (undrawn.has(request)) return true;
    const seer = asksTokens() ? request.owner : undefined; // another's flood takes no room of theirs
    const pace = paces.get(seer) ?? new Pace(atOnce, perSecond);
    paces.set(seer, pace);
    if (pace.take()) return false;
    undrawn.add(request);
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

  /** A request that is not kept: it is counted, as one that is not told. */
  function leaveOut(req: IncomingMessage): void {
    if (all.size === 0) unseen++;
    else skip({ owner: ownerOf(req), method: req.method ?? '', target: targetOf(req) });
  }

  function skip({ owner, method, target }: Pick<Request, 'owner' | 'method' | 'target'>): void {
    const [path = ''] = target.split('?', 1);
    const kind = redact(`${method} ${path.slice(0, 100)}`);
    for (const seer of new Set([undefined, owner])) countSkipped(seer, kind, 1);
  }

  function countSkipped(seer: Owner, kind: string, times: number): void {
    const kinds = skipped.get(seer) ?? new Map<string, number>();
    skipped.set(seer, kinds);
    const counted = kinds.size < maxSkippedKinds || kinds.has(kind) ? kind : 'others';
    kinds.set(counted, (kinds.get(counted) ?? 0) + times);
  }

  function flush(): void {
    for (const [seer, pace] of paces) if (pace.isFull()) paces.delete(seer);
    if (all.size === 0) return;
    if (unseen > 0) countSkipped(undefined, 'before anybody looked', unseen);
    unseen = 0;
    if (waiting.length + closed.length + skipped.size === 0) return;
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
    leaveOut,
    flush,
    closed(sessionId: string, owner: Owner, n: number): void {
      if (all.size === 0 || closed.length >= maxSteps) return;
      const step: ClosedStep = { kind: 'closed', n, session: shortId(sessionId) };
      closed.push({ owner, step });
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
