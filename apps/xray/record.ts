/**
 * The last requests of one router, and its open streams with their frames: kept from the start, so
 * that whoever opens the page has something to see. Bounded in number and size, and in time: of a
 * rush some are kept, as nobody could read more, and all are counted. What is kept is what the
 * channels carry; it is made into words only when somebody looks, since most is not.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { RefusedEvent } from '../../guard.ts';
import type { Entry, Match, Router } from '../../http/app.ts';
import type { RequestEvent } from '../../http/channels.ts';
import { routerIn } from '../../http/near.ts';
import { opened, type SessionEvent } from '../mcp/channels.ts';
import { OpenCalls } from './open-calls.ts';
import { type Owner, ownerOf } from './owner.ts';
import { Pace } from './pace.ts';
import { PassedEntries } from './passed.ts';
import { Ring } from './ring.ts';
import { boundedJson, rpcOf, shortened } from './shorten.ts';
import { type Exchange, observe, type Step } from './steps.ts';
import type { Rpc } from './wire-step.ts';

/** A request that is kept, with the steps it has made so far, but for its late frames. */
export interface Request {
  id: number;
  method: string;
  target: string;
  headers: IncomingHttpHeaders;
  /** Whole; never to be shown. */
  sessionId: string | undefined;
  owner: Owner;
  steps: KeptStep[];
  /** Characters these hold, about. */
  size: number;
  /** It has come to the router that is recorded. */
  isOurs: boolean;
  /** It is the page's own, and left out. */
  isOwn: boolean;
  isStream: boolean;
  isOver: boolean;
  /** Those who look on have been told of it; in a rush of requests not of each. */
  isTold: boolean;
}

/** A step as it came, but for what may be large. */
export type KeptStep = Exclude<Step, { kind: 'frame' }> | LongMessage | Frame;
type LongMessage = { n: number; at: number } & {
  kind: 'long message';
  sessionId: string;
  rpc: Rpc;
  text: string;
};
type Frame = { n: number; at: number; kind: 'frame'; rpc: Rpc | undefined; frame: string };

/** A step, and whose it is. */
export interface Kept<Some extends KeptStep = KeptStep> {
  request: Request;
  step: Some;
}

export interface Listener {
  /** A step has been kept. */
  step(kept: Kept): void;
  /** A request came in a rush, and is counted alone. */
  leftOut(req: IncomingMessage): void;
  closed(sessionId: string, owner: Owner, n: number): void;
}

export interface RecordOptions {
  /** The app whose own requests are left out: each one shown would make the next. */
  own: Router;
  /** Whether refusals count that no router saw: guards stand around this one, and no other. */
  outside: boolean;
}

const atOnce = 1_000; // requests of a rush that are kept
const perSecond = 100; // and so many more while it goes on: the last hundred are then of a second
const maxRequests = 100; // that are over
const maxOpen = 200; // under way or streams; of more, the oldest are forgotten
const maxSteps = 60; // that stay with their request: its first, whatever a batch or a stream holds
const maxStepsSize = 64 * 1024; // characters of these
const maxLate = 300; // frames after those, of all requests together
const maxSize = 4 * 1024 * 1024; // characters of all requests that are over, and of all late frames
const maxText = 16 * 1024; // characters; a longer message or frame is cut now, and not when it is shown
const maxSessions = 10_000; // whose owner is known: a server behind a proxy may never end one

export type Recording = ReturnType<typeof record>;

