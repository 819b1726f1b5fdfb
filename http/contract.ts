/**
 * The mount contract as something to run. An App around an App, in tests: nothing that passes is
 * changed, and a clause that is broken is thrown by its name. After Rack::Lint.
 *
 *     router.mount('/mcp', contract(app))
 *     const server = createServer(contract(router));
 *
 * `clauses` is the contract's text, each clause beside its check. What follows it is how a request
 * is watched. http/app.ts has the same as types.
 *
 * Of mcp-mount, MIT.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { App, Mounted } from './app.ts';
import { isGone, onGone } from './gone.ts';
import { aFunction, checkFunction, given, maxTimerMs, wholeNumber } from './options.ts';
import { holds, pathOf } from './target.ts';

/** What was seen against a clause, as a sentence; undefined: it is kept. */
type Found = string | undefined;

/** When a clause may look at an app, and what there is to see. */
interface Moments {
  /** It is about to be called. */
  called: [call: Call];
  /** It reads, or sets, one of the two on the request. */
  read: [call: Call, name: UrlName];
  set: [call: Call, name: UrlName, from: string | undefined, to: string | undefined];
  /** A head is about to go out. */
  head: [call: Call, head: Head];
  /** So is a part of the body. */
  wrote: [call: Call, chunk: unknown];
  threw: [call: Call, error: unknown];
  /** It has returned, and for `patienceMs` no head went out. */
  unanswered: [call: Call];
  /** Its answer is over, and for `patienceMs` it has not returned. */
  unsettled: [call: Call];
  /** Its close() has returned. */
  closing: [closing: Closing];
  /** That has settled, or `closeMs` are over. */
  closed: [closing: Closing];
}

type Checks = { [M in keyof Moments]?: (...seen: Moments[M]) => Found };

/** The text. */
export const clauses = {
  entered: {
    says: 'A request is entered before an app gets it: rootPath + url gives back originalUrl.',
    called: ({ url, originalUrl }) =>
      originalUrl === undefined || rootOf(originalUrl, url) !== undefined
        ? undefined
        : `It was called with the url ${url}, which is no end of the originalUrl ${originalUrl}.`,
  },
  'two arguments': {
    says: 'An app is given a request and a response. It needs no third argument.',
    threw: ({ app }, error) =>
      app.length > 2 && error instanceof TypeError && /is not a function/.test(error.message)
        ? `It declares ${app.length} parameters, and called what it was not given: ${error.message}.`
        : undefined,
  },
  'one answer': {
    says: 'A request has one answer: one head, and nothing after its end.',
    head: ({ exchange: { res } }) =>
      res.headersSent ? 'It sent a head, and there was one already.' : undefined,
    wrote: ({ exchange: { res } }) =>
      res.writableEnded ? 'It wrote to an answer that had ended.' : undefined,
  },
  answered: {
    says: 'Nothing is left unanswered, and nothing is left to others: what an app does not know is its own 404.',
    unanswered: ({ app, patienceMs }) =>
      `It returned, and ${patienceMs} ms later there was no answer.` +
      (app.length > 2 ? ' Does it wait for a third argument?' : ''),
  },
  'its own url': {
    says: 'A request is entered once and never restored: who hands it on has read its url before.',
    read: (call, name) => {
      const { url: now, calls } = call.exchange;
      const isLast = calls.at(-1) === call;
      return name === 'url' && !isLast && now !== call.url
        ? `It was called with the url ${call.url}, handed the request on, and read the url ${now}.`
        : undefined;
    },
  },
  'never restored': {
    says: 'url only gets shorter, from its front, and originalUrl stays: an app reads them after an await.',
    set: (_call, name, from, to) => {
      if (from === undefined || from === to) return undefined;
      const entered = name === 'url' && rootOf(from, to ?? '') !== undefined;
      return entered ? undefined : `It made the ${name} ${from} to ${to}.`;
    },
  },
  'any prefix': {
    says: 'An app works below any prefix: it routes on url, and names its own places with rootPath(req).',
    head: ({ rootPath, didRead }, { status, places }) => {
      if (status < 400 && rootPath !== '' && didRead.has('originalUrl') && !didRead.has('url'))
        return 'It answered by the originalUrl, and never looked at the url.';
      return strayFrom(rootPath, places);
    },
    wrote: ({ rootPath, exchange }, chunk) =>
      exchange.isStream ? strayFrom(rootPath, endpointIn(chunk)) : undefined,
  },
  'no redirect': {
    says: "A mount's own path is answered as it stands, '/mcp' like '/mcp/': a redirected POST loses its body.",
    head: ({ rootPath, url }, { status, places }) => {
      const isBare = rootPath !== '' && pathOf(url) === '/' && status >= 300 && status < 400;
      const paths = places.map(pathIn);
      const itself = paths.find(path => path === rootPath || path === `${rootPath}/`);
      return isBare && itself
        ? `It answered its own path with a redirect to ${itself}.`
        : undefined;
    },
  },
  awaited: {
    says: 'An app is awaited: what it returns settles, at the latest when its answer is over.',
    unsettled: ({ patienceMs }) =>
      `${patienceMs} ms after its answer was over it had not returned, and stopping waits for it.`,
  },
  close: {
    says: 'close() returns a promise that settles, and then nothing of the app is open.',
    closing: ({ returned }) =>
      returned instanceof Promise ? undefined : 'close() returned no promise.',
    closed: ({ isSettled, streams, closeMs }) => {
      if (!isSettled) return `close() took more than ${closeMs} ms.`;
      const open = [...streams].filter(isOpen).length;
      return open > 0 ? `close() settled, and left ${open} of its streams open.` : undefined;
    },
  },
} satisfies Record<ClauseName, { says: string } & Checks>;

