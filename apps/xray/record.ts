/**
 * The last requests of one router, and its open streams with their frames: kept from the start, so
 * that whoever opens the page has something to see. Bounded in number and size. What is kept is
 * what the channels carry; it is made into words only when somebody looks, since most is not.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Entry, Match, Router } from '../../http/app.ts';
import { routerIn } from '../../http/near.ts';
import { type Owner, ownerOf } from './owner.ts';
import { boundedJson, rpcOf, shortened } from './shorten.ts';
import { type Exchange, observe, type Step } from './steps.ts';
import type { Rpc } from './wire-step.ts';

/** A request that is kept, with the steps it has made so far. */
export interface Request {
  id: number;
  method: string;
  target: string;
  headers: IncomingHttpHeaders;
  /** Whole; never to be shown. */
  sessionId: string | undefined;
  owner: Owner;
  steps: KeptStep[];
  /** Characters its steps hold, about. */
  size: number;
  isStream: boolean;
  isOver: boolean;
  /** Those who look on have been told of it; in a rush of requests not of each. */
  isTold: boolean;
}

/** A step as it came, but for what may be large. */
export type KeptStep =
  | Exclude<Step, { kind: 'frame' }>
  | { n: number; at: number; kind: 'long message'; sessionId: string; rpc: Rpc; text: string }
  | { n: number; at: number; kind: 'frame'; rpc: Rpc | undefined; frame: string };

export interface Listener {
  /** A step has been kept. */
  step(request: Request, step: KeptStep): void;
  closed(sessionId: string, owner: Owner, n: number): void;
}

export interface RecordOptions {
  /** The app whose own requests are left out: each one shown would make the next. */
  own: Router;
  /** Whether refusals count that no router saw: guards stand around this one, and no other. */
  outside: boolean;
}

const maxRequests = 100; // that are over
const maxOpen = 200; // under way or streams; of more, the oldest are forgotten
const maxSize = 4 * 1024 * 1024; // characters of all that are over
const maxOwners = 100; // whose requests are counted apart
const maxSessions = 10_000; // whose owner is known: a server behind a proxy may never end one
const maxSteps = 60; // of one request beside its frames: a batch may hold more
const maxFrames = 100; // steps past which the oldest frames are forgotten, but for the first
const longBody = 16 * 1024; // bytes; a longer message is cut at once, and not when it is shown

export type Recording = ReturnType<typeof record>;

/** A request under way: of this router, once it has come to it. */
interface Open {
  request: Request;
  isOurs: boolean;
}

