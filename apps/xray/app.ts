/**
 * The x-ray of a router, as an App: what passes it, the last of it kept from the start, on a page
 * and as an event stream.
 *
 *     router.mount('/xray', xray(router))
 *
 *     GET /         the page                                       GET /:file   its modules and styles
 *     GET /events   event: hello, past, steps, stuck, panel        (data: JSON)
 *     GET /sources  the source lines behind each kind of step
 */
import type { IncomingMessage } from 'node:http';
import type { App, Handler, Router } from '../../http/app.ts';
import { hasTurn, isGone, onGone } from '../../http/gone.ts';
import { routerIn } from '../../http/near.ts';
import { type Problem, sendProblem } from '../../http/problem.ts';
import { createRouter, rootPath } from '../../router.ts';
import { onExpiry } from '../mcp/expiry.ts';
import { keepAlive, publishStream, streamDefaults, streamHeaders } from '../mcp/stream.ts';
import { type Place, pageFiles, sendFiles, sendPage } from './files.ts';
import { whyNot } from './local.ts';
import { maySee, type Owner, viewerOf } from './owner.ts';
import { type Panel, panelTeller } from './panel.ts';
import { isOwnHandler, type Recording, record } from './record.ts';
import { type MoreSources, sourceReader } from './sources.ts';
import { countsOf, treeOf } from './tree.ts';
import { createViewers, eventOf, pastOf, type Viewer } from './viewers.ts';
import { type Stuck, watchStuck } from './watchdog.ts';
import type { Counts, Hello, Proxied } from './wire-step.ts';

/** Of `xray`. */
export interface XrayOptions {
  /** Whether requests are kept and shown: true unless told. Without it the page has its panel alone. */
  record?: boolean;
  /** Whether others than this machine may look: those whom `guard` lets in. */
  remote?: boolean;
  /** Put around what shows requests; the page itself holds no secret. */
  guard?: (handler: Handler) => Handler;
  /** Whether guards stand around this router, and around no other of this process. */
  guarded?: boolean;
  /** This process's name among several, for the page to say. */
  node?: string | undefined;
  /** A tool that changes nothing, which the page may call. */
  tool?: { name: string; arguments: Record<string, unknown> };
  panel?: Panel;
  /** The server that this router is a proxy of: then the page is about that one. */
  proxied?: Proxied;
  /** What answers the server's own routes, so that a step can show it. */
  sources?: MoreSources;
  /** A saved trace that the page is to show, instead of what happens. */
  trace?: URL;
}

/** The App to mount, whose page can stand on a route besides. */
export interface Xray extends App {
  /** The page, for a route of the router itself: `router.get('/', seen.page)`. */
  page: Handler;
}

const maxViewers = 20; // streams; the tabs of one browser share one
const flushMs = 100; // a reader sees ten updates a second as live

// Numbers of steps and exchanges start anew with the process; the page must know when.
const run = String(Math.round(performance.timeOrigin));

/**
 * A page that shows the requests that `router` and what is mounted in it take, live and the last
 * hundred. To this machine alone, unless `remote` says otherwise.
 */