/** By what a clause is called. */
export type ClauseName =
  | 'entered'
  | 'two arguments'
  | 'one answer'
  | 'answered'
  | 'its own url'
  | 'never restored'
  | 'any prefix'
  | 'no redirect'
  | 'awaited'
  | 'close';

/** What is thrown where an app breaks a clause. */
export class Breach extends Error {
  override readonly name = 'Breach';
  readonly clause: ClauseName;

  constructor(clause: ClauseName, where: string, found: string) {
    super(`${where}: ${found} The contract's clause '${clause}': ${clauses[clause].says}`);
    this.clause = clause;
  }
}

/** Of `contract`. */
export interface ContractOptions {
  /** Told of what is broken, which is then not thrown: for who wants to know of all there is. */
  onBreach?: ((breach: Breach) => void) | undefined;
  /** How long an app may take to begin its answer once it has returned, and to return after it. */
  patienceMs?: number | undefined;
  /** How long its close() may take. */
  closeMs?: number | undefined;
}

const defaults = {
  onBreach(breach: Breach): void {
    throw breach;
  },
  patienceMs: 1_500, // more than an answer takes in a test; some runners give up after 2 s
  closeMs: 12_000, // after which listen() hangs up
};

const rules = {
  onBreach: aFunction,
  patienceMs: wholeNumber(1, maxTimerMs),
  closeMs: wholeNumber(1, maxTimerMs),
};

/**
 * Holds `app` to the contract. What it breaks is thrown where it breaks it, in its own stack, or
 * rejects the promise of the call: a router around it makes that a 500, and logs it.
 */
export function contract(app: App, options: ContractOptions = {}): App & { inner: App } {
  checkFunction('contract', 'what it holds', app);
  const terms = { app, ...defaults, ...given('contract', options, rules), streams: new Set<Res>() };
  const held = (req: Mounted, res: Res, next?: Next) => serve(terms, req, res, next);
  const { close } = app;
  return Object.assign(held, { inner: app }, close && { close: () => watchClose(terms, close) });
}

/** What one app is held to. */
interface Terms extends Required<typeof defaults> {
  /** It may be a guest, as a router is. */
  app: (req: IncomingMessage, res: Res, next?: Next) => unknown;
  /** The event streams that it opened. */
  streams: Set<Res>;
}

type Res = ServerResponse;
type Next = (error?: unknown) => void;

/** One app's part in one request. */
interface Call extends Terms {
  where: string;
  exchange: Exchange;
  /** Whose app handed the request on to this one. */
  above: Call | undefined;
  /** As it was called. */
  url: string;
  originalUrl: string | undefined;
  rootPath: string;
  didRead: Set<UrlName>;
  /** It has returned. */
  isOver: boolean;
}

type UrlName = 'url' | 'originalUrl';

/** A request and its response, watched once for all the calls that it goes through. */
interface Exchange {
  req: Mounted;
  res: Res;
  url: string;
  originalUrl: string | undefined;
  isStream: boolean;
  /** The last has the request: who handed it on to that one has no more to read of its url. */
  calls: Call[];
  /** Resolves when a head goes out; so it does when nobody is left to read one. */
  begun: Promise<void>;
  over: Promise<void>;
}

