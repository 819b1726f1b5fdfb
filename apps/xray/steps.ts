/**
 * What happens to a request, step by step, put together from the channels of the guards, the
 * router, the MCP app and the proxy. Log, watchdog and page listen through this; the code that does the
 * work knows none of them.
 */
import type { Channel } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { type RefusedEvent, refused } from '../../guard.ts';
import type { Entry, Match } from '../../http/app.ts';
import { matched, type RequestEvent } from '../../http/channels.ts';
import { onGone } from '../../http/gone.ts';
import { type ProblemEvent, problemSent } from '../../http/problem.ts';
import {
  closed,
  opened,
  type ReceivedEvent,
  received,
  type SentEvent,
  type SessionEvent,
  type StrayedEvent,
  type StreamEvent,
  sent,
  strayed,
  streaming,
  type TransportKind,
} from '../mcp/channels.ts';
import { type BypassedEvent, bypassed, type RelayedEvent, relayed } from '../proxy/channels.ts';

/** One request and its response, as far as they have come. */
export interface Exchange<Note = unknown> {
  id: number;
  req: IncomingMessage;
  res: ServerResponse;
  method: string;
  /** The whole target, as it came. */
  target: string;
  /** performance.now() when it was first seen. */
  startedMs: number;
  /** Bytes its connection had sent by then. */
  sentBefore: number;
  /** Where it was split last: the innermost mount. */
  rootPath: string;
  url: string;
  /** Whole session id; never to be shown. */
  sessionId: string | undefined;
  /** The node whose session it names, where that is not this one. */
  elsewhere: string | undefined;
  /** JSON-RPC methods it carried, each with its tool's name: see rpcName. */
  rpcMethods: string[];
  isStream: boolean;
  /** Why it was refused has been told. */
  isRefused: boolean;
  /** What its observer keeps of it. */
  note: Note;
}

/** `n` grows from step to step, `at` is Date.now(). It holds no request: whoever is told may keep it. */
export type Step = { n: number; at: number } & (
  | { kind: 'request' }
  | { kind: 'matched'; rootPath: string; match: Match; entries: readonly Entry[] }
  | { kind: 'refused'; by: string; status: number; detail: string }
  | { kind: 'opened'; sessionId: string; transport: TransportKind }
  | { kind: 'stream' }
  | { kind: 'message'; sessionId: string; message: JSONRPCMessage }
  | { kind: 'frame'; frame: string; message: JSONRPCMessage | undefined }
  | ({ kind: 'relayed' } & Omit<RelayedEvent, 'res'>)
  | { kind: 'bypassed'; detail: string }
  | { kind: 'answered'; status: number; ms: number; bytes: number; whole: boolean }
);

export interface Observer<Note = unknown> {
  /** Whether anything is told of a request that is new; of all, unless it says. */
  wants?(first: RequestEvent | RefusedEvent): boolean;
  /** A router has told of a request, wanted or not; before its step. */
  passed?(event: RequestEvent): void;
  /** A request is new: gives its note. */
  begin?(exchange: Exchange): Note;
  step(step: Step, exchange: Exchange<Note>): void;
  sessionClosed?(sessionId: string, n: number): void;
}

let lastId = 0;

