/**
 * Counts what the server publishes, for Prometheus. It only listens: the server does not know it.
 *
 *     await listen(hostGuard(metrics()), loopbacks, 9464)     GET /metrics
 *
 * No label holds what a client may choose freely, or the counters would grow without end.
 */
import type { Channel } from 'node:diagnostics_channel';
import type { ServerResponse } from 'node:http';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import {
  answered,
  closed,
  createRouter,
  matched,
  opened,
  type ReceivedEvent,
  type RefusedEvent,
  type RequestEvent,
  received,
  refused,
  type SessionEvent,
  type StreamEvent,
  streaming,
} from '../../package/index.ts';
import type { App } from '../../router.ts';

/** Counts from now on, until it is closed. @returns an App that answers GET /metrics */
export function metrics(): App {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const stops = [countRequests(registry), countSessions(registry), countRefusals(registry)];

  const router = createRouter();
  router.get('/metrics', async (_req, res) => {
    const text = await registry.metrics();
    res.writeHead(200, { 'Content-Type': registry.contentType }).end(text);
  });
  const close = async () => {
    for (const stop of stops) stop();
  };
  return Object.assign(router, { close });
}

function countRequests(registry: Registry): () => void {
  const registers = [registry];
  const requests = new Counter({
    name: 'mcp_mount_requests_total',
    help: 'Answers, by what took the request',
    labelNames: ['method', 'to', 'status'],
    registers,
  });
  const seconds = new Histogram({
    name: 'mcp_mount_request_seconds',
    help: 'How long answers took that are no streams',
    labelNames: ['to'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
    registers,
  });
  const streams = new Gauge({
    name: 'mcp_mount_streams',
    help: 'Event streams open now',
    registers,
  });
  const sinceMs = new WeakMap<ServerResponse, number>();
  const open = new WeakSet<ServerResponse>();

  return together([
    // Each router that a request passes says so; the first begins it.
    on<RequestEvent>(matched, ({ res }) => {
      if (!sinceMs.has(res)) sinceMs.set(res, performance.now());
    }),
    on<StreamEvent>(streaming, ({ res }) => {
      if (open.has(res)) return;
      open.add(res);
      streams.inc();
    }),
    on<RequestEvent>(answered, event => {
      const { res } = event;
      const to = takerOf(event);
      requests.inc({ method: methodOf(event), to, status: res.statusCode });
      const since = sinceMs.get(res) ?? performance.now();
      if (open.delete(res)) streams.dec();
      else seconds.observe({ to }, (performance.now() - since) / 1_000);
    }),
  ]);
}

/** The mount or route as it is registered, of which there are so many. */
function takerOf({ match }: RequestEvent): string {
  if (match.kind === 'route') return match.route.path;
  if (match.kind === 'mount') return match.mount.prefix || '/';
  return 'none';
}

// HTTP's own; Node takes more, such as PROPFIND, and nothing here answers them.
const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

function methodOf({ req: { method = '' } }: RequestEvent): string {
  return methods.has(method) ? method : 'other';
}

function countSessions(registry: Registry): () => void {
  const registers = [registry];
  const open = new Gauge({
    name: 'mcp_mount_sessions',
    help: 'Sessions open now',
    labelNames: ['transport'],
    registers,
  });
  const total = new Counter({
    name: 'mcp_mount_sessions_opened_total',
    help: 'Sessions since the start',
    labelNames: ['transport'],
    registers,
  });
  const messages = new Counter({
    name: 'mcp_mount_messages_total',
    help: 'JSON-RPC messages that clients posted',
    labelNames: ['method'],
    registers,
  });
  return together([
    on<SessionEvent>(opened, ({ transport }) => {
      open.inc({ transport });
      total.inc({ transport });
    }),
    on<SessionEvent>(closed, ({ transport }) => open.dec({ transport })),
    on<ReceivedEvent>(received, ({ message }) => {
      const method = 'method' in message ? message.method : 'answer';
      messages.inc({ method: known.has(method) ? method : 'other' });
    }),
  ]);
}

/** What clients say, by the specification (2025-11-25). */
const known = new Set([
  'answer', // to what a server asked
  'initialize',
  'ping',
  'tools/list',
  'tools/call',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'resources/subscribe',
  'resources/unsubscribe',
  'prompts/list',
  'prompts/get',
  'completion/complete',
  'logging/setLevel',
  'notifications/initialized',
  'notifications/cancelled',
  'notifications/progress',
  'notifications/roots/list_changed',
]);

function countRefusals(registry: Registry): () => void {
  const stopped = new Counter({
    name: 'mcp_mount_refused_total',
    help: 'Requests that a guard stopped',
    labelNames: ['by', 'status'],
    registers: [registry],
  });
  return on<RefusedEvent>(refused, ({ by, status }) => stopped.inc({ by, status }));
}

/** @returns what stops it */
function on<Event>(channel: Channel, tell: (event: Event) => void): () => void {
  const listen = (event: unknown) => tell(event as Event); // what the channel carries, by its comment
  channel.subscribe(listen);
  return () => void channel.unsubscribe(listen);
}

function together(stops: (() => void)[]): () => void {
  return () => {
    for (const stop of stops) stop();
  };
}