interface Closing extends Terms {
  where: string;
  returned: unknown;
  isSettled: boolean;
}

/** Has the clauses look that look at this moment. */
function tell<M extends keyof Moments>(moment: M, ...seen: Moments[M]): void {
  const { where, onBreach } = seen[0];
  for (const [name, clause] of Object.entries(clauses)) {
    const checks: Checks = clause;
    const found = checks[moment]?.(...seen);
    // the names of the clauses are what it is made of
    if (found !== undefined) onBreach(new Breach(name as ClauseName, where, found));
  }
}

/** The call that runs, across its awaits. */
const running = new AsyncLocalStorage<Call | undefined>();
const exchanges = new WeakMap<IncomingMessage, Exchange>();

async function serve(terms: Terms, req: Mounted, res: Res, next?: Next): Promise<void> {
  const call = newCall(terms, exchanges.get(req) ?? watch(req, res));
  const rest: [] | [Next] = next ? [error => handBack(call, () => next(error))] : [];
  tell('called', call);
  const returned = running.run(call, () => run(call, () => terms.app(req, res, ...rest)));
  await Promise.race([returned, overdue(call, returned)]);
  await answered(call);
}

async function run(call: Call, app: () => unknown): Promise<void> {
  try {
    await app();
  } catch (error) {
    tell('threw', call, error);
    throw error;
  } finally {
    call.isOver = true;
  }
}

function newCall(terms: Terms, exchange: Exchange): Call {
  const { req, url, originalUrl, calls } = exchange;
  const call: Call = {
    ...terms,
    where: `${req.method} ${originalUrl ?? url}`,
    exchange,
    above: running.getStore(),
    url,
    originalUrl,
    rootPath: rootOf(originalUrl ?? url, url) ?? '',
    didRead: new Set(),
    isOver: false,
  };
  calls.push(call);
  return call;
}

/** A guest does not answer: the request is its host's again. */
function handBack(call: Call, next: () => void): void {
  const { calls } = call.exchange;
  if (calls.includes(call)) calls.splice(calls.indexOf(call));
  running.run(call.above, next);
}

/** Settles when the app has no more time to return in. */
async function overdue(call: Call, returned: Promise<unknown>): Promise<void> {
  await call.exchange.over;
  await within(call.patienceMs, returned);
  if (!call.isOver) tell('unsettled', call);
}

async function answered(call: Call): Promise<void> {
  const { res, begun, calls } = call.exchange;
  const isAnswered = () => res.headersSent || isGone(res) || !calls.includes(call);
  if (!isAnswered()) await within(call.patienceMs, begun);
  if (!isAnswered()) tell('unanswered', call);
}