/** Tells `observer` every step from now on. Returns how to stop that. */
export function observe<Note = unknown>(observer: Observer<Note>): () => void {
  // On a request, under a name of this observer's own. A WeakMap would hold the same; but each entry
  // of one, whose value leads back to its key, costs the collector more than all else that is done
  // for a request: 50 of 75 µs of a GET.
  const noted = Symbol('exchange');
  let n = 0;
  let isStopped = false;

  type Noted = IncomingMessage & { [noted]?: Exchange<Note> | 'unwanted' };

  function known(req: Noted): Exchange<Note> | undefined {
    return req[noted] === 'unwanted' ? undefined : req[noted];
  }

  /** What a guard or a router tells, one of which is the first to see a request. */
  function see(event: RequestEvent | RefusedEvent, tell: (exchange: Exchange<Note>) => void): void {
    const { req, res }: { req: Noted; res: ServerResponse } = event;
    const isNew = req[noted] === undefined;
    const exchange = isNew ? begin(event) : known(req);
    if (!exchange) return;
    tell(exchange);
    // Not by the channel `answered`, which tells of the end of each, wanted or not.
    if (isNew) onGone(res, () => end(exchange));
  }

  function begin(first: RequestEvent | RefusedEvent): Exchange<Note> | undefined {
    const req: Noted = first.req;
    if (observer.wants?.(first) === false) {
      req[noted] = 'unwanted';
      return undefined;
    }
    const exchange = newExchange<Note>(req, first.res);
    if (observer.begin) exchange.note = observer.begin(exchange);
    req[noted] = exchange;
    observer.step({ n: ++n, at: Date.now(), kind: 'request' }, exchange);
    return exchange;
  }

  function end(exchange: Exchange<Note>): void {
    if (isStopped) return;
    const { req, res, startedMs, sentBefore } = exchange;
    const ms = performance.now() - startedMs;
    const bytes = req.socket.bytesWritten - sentBefore;
    const { statusCode: status, writableFinished: whole } = res;
    observer.step({ n: ++n, at: Date.now(), kind: 'answered', status, ms, bytes, whole }, exchange);
  }

  const unsubscribe = subscribeAll([
    on<RefusedEvent>(refused, event => {
      const { by, status, detail } = event;
      see(event, exchange => {
        exchange.isRefused = true;
        observer.step({ n: ++n, at: Date.now(), kind: 'refused', by, status, detail }, exchange);
      });
    }),
    on<RequestEvent>(matched, event => {
      observer.passed?.(event);
      const { rootPath, match, entries } = event;
      see(event, exchange => {
        exchange.rootPath = match.kind === 'mount' ? rootPath + match.mount.prefix : rootPath;
        exchange.url = match.url;
        if (match.kind === 'refused') exchange.isRefused = true;
        observer.step(
          { n: ++n, at: Date.now(), kind: 'matched', rootPath, match, entries },
          exchange,
        );
      });
    }),
    // By then guards and routers have told of their own; what is left is a handler's.
    on<ProblemEvent>(problemSent, ({ res, problem: { status, detail } }) => {
      const exchange = known(res.req);
      if (!exchange || exchange.isRefused) return;
      observer.step(
        { n: ++n, at: Date.now(), kind: 'refused', by: 'handler', status, detail },
        exchange,
      );
    }),
    on<SessionEvent>(opened, ({ sessionId, transport, req }) => {
      const exchange = req && known(req);
      if (!exchange) return;
      exchange.sessionId = sessionId;
      observer.step({ n: ++n, at: Date.now(), kind: 'opened', sessionId, transport }, exchange);
    }),
    on<SessionEvent>(closed, ({ sessionId }) => observer.sessionClosed?.(sessionId, ++n)),
    on<StreamEvent>(streaming, ({ res }) => {
      const exchange = known(res.req);
      if (!exchange) return;
      exchange.isStream = true;
      observer.step({ n: ++n, at: Date.now(), kind: 'stream' }, exchange);
    }),
    on<StrayedEvent>(strayed, ({ sessionId, node, req }) => {
      const exchange = known(req);
      if (exchange) Object.assign(exchange, { sessionId, elsewhere: node });
    }),
    on<ReceivedEvent>(received, ({ sessionId, req, message }) => {
      const exchange = known(req);
      if (!exchange) return;
      exchange.sessionId = sessionId;
      if ('method' in message) exchange.rpcMethods.push(rpcName(message));
      observer.step({ n: ++n, at: Date.now(), kind: 'message', sessionId, message }, exchange);
    }),
    on<SentEvent>(sent, ({ res, frame, message }) => {
      const exchange = known(res.req);
      if (exchange)
        observer.step({ n: ++n, at: Date.now(), kind: 'frame', frame, message }, exchange);
    }),
    on<RelayedEvent>(relayed, ({ res, ...answer }) => {
      const exchange = known(res.req);
      if (exchange) observer.step({ n: ++n, at: Date.now(), kind: 'relayed', ...answer }, exchange);
    }),
    on<BypassedEvent>(bypassed, ({ res, detail }) => {
      const exchange = known(res.req);
      if (exchange) observer.step({ n: ++n, at: Date.now(), kind: 'bypassed', detail }, exchange);
    }),
  ]);
  return () => {
    isStopped = true;
    unsubscribe();
  };
}

/** `'tools/call get_items'`; of all other methods the method alone. */
export function rpcName(message: Extract<JSONRPCMessage, { method: string }>): string {
  const { method, params } = message;
  const tool = method === 'tools/call' ? params?.name : undefined;
  return typeof tool === 'string' ? `${method} ${tool}` : method;
}

function newExchange<Note>(req: IncomingMessage, res: ServerResponse): Exchange<Note> {
  const target = targetOf(req);
  const sessionId = req.headers['mcp-session-id'];
  return {
    id: ++lastId,
    req,
    res,
    method: req.method ?? '',
    target,
    startedMs: performance.now(),
    sentBefore: req.socket.bytesWritten,
    rootPath: '',
    url: target,
    rpcMethods: [],
    isStream: false,
    isRefused: false,
    sessionId: typeof sessionId === 'string' ? sessionId : undefined,
    elsewhere: undefined,
    note: undefined as Note, // an observer that has notes gives one before anybody looks
  };
}

/** The whole of it, also where a mount has taken its prefix off. */
export function targetOf(req: IncomingMessage & { originalUrl?: string }): string {
  return req.originalUrl ?? req.url ?? '';
}

interface Subscription {
  channel: Channel;
  listener: (event: unknown) => void;
}

// A channel's publisher and its event type stand side by side where the channel is made.
function on<Event>(channel: Channel, listener: (event: Event) => void): Subscription {
  return { channel, listener: listener as Subscription['listener'] };
}

function subscribeAll(subscriptions: Subscription[]): () => void {
  for (const { channel, listener } of subscriptions) channel.subscribe(listener);
  return () => {
    for (const { channel, listener } of subscriptions) channel.unsubscribe(listener);
  };
}
