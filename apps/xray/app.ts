/**
 * What the page shows live, as one event stream: the list as it changes and, where the x-ray is
 * on, every step of every request. Traces only while somebody looks.
 *
 *     GET /events   event: hello, items, open, steps, stuck     (data: JSON)
 *     GET /sources  the source lines behind each kind of step
 */
import type { ServerResponse } from 'node:http';
import type { App, Handler } from '../../http/app.ts';
import { hasTurn, isGone, onGone } from '../../http/gone.ts';
import { sendProblem } from '../../http/problem.ts';
import { shortId } from '../../http/redact.ts';
import { createRouter, rootPath } from '../../router.ts';
import type { Store } from '../../store.ts';
import { closed, type SessionEvent } from '../mcp/channels.ts';
import { onExpiry } from '../mcp/expiry.ts';
import { keepAlive, publishStream, streamDefaults, streamHeaders } from '../mcp/stream.ts';
import { earlierStreams } from './earlier.ts';
import { createFeed } from './feed.ts';
import { readSources } from './sources.ts';
import { observe } from './steps.ts';
import { treeOf } from './tree.ts';
import { type StuckSession, watchHandshakes } from './watchdog.ts';

export interface LiveOptions {
  /** Whether requests are shown, and not the list alone. */
  xray: boolean;
  /** The app whose mounts are drawn. */
  root: () => App;
}

const maxViewers = 20; // streams; the tabs of one browser share one
const flushMs = 100; // a reader sees ten updates a second as live
const lingerMs = 3_000; // a page that reloads, or a tab that takes over, is back sooner
const maxBufferedBytes = 1024 * 1024; // a viewer that is further behind misses steps

// Numbers of steps and exchanges start anew with the process; the page must know when.
const run = String(Math.round(performance.timeOrigin));

export function liveApp(store: Store, options: LiveOptions): App {
  const viewers = new Set<ServerResponse>();
  const feed = createFeed();
  const before = options.xray ? watchSessions(tellStuck) : undefined;
  let listChanged = false;
  let listFails = false; // told already
  let stopListening: (() => void) | undefined;
  let lingering: NodeJS.Timeout | undefined;
  let closing = false;

  const see: Handler = async (req, res) => {
    if (!(await hasTurn(res))) return;
    if (closing) return sendProblem(res, { status: 503, detail: 'The server is stopping.' });
    if (viewers.size >= maxViewers)
      return sendProblem(res, { status: 503, detail: 'Too many pages look on. Close one.' });
    res.writeHead(200, streamHeaders).flushHeaders();
    if (req.method === 'HEAD') return res.end();
    viewers.add(res);
    onGone(res, () => leave(res));
    clearTimeout(lingering);
    stopListening ??= listen(rootPath(req));
    res.write(eventOf('hello', { xray: options.xray, run, tree: treeOf(options.root()) }));
    res.write(eventOf('open', { steps: feed.open() }));
    for (const stuck of before?.stuck.values() ?? []) res.write(eventOf('stuck', stuck));
    await tellList([res]).catch(tryAgain);
    if (res.writableEnded || isGone(res)) return; // the app or the page was closed meanwhile
    publishStream(res);
    keepAlive(res, streamDefaults.keepAliveMs);
    onExpiry(res, () => {
      leave(res);
      res.end();
    });
  };

  function leave(res: ServerResponse): void {
    if (!viewers.delete(res)) return;
    if (viewers.size === 0) lingering = setTimeout(stop, lingerMs).unref();
  }

  function stop(): void {
    stopListening?.();
    stopListening = undefined;
    feed.clear();
  }

  /** From the first viewer until a while after the last. */
  function listen(ownPath: string): () => void {
    const stops = [store.onChange(() => (listChanged = true))];
    if (before) stops.push(...trace(ownPath, before));
    const flushing = setInterval(flush, flushMs).unref();
    return () => {
      clearInterval(flushing);
      for (const stop of stops) stop();
    };
  }

  function trace(ownPath: string, { earlier }: Before): (() => void)[] {
    const known = new WeakSet<ServerResponse>();
    const stopObserving = observe({
      step(step) {
        known.add(step.exchange.res);
        // The page's own stream is left out: each step shown would make the next.
        if (!step.exchange.target.startsWith(`${ownPath}/`)) feed.take(step);
      },
      sessionClosed: sessionId => feed.sessionClosed(shortId(sessionId)),
    });
    return [stopObserving, earlier.listen(res => known.has(res) || viewers.has(res), feed.push)];
  }

  function tellStuck(stuck: StuckSession): void {
    send(eventOf('stuck', stuck));
  }

  function flush(): void {
    if (viewers.size === 0) return; // kept for the one that comes back
    const batch = feed.flush();
    if (batch) send(eventOf('steps', batch));
    if (!listChanged) return;
    listChanged = false;
    tellList(viewers).catch(tryAgain);
  }

  async function tellList(to: Iterable<ServerResponse>): Promise<void> {
    const items = await store.list();
    listFails = false;
    send(eventOf('items', items), to);
  }

  /** With the next flush: a page that looks on stays, and shows what it has. */
  function tryAgain(error: unknown): void {
    listChanged = true;
    if (!listFails) console.error('The page can’t be told the list. It is tried again:', error);
    listFails = true;
  }

  function send(event: string, to: Iterable<ServerResponse> = viewers): void {
    for (const res of to)
      if (!res.writableEnded && res.writableLength < maxBufferedBytes) res.write(event);
  }

  const router = createRouter().get('/events', see);
  if (options.xray) router.get('/sources', sendSources);
  return Object.assign(router, {
    async close() {
      before?.stop();
      clearTimeout(lingering);
      stop();
      closing = true;
      for (const res of viewers) res.end();
      viewers.clear(); // nothing is written to them from now on
    },
  });
}

type Before = ReturnType<typeof watchSessions>;

/** What is noted before anybody looks: which streams are open, and which of them are stuck. */
function watchSessions(tell: (stuck: StuckSession) => void) {
  const earlier = earlierStreams();
  const stuck = new Map<string, StuckSession>();
  const stopWatching = watchHandshakes(found => {
    stuck.set(found.session, found);
    tell(found);
  });
  const forget = (event: unknown) => {
    const { sessionId } = event as SessionEvent; // what the channel carries
    if (stuck.size > 0) stuck.delete(shortId(sessionId));
  };
  closed.subscribe(forget);
  function stop(): void {
    earlier.stop();
    stopWatching();
    closed.unsubscribe(forget);
  }
  return { earlier, stuck, stop };
}

const sendSources: Handler = async (_req, res) => {
  const body = JSON.stringify(await readSources());
  res.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }).end(body);
};

function eventOf(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