export function xray(router: Router, options: XrayOptions = {}): Router & Xray {
  const { guard = (handler: Handler) => handler, panel } = options;
  const own = createRouter();
  const page = sendPage(req => placeFromRoute(req, router, own, options));
  const viewers = createViewers(countsFor);
  const recording = options.record === false ? undefined : startRecording(router, own);
  const stuck = recording && watchStuck(told => tellStuck(told));
  const tellPanel = panel && panelTeller(panel, viewers);
  let flushing: NodeJS.Timeout | undefined;
  let closing = false;
  const readSources = sourceReader(options.sources);

  function startRecording(of: Router, own: Router): Recording {
    const closed = (id: string, owner: Owner, n: number) => viewers.closed(id, owner, n);
    const outside = options.guarded ?? false;
    const listener = { step: viewers.take, leftOut: viewers.leaveOut, closed };
    return record(of, listener, { own, outside });
  }

  function countsFor(owner: Owner): Counts {
    return recording ? countsOf(router, recording.passed.by(owner)) : {};
  }

  const see: Handler = async (req, res) => {
    if (!(await hasTurn(res))) return;
    const why = recording ? hidden(req) : 'The x-ray is switched off on this server.';
    const refusal = refusalFor(why);
    if (refusal) return sendProblem(res, refusal);
    res.writeHead(200, streamHeaders).flushHeaders();
    if (req.method === 'HEAD') return res.end();
    const viewer = { res, owner: viewerOf(req), seesRequests: why === undefined };
    greet(viewer, why);
    viewers.all.add(viewer);
    onGone(res, () => leave(viewer));
    flushing ??= setInterval(flush, flushMs).unref();
    tellPanel?.listen();
    await tellPanel?.now([viewer]);
    if (res.writableEnded || isGone(res)) return; // the app or the page was closed meanwhile
    publishStream(res);
    keepAlive(res, streamDefaults.keepAliveMs);
    onExpiry(res, () => {
      leave(viewer);
      res.end();
    });
  };

  function hidden(req: IncomingMessage): string | undefined {
    return options.remote ? undefined : whyNot(req);
  }

  function refusalFor(why: string | undefined): Problem | undefined {
    if (closing) return { status: 503, detail: 'The server is stopping.' };
    if (why !== undefined && !panel) return { status: 403, detail: why };
    if (viewers.all.size < maxViewers) return undefined;
    return { status: 503, detail: 'Too many pages look on. Close one.' };
  }

  /** What a page starts from: all that is kept for it, up to the last flush. */
  function greet({ res, owner, seesRequests }: Viewer, why: string | undefined): void {
    viewers.flush(); // what waits is told to the others now, and to this one as past
    const { tool, node, proxied } = options;
    const hello: Hello = {
      xray: seesRequests,
      ...(why !== undefined && { why }),
      run,
      ...(node !== undefined && { node }),
      tree: treeOf(router),
      counts: seesRequests ? countsFor(owner) : {},
      ...(tool && { tool }),
      ...(proxied && { proxied }),
    };
    res.write(eventOf('hello', hello));
    if (!recording || !seesRequests) return;
    for (const request of recording.requests()) request.isTold = true;
    res.write(eventOf('past', { steps: pastOf(recording.steps(), owner) }));
    for (const one of stuck?.all() ?? [])
      if (isTheirs(owner, one.sessionId)) res.write(eventOf('stuck', one.told));
  }

  function isTheirs(owner: Owner, sessionId: string): boolean {
    return maySee(owner, recording?.ownerOf(sessionId));
  }

  function tellStuck({ sessionId, told }: Stuck): void {
    const to = [...viewers.all].filter(
      ({ seesRequests, owner }) => seesRequests && isTheirs(owner, sessionId),
    );
    viewers.send(eventOf('stuck', told), to);
  }

  function leave(viewer: Viewer): void {
    viewers.all.delete(viewer);
    if (viewers.all.size > 0) return;
    clearInterval(flushing);
    flushing = undefined;
    tellPanel?.stop();
  }

  function flush(): void {
    viewers.flush();
    tellPanel?.changed();
  }

  const sources: Handler = async (req, res) => {
    const why = hidden(req);
    if (why !== undefined) return sendProblem(res, { status: 403, detail: why });
    const body = JSON.stringify(await readSources());
    const head = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' };
    res.writeHead(200, head).end(body);
  };

  own.get(
    '/',
    sendPage(req => placeFromApp(req, router, own, options)),
  );
  own.get('/events', guard(see));
  if (recording) own.get('/sources', guard(sources));
  own.get('/:file', sendFiles(filesFor(options)));
  return Object.assign(own, {
    page: Object.assign(page, { [isOwnHandler]: true }),
    async close() {
      closing = true;
      recording?.stop();
      stuck?.stop();
      tellPanel?.stop();
      clearInterval(flushing);
      for (const { res } of viewers.all) res.end();
      viewers.all.clear(); // nothing is written to them from now on
    },
  });
}

/** Where `own` is mounted in `router`; nothing when it is mounted elsewhere. */
function prefixOf(router: Router, own: Router): string {
  for (const entry of router.list())
    if (entry.kind === 'mount' && routerIn(entry.app) === own) return entry.prefix;
  return '';
}

function placeFromRoute(
  req: IncomingMessage,
  router: Router,
  own: Router,
  options: XrayOptions,
): Place {
  const root = rootPath(req);
  return { root, own: root + prefixOf(router, own), ...shownOn(options) };
}

function placeFromApp(
  req: IncomingMessage,
  router: Router,
  own: Router,
  options: XrayOptions,
): Place {
  const path = rootPath(req);
  const root = path.slice(0, path.length - prefixOf(router, own).length);
  return { root, own: path, ...shownOn(options) };
}

function filesFor({ panel, trace }: XrayOptions): Map<string, URL> {
  const files = pageFiles();
  if (panel) files.set('panel.js', panel.script);
  if (trace) files.set('trace.json', trace);
  return files;
}

function shownOn({ panel, trace }: XrayOptions): { panel?: string; trace?: string } {
  return { ...(panel && { panel: 'panel.js' }), ...(trace && { trace: 'trace.json' }) };
}
