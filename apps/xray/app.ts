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
import { closed, opened, type SessionEvent } from '../mcp/channels.ts';
import { onExpiry } from '../mcp/expiry.ts';
import { keepAlive, publishStream, streamDefaults, streamHeaders } from '../mcp/stream.ts';
import { type Audience, createAudience, send } from './audience.ts';
import { earlierStreams } from './earlier.ts';
import { maySee, type Owner, ownerOf, viewerOf } from './owner.ts';
import { readSources } from './sources.ts';
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

// Numbers of steps and exchanges start anew with the process; the page must know when.
const run = String(Math.round(performance.timeOrigin));

export function liveApp(store: Store, options: LiveOptions): App {
  const audiences = new Map<Owner, Audience>();
  const sessions = options.xray ? watchSessions(tellStuck, tellClosed) : undefined;
  let listChanged = false;
  let listFails = false; // told already
  let stopListening: (() => void) | undefined;
  let closing = false;

  const see: Handler = async (req, res) => {
    if (!(await hasTurn(res))) return;
    if (closing) return sendProblem(res, { status: 503, detail: 'The server is stopping.' });
    if (viewers().length >= maxViewers)
      return sendProblem(res, { status: 503, detail: 'Too many pages look on. Close one.' });
    res.writeHead(200, streamHeaders).flushHeaders();
    if (req.method === 'HEAD') return res.end();
    stopListening ??= listen();
    const viewer = viewerOf(req);
    const audience = audienceOf(viewer, rootPath(req));
    audience.join(res);
    onGone(res, () => audience.leave(res));
    const own = viewer !== undefined; // requests that are shown
    send([res], 'hello', { xray: options.xray, own, run, tree: treeOf(options.root()) });
    send([res], 'open', { steps: audience.open() });
    for (const stuck of sessions?.stuckOf(viewer) ?? []) send([res], 'stuck', stuck);
    await tellList([res]).catch(tryAgain);
    if (res.writableEnded || isGone(res)) return; // the app or the page was closed meanwhile
    publishStream(res);
    keepAlive(res, streamDefaults.keepAliveMs);
    onExpiry(res, () => {
      audience.leave(res);
      res.end();
    });
  };

  const viewers = () => [...audiences.values()].flatMap(audience => [...audience.viewers]);

  function audienceOf(viewer: Owner, ownPath: string): Audience {
    const known = audiences.get(viewer);
    if (known) return known;
    const onend = () => {
      audiences.delete(viewer);
      if (audiences.size === 0) stop();
    };
    const made = createAudience({ viewer, ownPath, earlier: sessions?.earlier, onend });
    audiences.set(viewer, made);
    return made;
  }

  /** For as long as there is an audience. */
  function listen(): () => void {
    const stopStore = store.onChange(() => (listChanged = true));
    const flushing = setInterval(flush, flushMs).unref();
    return () => {
      clearInterval(flushing);
      stopStore();
    };
  }

  function stop(): void {
    stopListening?.();
    stopListening = undefined;
  }

  function audiencesOf(owner: Owner): Audience[] {
    return [...audiences].filter(([viewer]) => maySee(viewer, owner)).map(([, found]) => found);
  }

  function tellStuck(stuck: StuckSession, owner: Owner): void {
    for (const { viewers } of audiencesOf(owner)) send(viewers, 'stuck', stuck);
  }

  function tellClosed(sessionId: string, owner: Owner): void {
    for (const audience of audiencesOf(owner)) audience.sessionClosed(sessionId);
  }

  function flush(): void {
    for (const audience of audiences.values()) audience.flush();
    if (!listChanged || viewers().length === 0) return;
    listChanged = false;
    tellList(viewers()).catch(tryAgain);
  }

  async function tellList(to: ServerResponse[]): Promise<void> {
    const items = await store.list();
    listFails = false;
    send(to, 'items', items);
  }

  /** With the next flush: a page that looks on stays, and shows what it has. */
  function tryAgain(error: unknown): void {
    listChanged = true;
    if (!listFails) console.error('The page can’t be told the list. It is tried again:', error);
    listFails = true;
  }

  const router = createRouter().get('/events', see);
  if (options.xray) router.get('/sources', sendSources);
  return Object.assign(router, {
    async close() {
      closing = true;
      sessions?.stop();
      for (const audience of audiences.values()) audience.close();
      stop();
    },
  });
}

/** What is noted before anybody looks: whose sessions are open, and which of them are stuck. */
function watchSessions(
  tellStuck: (stuck: StuckSession, owner: Owner) => void,
  tellClosed: (sessionId: string, owner: Owner) => void,
) {
  const earlier = earlierStreams();
  const owners = new Map<string, Owner>(); // by session, shortened
  const stuck = new Map<string, StuckSession>();
  const stopWatching = watchHandshakes(found => {
    stuck.set(found.session, found);
    tellStuck(found, owners.get(found.session));
  });
  const note = (event: unknown) => {
    const { sessionId, req } = event as SessionEvent; // what the channel carries
    if (req) owners.set(shortId(sessionId), ownerOf(req));
  };
  const forget = (event: unknown) => {
    const { sessionId } = event as SessionEvent;
    const session = shortId(sessionId);
    tellClosed(sessionId, owners.get(session));
    stuck.delete(session);
    owners.delete(session);
  };
  opened.subscribe(note);
  closed.subscribe(forget);
  function stop(): void {
    earlier.stop();
    stopWatching();
    opened.unsubscribe(note);
    closed.unsubscribe(forget);
  }
  const stuckOf = (viewer: Owner) =>
    [...stuck.values()].filter(({ session }) => maySee(viewer, owners.get(session)));
  return { earlier, stuckOf, stop };
}

const sendSources: Handler = async (_req, res) => {
  const body = JSON.stringify(await readSources());
  res.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }).end(body);
};