/** Keeps what passes `router` until it is stopped, and tells `listener`. */
export function record(router: Router, listener: Listener, { own, outside }: RecordOptions) {
  const open = new Map<number, Request>();
  const over = new Ring<Request>(maxRequests, maxSize, ({ size }) => size);
  // Not with their streams: what is kept for long costs the collector more than to keep it.
  const late = new Ring<Kept<Frame>>(maxLate, maxSize, ({ step }) => step.frame.length);
  const calls = new OpenCalls();
  const owners = new Map<string, string>(); // by session
  const passed = new PassedEntries();
  const ownEntries = new WeakMap<Entry, boolean>(); // it takes longer to look into an app
  const pace = new Pace(atOnce, perSecond);

  /** To keep a request takes up to a quarter of what it takes to answer it: in a rush not each is. */
  function wants(first: RequestEvent | RefusedEvent): boolean {
    if ('match' in first && isOwn(first.match)) return false;
    const isOurs = 'match' in first ? first.entries === router.list() : outside;
    if (!isOurs) return true; // another router's, which may have this one further in
    if (isStream(first.req) || pace.take()) return true;
    listener.leftOut(first.req);
    return false;
  }

  function begin({ id, method, target, req }: Exchange): Request {
    const request: Request = {
      id,
      method,
      target,
      headers: req.headers,
      sessionId: undefined,
      owner: ownerOf(req),
      steps: [],
      size: 0,
      isOurs: false,
      isOwn: false,
      isStream: false,
      isOver: false,
      isTold: false,
    };
    open.set(id, request);
    if (open.size > maxOpen) open.delete(open.keys().next().value ?? 0);
    return request;
  }

  function take(step: Step, { sessionId, note: request }: Exchange<Request>): void {
    if (step.kind === 'matched') {
      if (isOwn(step.match)) leaveOut(request);
      request.isOurs ||= step.entries === router.list();
    }
    if (request.isOwn) return;
    if (step.kind === 'refused' && outside && !isRouted(request)) request.isOurs = true;
    if (sessionId !== undefined) request.sessionId = sessionId;
    const kept = keep(step, request);
    if (step.kind === 'stream') request.isStream = request.method === 'GET';
    if (step.kind === 'answered') end(request);
    if (kept && request.isOurs) listener.step({ request, step: kept });
  }

  /** Whether the page or what it asks for is where a request goes. */
  function isOwn(match: Match): boolean {
    const entry = entryOf(match);
    if (!entry) return false;
    const known = ownEntries.get(entry);
    if (known !== undefined) return known;
    const handled = entry.kind === 'route' && isOwnHandler in entry.handler;
    const isIt = handled || (entry.kind === 'mount' && routerIn(entry.app) === own);
    ownEntries.set(entry, isIt);
    return isIt;
  }

  function leaveOut(request: Request): void {
    request.isOwn = true;
    open.delete(request.id);
  }

  /**
   * Gives back what is kept of it. Past the bounds that is nothing of a message; past them and in a
   * rush, nothing of an answer whose call was left out.
   */
  function keep(step: Step, request: Request): KeptStep | undefined {
    const isFull = request.steps.length >= maxSteps || request.size >= maxStepsSize;
    if (step.kind === 'frame') {
      const isAwaited = takeCall(step.message, request);
      if (!isAwaited && (isFull || pace.isSpent())) return undefined;
      const frame = keptFrame(step);
      if (!isFull) return add(frame, frame.frame.length, request);
      late.push({ request, step: frame });
      return frame;
    }
    if (step.kind !== 'message') return add(step, stepSize, request);
    calls.add(step.sessionId, step.message);
    if (isFull) return undefined;
    const length = lengthOf(request.headers);
    if (length <= maxText) return add(step, length, request);
    const message = cutMessage(step);
    return add(message, message.text.length, request);
  }

  /** False for an answer to a call that is not kept. */
  function takeCall(message: JSONRPCMessage | undefined, { sessionId }: Request): boolean {
    if (!message || 'method' in message || message.id === undefined) return true;
    return calls.take(sessionId, message.id) !== undefined;
  }

  function end(request: Request): void {
    request.isOver = true;
    open.delete(request.id);
    if (request.isOurs) over.push(request);
  }

  function sessionClosed(sessionId: string, n: number): void {
    calls.forget(sessionId);
    listener.closed(sessionId, owners.get(sessionId), n);
    owners.delete(sessionId);
  }

  function count({ req, match }: RequestEvent): void {
    const entry = entryOf(match);
    if (entry && !isOwn(match)) passed.add(entry, ownerOf(req));
  }

  // Of a request that is left out, too. The event is what its channel carries.
  const setOwner = (event: unknown): void => {
    const { sessionId, req } = event as SessionEvent;
    const owner = req && ownerOf(req);
    if (owner === undefined) return void owners.delete(sessionId); // it came without a token
    owners.set(sessionId, owner);
    if (owners.size > maxSessions) owners.delete(owners.keys().next().value ?? '');
  };

  /** Those that are over, oldest first, and those that are open. */
  function requests(): Request[] {
    return [...over.all(), ...[...open.values()].filter(({ isOurs }) => isOurs)];
  }

  /** Every step of these, in the order in which they were made. */
  function steps(): Kept[] {
    const shown = new Set(requests());
    const early = [...shown].flatMap(request => request.steps.map(step => ({ request, step })));
    const after = late.all().filter(({ request }) => shown.has(request));
    return [...early, ...after].sort((a, b) => a.step.n - b.step.n);
  }

  const stop = observe({ passed: count, wants, begin, step: take, sessionClosed });
  opened.subscribe(setOwner);
  return {
    requests,
    steps,
    stop(): void {
      stop();
      opened.unsubscribe(setOwner);
    },
    /** How often each entry was passed. */
    passed,
    ownerOf: (sessionId: string) => owners.get(sessionId),
  };
}

const stepSize = 200; // characters, about

function add(step: KeptStep, size: number, request: Request): KeptStep {
  request.steps.push(step);
  request.size += size;
  return step;
}

/** Marks a handler that stands outside the app: the page itself. */
export const isOwnHandler = Symbol('own');

function entryOf(match: Match): Entry | undefined {
  if (match.kind === 'mount') return match.mount;
  return match.kind === 'route' ? match.route : undefined;
}

/** A request for an event stream, on which answers to others come; curl's need not say so. */
function isStream({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && (headers.accept?.includes('text/event-stream') ?? false);
}

function isRouted({ steps }: Request): boolean {
  return steps.some(({ kind }) => kind === 'matched');
}

/** Without its message, which is in the frame. */
function keptFrame({ n, at, kind, message, frame }: Step & { kind: 'frame' }): Frame {
  const rpc = message && rpcOf(message);
  return { n, at, kind, rpc, frame: frame.length > maxText ? shortened(frame) : frame };
}

function cutMessage({ n, at, sessionId, message }: Step & { kind: 'message' }): LongMessage {
  const text = boundedJson(message);
  return { n, at, kind: 'long message', sessionId, rpc: rpcOf(message), text };
}

/** Of a body; one that does not say may be long, and so may one that is compressed. */
function lengthOf(headers: IncomingHttpHeaders): number {
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity')
    return Number.POSITIVE_INFINITY;
  return Number(headers['content-length'] ?? Number.POSITIVE_INFINITY);
}
