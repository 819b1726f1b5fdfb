/**
 * What happens to a request, step by step, put together from the channels of the guards, the
 * router and the MCP app. Log, watchdog and page listen through this; the code that does the
 * work knows none of them.
 */
import type { Channel } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { type RefusedEvent, refused } from '../../guard.ts';
import type { Entry, Match } from '../../http/app.ts';
import { answered, matched, type RequestEvent } from '../../http/channels.ts';
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

/** One request and its response, as far as they have come. */
export interface Exchange {
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
  sessionId?: string;
  /** The node whose session it names, where that is not this one. */
  elsewhere?: string;
  /** JSON-RPC methods it carried, each with its tool's name: see rpcName. */
  rpcMethods: string[];
  isStream: boolean;
}

export type Step = { exchange: Exchange } & (
  | { kind: 'request' }
  | { kind: 'matched'; rootPath: string; match: Match; entries: readonly Entry[] }
  | { kind: 'refused'; by: string; status: number; detail: string }
  | { kind: 'opened'; sessionId: string; transport: TransportKind }
  | { kind: 'stream' }
  | { kind: 'message'; sessionId: string; message: JSONRPCMessage }
  | { kind: 'frame'; frame: string; message?: JSONRPCMessage }
  | { kind: 'answered'; status: number; ms: number; bytes: number; whole: boolean }
);

export interface Observer {
  step(step: Step): void;
  sessionClosed?(sessionId: string): void;
}

let lastId = 0;

/** Tells `observer` every step from now on. Returns how to stop that. */
export function observe(observer: Observer): () => void {
  const exchanges = noted<Exchange>(); // by request and by response
  const told = noted<true>(); // whose refusal is a step already

  function exchangeOf(req: IncomingMessage, res: ServerResponse): Exchange {
    const known = exchanges.get(res);
    if (known) return known;
    const exchange = newExchange(req, res);
    exchanges.set(req, exchange);
    exchanges.set(res, exchange);
    observer.step({ kind: 'request', exchange });
    return exchange;
  }

  return subscribeAll([
    on<RefusedEvent>(refused, ({ req, res, by, status, detail }) => {
      const outside = !exchanges.get(res); // no router will say when it is answered
      const exchange = exchangeOf(req, res);
      told.set(exchange, true);
      observer.step({ kind: 'refused', exchange, by, status, detail });
      if (outside) onGone(res, () => observer.step(outcome(exchange)));
    }),
    on<RequestEvent>(matched, ({ req, res, rootPath, match, entries }) => {
      const exchange = exchangeOf(req, res);
      const prefix = match.kind === 'mount' ? match.mount.prefix : '';
      exchange.rootPath = rootPath + prefix;
      exchange.url = match.url;
      if (match.kind === 'refused') told.set(exchange, true);
      observer.step({ kind: 'matched', exchange, rootPath, match, entries });
    }),
    // By then guards and routers have told of their own; what is left is a handler's.
    on<ProblemEvent>(problemSent, ({ res, problem: { status, detail } }) => {
      const exchange = exchanges.get(res);
      if (!exchange || told.get(exchange)) return;
      observer.step({ kind: 'refused', exchange, by: 'handler', status, detail });
    }),
    on<RequestEvent>(answered, ({ res }) => {
      const exchange = exchanges.get(res);
      if (exchange) observer.step(outcome(exchange));
    }),
    on<SessionEvent>(opened, ({ sessionId, transport, req }) => {
      const exchange = req && exchanges.get(req);
      if (!exchange) return;
      exchange.sessionId = sessionId;
      observer.step({ kind: 'opened', exchange, sessionId, transport });
    }),
    on<SessionEvent>(closed, ({ sessionId }) => observer.sessionClosed?.(sessionId)),
    on<StreamEvent>(streaming, ({ res }) => {
      const exchange = exchanges.get(res);
      if (!exchange) return;
      exchange.isStream = true;
      observer.step({ kind: 'stream', exchange });
    }),
    on<StrayedEvent>(strayed, ({ sessionId, node, req }) => {
      const exchange = exchanges.get(req);
      if (exchange) Object.assign(exchange, { sessionId, elsewhere: node });
    }),
    on<ReceivedEvent>(received, ({ sessionId, req, message }) => {
      const exchange = exchanges.get(req);
      if (!exchange) return;
      exchange.sessionId = sessionId;
      if ('method' in message) exchange.rpcMethods.push(rpcName(message));
      observer.step({ kind: 'message', exchange, sessionId, message });
    }),
    on<SentEvent>(sent, ({ res, frame, message }) => {
      const exchange = exchanges.get(res);
      if (exchange) observer.step({ kind: 'frame', exchange, frame, ...(message && { message }) });
    }),
  ]);
}

/**
 * What one observer notes on an object, under a name of its own. A WeakMap would hold the same;
 * but each entry of one, whose value leads back to its key, costs the collector more than all else
 * that is done for a request: 50 of 75 µs of a GET.
 */
function noted<Value>() {
  const name = Symbol('noted');
  type Noted = { [name]?: Value };
  return {
    get: (object: object): Value | undefined => (object as Noted)[name], // set below, or absent
    set(object: object, value: Value): void {
      (object as Noted)[name] = value;
    },
  };
}

/** `'tools/call get_items'`; of all other methods the method alone. */
export function rpcName(message: Extract<JSONRPCMessage, { method: string }>): string {
  const { method, params } = message;
  const tool = method === 'tools/call' ? params?.name : undefined;
  return typeof tool === 'string' ? `${method} ${tool}` : method;
}

function newExchange(req: IncomingMessage, res: ServerResponse): Exchange {
  const target = (req as { originalUrl?: string }).originalUrl ?? req.url ?? '';
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
    ...(typeof sessionId === 'string' && { sessionId }),
  };
}

function outcome(exchange: Exchange): Step {
  const { req, res, startedMs, sentBefore } = exchange;
  return {
    kind: 'answered',
    exchange,
    status: res.statusCode,
    ms: performance.now() - startedMs,
    bytes: req.socket.bytesWritten - sentBefore,
    whole: res.writableFinished,
  };
}

interface Subscription {
  channel: Channel;
  listener: (event: unknown) => void;
}

// A channel's publisher and its event type stand side by side where the channel is made.
function on<Event>(channel: Channel, listener: (event: Event) => void): Subscription {
  return { channel, listener: event => listener(event as Event) };
}

function subscribeAll(subscriptions: Subscription[]): () => void {
  for (const { channel, listener } of subscriptions) channel.subscribe(listener);
  return () => {
    for (const { channel, listener } of subscriptions) channel.unsubscribe(listener);
  };
}