/** Keeps what passes `router` until it is stopped, and tells `listener`. */
export function record(router: Router, listener: Listener, { own, outside }: RecordOptions) {
  const open = new Map<number, Open>();
  const over: Request[] = [];
  const owners = new Map<string, Owner>(); // by session
  const total = new Map<Entry, number>(); // how often each was passed
  const passed = new Map<string, Map<Entry, number>>(); // the same, by owner
  let size = 0; // of those that are over

  function take(step: Step, exchange: Exchange): void {
    if (step.kind === 'request') return void begin(step, exchange);
    const known = open.get(exchange.id);
    if (!known) return;
    if (step.kind === 'matched') {
      if (isOwn(step.match, own)) return void open.delete(known.request.id);
      known.isOurs ||= step.entries === router.list();
    }
    if (step.kind === 'refused' && outside && !isRouted(known.request)) known.isOurs = true;
    keep(known, step, exchange);
    if (step.kind === 'opened') setOwner(step.sessionId, known.request.owner);
    if (step.kind === 'answered') end(known);
  }

  function setOwner(sessionId: string, owner: Owner): void {
    owners.set(sessionId, owner);
    if (owners.size > maxSessions) owners.delete(owners.keys().next().value ?? '');
  }

  function begin(step: Step & { kind: 'request' }, { id, method, target, req }: Exchange): void {
    const request: Request = {
      id,
      method,
      target,
      headers: req.headers,
      sessionId: undefined,
      owner: ownerOf(req),
      steps: [step],
      size: 0,
      isStream: false,
      isOver: false,
      isTold: false,
    };
    open.set(id, { request, isOurs: false });
    if (open.size > maxOpen) open.delete(open.keys().next().value ?? 0);
  }

  function keep({ request, isOurs }: Open, step: Step, { sessionId }: Exchange): void {
    const { steps, isStream } = request;
    if (step.kind === 'message' && steps.length >= maxSteps) return;
    const kept = keptOf(step, request);
    steps.push(kept);
    request.size += sizeOf(kept, request);
    if (sessionId !== undefined) request.sessionId = sessionId;
    if (step.kind === 'frame' && steps.length > maxFrames) forgetFrame(request);
    if (step.kind === 'stream') request.isStream = request.method === 'GET';
    if (step.kind === 'answered') request.isOver = true;
    if (!isOurs) return;
    if (request.isStream ? !isStream : request.isOver) count(steps, request.owner);
    listener.step(request, kept);
  }

  /** Once a request: by now it has gone its way. */
  function count(steps: KeptStep[], owner: Owner): void {
    const counts = countsOfOwner(owner);
    for (const step of steps) {
      const entry = step.kind === 'matched' && entryOf(step.match);
      if (!entry) continue;
      total.set(entry, (total.get(entry) ?? 0) + 1);
      if (counts) counts.set(entry, (counts.get(entry) ?? 0) + 1);
    }
  }

  function countsOfOwner(owner: Owner): Map<Entry, number> | undefined {
    if (owner === undefined) return undefined;
    const known = passed.get(owner);
    if (known) return known;
    const counts = new Map<Entry, number>();
    passed.set(owner, counts);
    if (passed.size > maxOwners) passed.delete(passed.keys().next().value ?? '');
    return counts;
  }

  function end({ request, isOurs }: Open): void {
    open.delete(request.id);
    if (!isOurs) return;
    over.push(request);
    size += request.size;
    while (over.length > maxRequests || (size > maxSize && over.length > 1))
      size -= over.shift()?.size ?? 0;
  }

  function sessionClosed(sessionId: string, n: number): void {
    if (!owners.has(sessionId)) return;
    listener.closed(sessionId, owners.get(sessionId), n);
    owners.delete(sessionId);
  }

  /** Those that are over, oldest first, and those that are open. */
  function requests(): Request[] {
    const ours = [...open.values()].filter(({ isOurs }) => isOurs);
    return [...over, ...ours.map(({ request }) => request)];
  }

  return {
    requests,
    stop: observe({ step: take, sessionClosed }),
    /** How often each entry was passed: by the requests of `owner`, or by all. */
    passed: (owner: Owner): Map<Entry, number> =>
      owner === undefined ? total : (passed.get(owner) ?? new Map()),
    ownerOf: (sessionId: string) => owners.get(sessionId),
  };
}

function entryOf(match: Match): Entry | undefined {
  if (match.kind === 'mount') return match.mount;
  return match.kind === 'route' ? match.route : undefined;
}

/** Marks a handler that stands outside the app: the page itself. */
export const isOwnHandler = Symbol('own');

function isOwn(match: Match, own: Router): boolean {
  if (match.kind === 'mount') return routerIn(match.mount.app) === own;
  return match.kind === 'route' && isOwnHandler in match.route.handler;
}

function isRouted({ steps }: Request): boolean {
  return steps.some(({ kind }) => kind === 'matched');
}

function keptOf(step: Step, { headers }: Request): KeptStep {
  const { n, at, kind } = step;
  if (kind === 'frame') {
    const rpc = step.message && rpcOf(step.message); // not the message: it is in the frame
    return { n, at, kind, rpc, frame: shortened(step.frame) };
  }
  if (kind !== 'message' || lengthOf(headers) <= longBody) return step;
  const { sessionId, message } = step;
  const text = boundedJson(message);
  return { n, at, kind: 'long message', sessionId, rpc: rpcOf(message), text };
}

/** Characters, about. */
function sizeOf(step: KeptStep, { headers }: Request): number {
  if (step.kind === 'frame') return step.frame.length;
  if (step.kind === 'long message') return step.text.length;
  return step.kind === 'message' ? lengthOf(headers) : stepSize;
}

const stepSize = 200;

/** Of a body; one that does not say may be long, and so may one that is compressed. */
function lengthOf(headers: IncomingHttpHeaders): number {
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') return Number.POSITIVE_INFINITY;
  return Number(headers['content-length'] ?? Number.POSITIVE_INFINITY);
}

/** The oldest but the first, which names the endpoint. */
function forgetFrame(request: Request): void {
  const { steps } = request;
  const first = steps.findIndex(({ kind }) => kind === 'frame');
  const next = steps.findIndex(({ kind }, i) => i > first && kind === 'frame');
  const [gone] = steps.splice(next, 1);
  if (gone?.kind === 'frame') request.size -= gone.frame.length;
}
