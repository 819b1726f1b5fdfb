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
  const requests = counter(registry, 'requests_total', 'Answers, by what took the request', [
    'method',
    'to',
    'status',
  ]);
  const seconds = durations(registry, 'request_seconds', 'How long answers took, but for streams');
  const sinceMs = new WeakMap<ServerResponse, number>();
  const streams = countStreams(registry);

  return together([
    // Each router that a request passes says so; the first begins it.
    on<RequestEvent>(matched, ({ res }) => {
      if (!sinceMs.has(res)) sinceMs.set(res, performance.now());
    }),
    on<RequestEvent>(answered, event => {
      const { res } = event;
      const to = takerOf(event);
      requests.inc({ method: methodOf(event), to, status: res.statusCode });
      if (streams.ended(res)) return;
      const since = sinceMs.get(res); // none, if it came before this listened
      if (since !== undefined) seconds.observe({ to }, (performance.now() - since) / 1_000);
    }),
    streams.stop,
  ]);
}

/** Those that are open. */
function countStreams(registry: Registry) {
  const count = gauge(registry, 'streams', 'Event streams open now');
  const open = new WeakSet<ServerResponse>();
  const stop = on<StreamEvent>(streaming, ({ res }) => {
    if (!open.has(res)) count.inc();
    open.add(res);
  });
  /** Whether it was one, which is over now. */
  function ended(res: ServerResponse): boolean {
    if (!open.delete(res)) return false;
    count.dec();
    return true;
  }
  return { ended, stop };
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
  const open = gauge(registry, 'sessions', 'Sessions open now', ['transport']);
  const total = counter(registry, 'sessions_opened_total', 'Sessions since the start', [
    'transport',
  ]);
  const posted = 'JSON-RPC messages that clients posted';
  const messages = counter(registry, 'messages_total', posted, ['method']);
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
  const stopped = counter(registry, 'refused_total', 'Requests that a guard stopped', [
    'by',
    'status',
  ]);
  return on<RefusedEvent>(refused, ({ by, status }) => stopped.inc({ by, status }));
}

function counter<Label extends string>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: Label[],
): Counter<Label> {
  return new Counter({ name: `mcp_mount_${name}`, help, labelNames, registers: [registry] });
}

function gauge<Label extends string>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: Label[] = [],
): Gauge<Label> {
  return new Gauge({ name: `mcp_mount_${name}`, help, labelNames, registers: [registry] });
}

const buckets = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10]; // s; a plain answer takes a millisecond

function durations(registry: Registry, name: string, help: string): Histogram<'to'> {
  const labelNames = ['to'] as const; // Histogram types its labels by these words
  const registers = [registry];
  return new Histogram({ name: `mcp_mount_${name}`, help, labelNames, buckets, registers });
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
