/**
 * The last requests of one router, and its open streams with their frames: kept from the start, so
 * that whoever opens the page has something to see. Bounded in number and size. What is kept is
 * what the channels carry; it is made into words only when somebody looks, since most is not.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { Entry, Match, Router } from '../../http/app.ts';
import { routerIn } from '../../http/near.ts';
import type { TransportKind } from '../mcp/channels.ts';
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
  sessionId?: string;
  owner: Owner;
  steps: KeptStep[];
  /** Characters its steps hold, about. */
  size: number;
  isStream: boolean;
  isOver: boolean;
  /** Those who look on have been told of it; in a rush of requests not of each. */
  isTold: boolean;
}

/** `n` grows from step to step. */
export type KeptStep = { n: number; at: number } & (
  | { kind: 'request' }
  | { kind: 'matched'; rootPath: string; match: Match; entries: readonly Entry[] }
  | { kind: 'refused'; by: string; status: number; detail: string }
  | { kind: 'opened'; sessionId: string; transport: TransportKind }
  | { kind: 'stream' }
  | { kind: 'message'; sessionId: string; rpc: Rpc; message?: JSONRPCMessage; text?: string }
  | { kind: 'frame'; rpc?: Rpc; frame: string }
  | { kind: 'answered'; status: number; ms: number; bytes: number; whole: boolean }
);

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
const maxSteps = 60; // of one request beside its frames: a batch may hold more
const maxFrames = 100; // steps past which the oldest frames are forgotten, but for the first
const longBody = 16 * 1024; // bytes; a longer message is cut at once, and not when it is shown

export type Recording = ReturnType<typeof record>;

/** A request under way: of this router, once it has come to it. */
interface Open {
  request: Request;
  req: IncomingMessage;
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
  let last = 0;

  function take(step: Step): void {
    if (step.kind === 'request') return void begin(step.exchange);
    const known = open.get(step.exchange.id);
    if (!known) return;
    if (step.kind === 'matched') {
      if (isOwn(step.match, own)) return void open.delete(known.request.id);
      known.isOurs ||= step.entries === router.list();
    }
    if (step.kind === 'refused' && outside && !isRouted(known.request)) known.isOurs = true;
    keep(known, step);
    if (step.kind === 'opened') owners.set(step.sessionId, ownerOf(known.req));
    if (step.kind === 'answered') end(known);
  }

  function begin({ id, method, target, req }: Exchange): void {
    const { headers } = req;
    const state = { isStream: false, isOver: false, isTold: false };
    const owner = ownerOf(req);
    const request: Request = { id, method, target, headers, owner, ...state, size: 0, steps: [] };
    request.steps.push({ n: ++last, at: Date.now(), kind: 'request' });
    open.set(id, { request, req, isOurs: false });
    if (open.size > maxOpen) open.delete(open.keys().next().value ?? 0);
  }

  function keep({ request, req, isOurs }: Open, step: Step): void {
    const { steps, isStream } = request;
    const { exchange } = step;
    if (step.kind === 'message' && steps.length >= maxSteps) return;
    const kept = keptOf(step, ++last, req);
    steps.push(kept);
    request.size += sizeOf(kept, req);
    if (exchange.sessionId !== undefined) request.sessionId = exchange.sessionId;
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

  function sessionClosed(sessionId: string): void {
    if (!owners.has(sessionId)) return;
    listener.closed(sessionId, owners.get(sessionId), ++last);
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

// Each written out: to spread a step, or to take its exchange out by a rest, is a tenth of a call.
function keptOf(step: Step, n: number, req: IncomingMessage): KeptStep {
  const at = Date.now();
  const { kind } = step;
  switch (kind) {
    case 'matched':
      return { n, at, kind, rootPath: step.rootPath, match: step.match, entries: step.entries };
    case 'refused':
      return { n, at, kind, by: step.by, status: step.status, detail: step.detail };
    case 'opened':
      return { n, at, kind, sessionId: step.sessionId, transport: step.transport };
    case 'message':
      return keptMessage(step, n, at, req);
    case 'frame': {
      const kept = { n, at, kind, frame: shortened(step.frame) };
      return step.message ? { ...kept, rpc: rpcOf(step.message) } : kept;
    }
    case 'answered': {
      const { status, ms, bytes, whole } = step;
      return { n, at, kind, status, ms, bytes, whole };
    }
    default:
      return { n, at, kind };
  }
}

function keptMessage(
  { kind, sessionId, message }: Step & { kind: 'message' },
  n: number,
  at: number,
  req: IncomingMessage,
): KeptStep {
  const rpc = rpcOf(message);
  if (lengthOf(req) <= longBody) return { n, at, kind, sessionId, rpc, message };
  return { n, at, kind, sessionId, rpc, text: boundedJson(message) };
}

function sizeOf(step: KeptStep, req: IncomingMessage): number {
  if (step.kind === 'frame') return step.frame.length;
  if (step.kind === 'message') return step.text?.length ?? lengthOf(req);
  return step.kind === 'request' ? 0 : stepSize;
}

const stepSize = 200; // characters: what another kind of step holds, about

/** Of its body; one that does not say may be long. */
function lengthOf({ headers }: IncomingMessage): number {
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