/** Resolves with `done`, or when the time is up. */
async function within(ms: number, done: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const up = new Promise(resolve => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([done, up]).finally(() => clearTimeout(timer));
}

/** Has what is done to the two told, from now on. The last app's contract does not watch again. */
function watch(req: Mounted, res: Res): Exchange {
  const { url = '', originalUrl } = req;
  const over = new Promise<void>(done => onGone(res, done));
  let begin = () => {};
  const headed = new Promise<void>(done => {
    begin = done;
  });
  const begun = Promise.race([headed, over]);
  const exchange: Exchange = {
    req,
    res,
    url,
    originalUrl,
    isStream: false,
    calls: [],
    begun,
    over,
  };
  exchanges.set(req, exchange);
  watchUrl(exchange, 'url');
  watchUrl(exchange, 'originalUrl');
  watchHead(exchange, begin);
  watchBody(exchange);
  return exchange;
}

function watchUrl(exchange: Exchange, name: UrlName): void {
  Object.defineProperty(exchange.req, name, {
    configurable: true,
    enumerable: true,
    get() {
      const call = callIn(exchange);
      call?.didRead.add(name);
      if (call) tell('read', call, name);
      return exchange[name];
    },
    set(to) {
      const call = callIn(exchange);
      if (call) tell('set', call, name, exchange[name], to);
      exchange[name] = to;
    },
  });
}

/** Every head passes writeHead; Node calls it itself for an app that does not. */
function watchHead(exchange: Exchange, begin: () => void): void {
  const { res } = exchange;
  const { writeHead } = res;
  const watched = (status: number, ...rest: unknown[]) => {
    const head = headOf(res, status, rest);
    const call = whoseTurn(exchange);
    if (call) tell('head', call, head);
    exchange.isStream = head.isStream;
    if (call && head.isStream) keepStream(call);
    const written = Reflect.apply(writeHead, res, [status, ...rest]);
    begin();
    return written;
  };
  Object.assign(res, { writeHead: watched });
}

function watchBody(exchange: Exchange): void {
  const { res } = exchange;
  const { write, end } = res;
  const look = (chunk: unknown) => {
    const call = whoseTurn(exchange);
    if (call) tell('wrote', call, chunk);
  };
  const watchedWrite = (...given: unknown[]) => {
    look(given[0]);
    return Reflect.apply(write, res, given);
  };
  const watchedEnd = (...given: unknown[]) => {
    const [last] = given;
    if (last && typeof last !== 'function') look(last); // to end it twice is no harm
    return Reflect.apply(end, res, given);
  };
  Object.assign(res, { write: watchedWrite, end: watchedEnd });
}

function keepStream({ streams, exchange }: Call): void {
  streams.add(exchange.res);
  onGone(exchange.res, () => streams.delete(exchange.res));
}

/** The call that runs, if it is one of this request: work on one may go on in another's. */
function callIn(exchange: Exchange): Call | undefined {
  const call = running.getStore();
  return call?.exchange === exchange ? call : undefined;
}

/** From a timer, or on somebody else's request, it is the app that has the request. */
function whoseTurn(exchange: Exchange): Call | undefined {
  return callIn(exchange) ?? exchange.calls.at(-1);
}

interface Head {
  status: number;
  /** That it names for the client to go to. */
  places: string[];
  isStream: boolean;
}

function headOf(res: Res, status: number, rest: unknown[]): Head {
  const set = headersIn(rest);
  const field = (name: string) => String(set.get(name) ?? res.getHeader(name) ?? '');
  const places = [field('location'), field('content-location')].filter(place => place !== '');
  return { status, places, isStream: field('content-type').startsWith('text/event-stream') };
}

/** writeHead takes them behind a reason or not, as an object or as a list of names and values. */
function headersIn(rest: unknown[]): Map<string, unknown> {
  const found = rest.find(argument => typeof argument === 'object' && argument !== null) ?? {};
  const flat = Array.isArray(found) ? found.flat() : Object.entries(found).flat();
  const headers = new Map<string, unknown>();
  for (let i = 0; i < flat.length; i += 2) headers.set(String(flat[i]).toLowerCase(), flat[i + 1]);
  return headers;
}

/** What the legacy SSE transport of MCP has its client post to. */
function endpointIn(chunk: unknown): string[] {
  const [, endpoint] = /^event: ?endpoint\r?\ndata: ?(\S+)/.exec(String(chunk)) ?? [];
  return endpoint === undefined ? [] : [endpoint];
}

/** A place that is told from the root of the server, and lies outside the mount. */
function strayFrom(rootPath: string, places: string[]): Found {
  const stray = places.find(place => /^\/(?!\/)/.test(place) && !holds(rootPath, pathIn(place)));
  if (stray === undefined) return undefined;
  return `Below ${rootPath} it names ${stray}. Write rootPath(req) + '…', or the whole URL of what is not its own.`;
}

function pathIn(place: string): string {
  return place.replace(/^https?:\/\/[^/]*/, '').replace(/[?#].*$/, '');
}

// What is before `url` in `whole`: '/mcp/sse' and '/sse' -> '/mcp', '/mcp?x' and '/?x' -> '/mcp'.
function rootOf(whole: string, url: string): string | undefined {
  const end = whole.endsWith(url) ? url : url.slice(1); // the slash may be the mount's own
  return url[0] === '/' && whole.endsWith(end)
    ? whole.slice(0, whole.length - end.length)
    : undefined;
}

async function watchClose(terms: Terms, close: () => Promise<void>): Promise<void> {
  const returned: unknown = close.call(terms.app);
  const closing = { ...terms, where: 'close()', returned, isSettled: false };
  tell('closing', closing);
  const settled = Promise.resolve(returned).then(() => {
    closing.isSettled = true;
  });
  await within(terms.closeMs, settled);
  tell('closed', closing);
}

function isOpen(res: Res): boolean {
  return !res.writableEnded && !isGone(res);
}
