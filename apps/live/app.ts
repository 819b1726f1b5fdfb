/**
 * What the page shows live, as one event stream: the list as it changes and, where the x-ray is
 * on, every step of every request. Listens only while somebody looks.
 *
 *     GET /events   event: hello, items, steps, stuck     (data: JSON)
 *     GET /sources  the source lines behind each kind of step
 */
import type { ServerResponse } from 'node:http';
import { type App, createRouter, type Handler, rootPath, sendProblem } from '../../router.ts';
import type { Store } from '../../store.ts';
import { streamHeaders } from '../mcp/stream.ts';
import { shortId } from '../trace/redact.ts';
import { observe } from '../trace/steps.ts';
import { watchHandshakes } from '../trace/watchdog.ts';
import { readSources } from './sources.ts';
import { type MountTree, treeOf } from './tree.ts';
import { toWire, type WireStep } from './wire.ts';

export interface LiveOptions {
  /** Whether requests are shown, and not the list alone. */
  xray: boolean;
  /** The app whose mounts are drawn. */
  root: () => App;
}

const maxViewers = 20; // streams; the tabs of one browser share one
const flushMs = 100; // a reader sees ten updates a second as live
const maxStepsPerFlush = 150; // beyond it steps are counted, not shown: work stays bounded
const maxBufferedBytes = 1024 * 1024; // a viewer that is further behind misses steps

export function liveApp(store: Store, options: LiveOptions): App {
  const viewers = new Set<ServerResponse>();
  const steps: (WireStep | { kind: 'closed'; session: string })[] = [];
  let skipped = 0;
  let listChanged = false;
  let stopListening = () => {};

  const see: Handler = async (req, res) => {
    if (viewers.size >= maxViewers)
      return sendProblem(res, { status: 503, detail: 'Too many pages look on. Close one.' });
    res.writeHead(200, streamHeaders).flushHeaders();
    if (req.method === 'HEAD') return res.end();
    viewers.add(res);
    res.once('close', () => leave(res));
    if (viewers.size === 1) stopListening = listen(rootPath(req));
    const tree: MountTree = treeOf(options.root());
    res.write(eventOf('hello', { xray: options.xray, tree }));
    res.write(eventOf('items', await store.list()));
  };

  function leave(res: ServerResponse): void {
    viewers.delete(res);
    if (viewers.size > 0) return;
    stopListening();
    steps.length = 0;
  }

  /** From the first viewer to the last. */
  function listen(ownPath: string): () => void {
    const stops = [store.onChange(() => (listChanged = true))];
    if (options.xray) stops.push(observe(observerWithout(ownPath)), watchHandshakes(tellStuck));
    const flushing = setInterval(() => void flush(), flushMs).unref();
    return () => {
      clearInterval(flushing);
      for (const stop of stops) stop();
    };
  }

  // The page's own requests are left out: each step shown would make the next.
  function observerWithout(ownPath: string): Parameters<typeof observe>[0] {
    return {
      step(step) {
        if (step.exchange.target.startsWith(`${ownPath}/`)) return;
        if (steps.length >= maxStepsPerFlush) skipped++;
        else steps.push(toWire(step));
      },
      sessionClosed: sessionId => steps.push({ kind: 'closed', session: shortId(sessionId) }),
    };
  }

  function tellStuck(stuck: { session: string; causes: string[] }): void {
    send(eventOf('stuck', stuck));
  }

  async function flush(): Promise<void> {
    if (steps.length > 0 || skipped > 0) {
      const batch = steps.splice(0);
      send(eventOf('steps', { steps: batch, skipped }));
      skipped = 0;
    }
    if (!listChanged) return;
    listChanged = false;
    send(eventOf('items', await store.list()));
  }

  function send(event: string): void {
    for (const res of viewers) if (res.writableLength < maxBufferedBytes) res.write(event);
  }

  const router = createRouter().get('/events', see);
  if (options.xray) router.get('/sources', sendSources);
  return Object.assign(router, {
    async close() {
      for (const res of viewers) res.end();
    },
  });
}

const sendSources: Handler = async (_req, res) => {
  const body = JSON.stringify(await readSources());
  res.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }).end(body);
};

function eventOf(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
