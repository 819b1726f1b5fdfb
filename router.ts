/**
 * The mount: plain handlers on routes, whole apps on path prefixes, on bare node:http.
 *
 *     GET /mcp/sse?x=1
 *         └┬─┘└──┬───┘
 *       rootPath  req.url            req.originalUrl = the whole of it
 *
 * An App is Node's own request listener, so a router is one, and so are an Express app, connect
 * and sirv: each can be mounted here, and a router can be mounted in each. In ASGI's words this
 * is `Mount`, `root_path` and `path`. The file imports Node's own modules only: copy it alone.
 */
import { channel } from 'node:diagnostics_channel';
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';

/** Owns a subtree of paths. It reads `req.url`, which starts where its prefix ended. */
export interface App {
  (req: IncomingMessage, res: ServerResponse): unknown;
  /** Ends what the app holds open: streams, sessions, timers. ASGI: lifespan shutdown. */
  close?(): Promise<void>;
}

/** A router is an App. With a host's `next` it passes on what it does not know. */
export interface Router extends App {
  (req: IncomingMessage, res: ServerResponse, next?: () => void): Promise<void>;
  get: AddRoute;
  post: AddRoute;
  put: AddRoute;
  patch: AddRoute;
  delete: AddRoute;
  /** Hands `prefix` and all below it to `app`: `mount('/mcp', mcpApp(…))`. `'/'` takes the rest. */
  mount(prefix: string, app: App): Router;
  /** What would happen to a request, without doing it. Pure. */
  match(method: string, target: string): Match;
  /** Everything registered, in order of registration. */
  list(): (Route | Mount)[];
  /** Closes the mounted apps in reverse order, each once; throws what they threw, at the end. */
  close(): Promise<void>;
}

/**
 * Throws at once on a path that could never answer, naming the remedy. `about` is carried along
 * unread: summaries, schemas, whatever an app that documents the routes wants.
 */
export type AddRoute = <Path extends string>(
  path: Path,
  handler: Handler<Path>,
  about?: object,
) => Router;

/** Answers one method on one path. `'/items/:id'` gives `req.params.id`, decoded. */
export type Handler<Path extends string = string> = (
  req: IncomingMessage & { params: Params<Path>; originalUrl: string },
  res: ServerResponse,
) => unknown;

/** `'/a/:b/:c'` -> `{ b: string; c: string }` */
export type Params<Path extends string> = string extends Path
  ? Record<string, string>
  : Path extends `${string}:${infer Name}/${infer Rest}`
    ? { [K in Name]: string } & Params<`/${Rest}`>
    : Path extends `${string}:${infer Name}`
      ? { [K in Name]: string }
      : { [K in never]: string };

export interface Route {
  kind: 'route';
  method: string;
  path: string;
  handler: Handler;
  about: object;
}

/** `prefix` is `''` for a mount at `'/'`. */
export interface Mount {
  kind: 'mount';
  prefix: string;
  app: App;
}

/** `target` is the whole path and query; `url` is what the taker sees of it. */
export type Match = { target: string; url: string } & (
  | { kind: 'route'; route: Route; params: Record<string, string> }
  | { kind: 'mount'; mount: Mount }
  | { kind: 'options'; allow: string }
  | Refusal
);

interface Refusal {
  kind: 'refused';
  status: 400 | 404 | 405;
  detail: string;
  allow?: string;
}

/** What `matched` and `answered` carry. */
export interface RequestEvent {
  req: IncomingMessage;
  res: ServerResponse;
  /** The router's own root, before `match` adds to it. */
  rootPath: string;
  match: Match;
}

/** Published by each router a request passes, before it acts. Costs nothing unheard. */
export const matched = channel('mcp-mount:router:matched');

/** Published once a request, when its response is over; `res.writableFinished`: all was sent. */
export const answered = channel('mcp-mount:router:answered');

export interface RouterOptions {
  /** Told what an app or handler threw. The client is told 500 and no more. */
  onError?: (error: unknown, req: IncomingMessage) => void;
}

export function createRouter({ onError = logError }: RouterOptions = {}): Router {
  const table: Table = {
    root: newNode(),
    fixed: new Map(),
    entries: [],
    mounts: [],
    nearest: new Map(),
    kept404s: new Map(),
  };

  async function route(req: Mounted, res: ServerResponse, next?: () => void): Promise<void> {
    try {
      const match = decide(table, req);
      if (next && match.kind === 'refused' && match.status === 404) return next();
      if (matched.hasSubscribers || answered.hasSubscribers) publish(req, res, match);
      enter(req, match);
      await answer(table, req, res, match);
    } catch (error) {
      onError(error, req);
      fail(res);
    }
  }

  function addRoute(method: string): AddRoute {
    return (path, handler, about = {}) => {
      // enter() sets the params that the path's type promises the handler
      register(table, { kind: 'route', method, path, handler: handler as Handler, about });
      return router;
    };
  }

  const router: Router = Object.assign(route, {
    get: addRoute('GET'),
    post: addRoute('POST'),
    put: addRoute('PUT'),
    patch: addRoute('PATCH'),
    delete: addRoute('DELETE'),
    mount(prefix: string, app: App) {
      registerMount(table, prefix, app);
      return router;
    },
    match: (method: string, target: string) => find(table, method, target),
    list: () => [...table.entries],
    close: () => closeAll(table.mounts),
  });
  return router;
}

/**
 * What is left of `url` below `prefix`, or undefined when the prefix does not hold whole
 * segments of it. Byte for byte: no decoding, no case folding, no merging of slashes.
 *
 *     '/mcp/sse' -> '/sse'   '/mcp' -> '/'   '/mcp?x' -> '/?x'   '/mcpx' -> undefined
 */
export function stripPrefix(url: string, prefix: string): string | undefined {
  if (!url.startsWith(prefix)) return undefined;
  const rest = url.slice(prefix.length);
  if (rest === '' || rest[0] === '?') return `/${rest}`;
  return rest[0] === '/' ? rest : undefined;
}

/**
 * Where the app that holds this request is mounted: `originalUrl` minus the trailing `url`.
 * Not `baseUrl`, which connect does not set. ASGI: `root_path`.
 */
export function rootPath(req: IncomingMessage): string {
  const { originalUrl = '', url = '' } = req as Mounted;
  if (originalUrl.endsWith(url)) return originalUrl.slice(0, originalUrl.length - url.length);
  const query = url.slice(1); // '/mcp?x' was entered as '/?x': that slash is ours
  return originalUrl.endsWith(query) ? originalUrl.slice(0, originalUrl.length - query.length) : '';
}

/**
 * A request target as path and query, and the authority when it came in absolute form, which
 * every server must take (RFC 9112, 3.2.2) and which then stands in for the Host header.
 */
export function originForm(target: string): { url: string; authority?: string } {
  if (target[0] === '/') return { url: target };
  const [, authority, rest = ''] = /^https?:\/\/([^/?#]*)(.*)$/is.exec(target) ?? [];
  if (authority === undefined) return { url: target };
  return { authority, url: rest[0] === '/' ? rest : `/${rest}` };
}

/** A host name, an IPv4 or a bracketed IPv6, with or without a port: no userinfo (RFC 3986). */
export function isAuthority(text: string): boolean {
  return /^(?:[a-z0-9._~-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i.test(text);
}

/** Why two parsers could read this path differently; undefined for a plain one. */
export function ambiguity(path: string): string | undefined {
  if (path[0] !== '/') return "The request target does not start with '/'. Send a path.";
  if (plain.test(path) && !path.includes('/.')) return undefined;
  const found = suspects.find(([pattern]) => pattern.test(path))?.[1];
  return found ?? (decode(path) === undefined ? 'The path is not UTF-8 when decoded.' : undefined);
}

// One test for the plain case; which row it is gets looked up only when that fails.
const plain = /^[!"$&-[\]-~]+$/; // printable ASCII but for '#', '%' and '\\'
const suspects: [RegExp, string][] = [
  [/[^\x21-\x7e]/, 'The path holds a byte that must be percent-encoded.'],
  [/\\/, "The path holds '\\', which some parsers read as '/'."],
  [/#/, "The path holds '#', which starts a fragment. Fragments stay with the client."],
  [/%(?![0-9a-f]{2})/i, "The path holds a '%' without two hex digits after it. Write '%25'."],
  [/%2f/i, "The path holds '%2f', which some parsers read as '/'."],
  [/%5c/i, "The path holds '%5c', which some parsers read as '/'."],
  [/%00/, "The path holds '%00', at which some parsers stop."],
  [/\/(?:\.|%2e){1,2}(?:\/|$)/i, "The path holds a dot segment ('.' or '..'). Send it resolved."],
];

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function decide(table: Table, req: IncomingMessage): Match {
  const { method = '', url = '' } = req;
  if (countHosts(req) > 1) return refused(400, url, 'The request has two Host headers. Send one.');
  return find(table, method, url);
}

/** Node keeps the first of two in req.headers; headersDistinct would rebuild them all each time. */
export function countHosts({ rawHeaders }: IncomingMessage): number {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts++;
  }
  return hosts;
}

function find(table: Table, method: string, rawTarget: string): Match {
  const { url: target, authority } = originForm(rawTarget);
  if (authority !== undefined && !isAuthority(authority))
    return refused(400, target, 'The target names no valid host. Write host or host:port.');
  const path = pathOf(target);
  const doubt = ambiguity(path);
  if (doubt) return refused(400, target, doubt);

  const key = withoutSlash(path);
  // Safe to try first, since no route lies inside a mount.
  const exact = table.fixed.get(method)?.get(key);
  if (exact) return { kind: 'route', route: exact, params: {}, target, url: target };

  const search: Search = { path: key, method, values: [], mount: undefined, allowed: undefined };
  const end = descend(table.root, 1, search);
  const { mount, values, allowed } = search;
  if (mount && mount.prefix !== '') return intoMount(mount, target);
  if (end) return withParams(end, values, target);
  if (mount) return intoMount(mount, target);
  if (allowed) return otherMethod(method, target, allowed);
  return refused(404, target, kept404(table, target).detail);
}

function intoMount(mount: Mount, target: string): Match {
  const url = stripPrefix(target, mount.prefix) ?? target;
  return { kind: 'mount', mount, target, url };
}

function withParams({ route, names }: Endpoint, values: string[], target: string): Match {
  const params: Record<string, string> = Object.create(noPrototype);
  for (let i = 0; i < names.length; i++) {
    const value = values[i] ?? '';
    // ambiguity() refused what does not decode
    params[names[i] ?? ''] = value.includes('%') ? (decode(value) ?? '') : value;
  }
  return { kind: 'route', route, params, target, url: target };
}

// Made with null itself, an object is a hash table to V8: twice the cost of a look-up with params.
const noPrototype: object = Object.create(null);

function otherMethod(method: string, target: string, allowed: Set<string>): Match {
  if (allowed.has('GET')) allowed.add('HEAD');
  const allow = [...allowed.add('OPTIONS')].sort().join(', ');
  if (method === 'OPTIONS') return { kind: 'options', allow, target, url: target };
  return { ...refused(405, target, `${method} is not answered here. Use ${allow}.`), allow };
}

function refused(
  status: 400 | 404 | 405,
  target: string,
  detail: string,
): Refusal & { target: string; url: string } {
  return { kind: 'refused', status, detail, target, url: target };
}

function pathOf(target: string): string {
  const query = target.indexOf('?');
  return query === -1 ? target : target.slice(0, query);
}

// '/items/' -> '/items'   '/' -> ''   '/items//' -> '/items/': one slash, never more
function withoutSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path;
}

// What nothing answers is asked for again and again: by a client with a wrong URL, by browsers for
// an icon. To say anew what is near, and to make the same JSON of it, is a tenth of a request.
function kept404(table: Table, target: string): Kept404 {
  const known = table.kept404s.get(target);
  if (known) return known;
  // not clear(): V8 chains the tables of one Map, and an old one keeps all that came after
  if (table.kept404s.size === maxKept404s) table.kept404s = new Map();
  const kept = { detail: notFound(table, pathOf(target)), reply: undefined };
  table.kept404s.set(target, kept);
  return kept;
}

const maxKept404s = 100; // a router: some 100 KB, or 7 MB where each is as long as Node lets it be

interface Kept404 {
  detail: string;
  reply: Reply | undefined;
}

/** Says what is there instead: the nearest entries, and a mount that was nearly meant. */
function notFound(table: Table, path: string): string {
  const why = firstDefined(table.mounts.slice(0, missesTried), mount =>
    nearMiss(path, mount.prefix),
  );
  return `Nothing answers ${path}. ${why ? `${why} ` : ''}Nearest: ${nearest(table, path)}.`;
}

const missesTried = 20; // mounts compared on a 404, so that its cost has a bound
const nearestShown = 5; // enough to see the mistake, few enough to read in a terminal

function firstDefined<T, R>(list: T[], pick: (entry: T) => R | undefined): R | undefined {
  for (const entry of list) {
    const picked = pick(entry);
    if (picked !== undefined) return picked;
  }
  return undefined;
}

/** Why a mount that looks meant was passed over; undefined when it was not even close. */
export function nearMiss(path: string, prefix: string): string | undefined {
  if (prefix === '' || stripPrefix(path, prefix) !== undefined) return undefined;
  const plain = `'${prefix}' is mounted, but`;
  if (path.startsWith(prefix)) return `${plain} a prefix ends at a segment: '${prefix}/…'.`;
  if (path.includes('//') && stripPrefix(path.replace(/\/{2,}/g, '/'), prefix))
    return `${plain} slashes are never merged.`;
  if (path.includes('%') && stripPrefix(decode(path) ?? path, prefix))
    return `${plain} a path is compared before it is decoded.`;
  if (stripPrefix(path.toLowerCase(), prefix.toLowerCase()))
    return `${plain} upper and lower case differ in a path.`;
  return undefined;
}

function nearest(table: Table, path: string): string {
  const node = lastKnown(table.root, path);
  const known = table.nearest.get(node);
  if (known !== undefined) return known;
  const found: string[] = [];
  collect(node, found);
  const text = found.join(', ') || 'nothing at all';
  table.nearest.set(node, text);
  return text;
}

/** Where the path leaves the tree. */
function lastKnown(root: Node, path: string): Node {
  let node = root;
  for (let from = 1; from <= path.length; ) {
    const end = segmentEnd(path, from);
    const child =
      node.children?.get(path.slice(from, end)) ?? (end === from ? undefined : node.param);
    if (!child) break;
    node = child;
    from = end + 1;
  }
  return node;
}

function collect(node: Node, found: string[]): void {
  if (node.mount) found.push(`${node.mount.prefix || ''}/…`);
  const [first] = node.endpoints ?? [];
  const methods = node.endpoints?.map(({ route }) => route.method).join(' or ');
  if (first) found.push(`${methods} ${first.route.path}`);
  if (node.param) collect(node.param, found);
  for (const child of node.children?.values() ?? []) {
    if (found.length >= nearestShown) return;
    collect(child, found);
  }
}

/** A route or mount that could never answer. The message names the remedy. */
export class RegistrationError extends Error {}

interface Table {
  root: Node;
  /**
   * By method, then by path, where that has no params. Most requests need no more; and from a path
   * straight to its route, since at 10,000 each step between is memory that no cache holds.
   */
  fixed: Map<string, Map<string, Route>>;
  entries: (Route | Mount)[];
  mounts: Mount[];
  /** What a 404 says is near, by where the path left the tree. */
  nearest: Map<Node, string>;
  /** By target, up to a hundred since it was last emptied. Each registration empties both. */
  kept404s: Map<string, Kept404>;
}

/**
 * One segment of the registered paths. Most nodes are leaves with one route, so nothing is made
 * before it is needed: with two Maps in each, 10,000 routes took five times as long to look up as 10.
 */
interface Node {
  children: Map<string, Node> | undefined;
  param: Node | undefined;
  endpoints: Endpoint[] | undefined;
  mount: Mount | undefined;
}

/** One method's. */
interface Endpoint {
  route: Route;
  /** Of the params, in order; the tree keeps only their places. */
  names: string[];
}

interface Search {
  path: string;
  method: string;
  values: string[];
  /** The longest that holds the path: prefixes have no params, and fixed segments come first. */
  mount: Mount | undefined;
  /** Methods that would have been answered on this path. */
  allowed: Set<string> | undefined;
}

function newNode(): Node {
  return { children: undefined, param: undefined, endpoints: undefined, mount: undefined };
}

/** Segment by segment, fixed ones before params; depth and work are bounded by what is registered. */
function descend(node: Node, from: number, search: Search): Endpoint | undefined {
  const { path, method, values } = search;
  if (node.mount) search.mount = node.mount;
  if (from > path.length) {
    const found = endpoint(node, method);
    if (!found && node.endpoints) allow(search, node.endpoints);
    return found;
  }
  const end = segmentEnd(path, from);
  const segment = path.slice(from, end);
  const child = node.children?.get(segment);
  const found = child && descend(child, end + 1, search);
  if (found || !node.param || segment === '') return found;
  values.push(segment);
  const below = descend(node.param, end + 1, search);
  if (!below) values.pop();
  return below;
}

function allow(search: Search, endpoints: Endpoint[]): void {
  search.allowed ??= new Set();
  for (const { route } of endpoints) search.allowed.add(route.method);
}

// HEAD follows GET (RFC 9110, 9.3.2)
function endpoint(node: Node, method: string): Endpoint | undefined {
  const own = node.endpoints?.find(({ route }) => route.method === method);
  return own ?? (method === 'HEAD' ? endpoint(node, 'GET') : undefined);
}

function longestMount(root: Node, path: string): Mount | undefined {
  let longest = root.mount;
  let node: Node | undefined = root;
  for (let from = 1; from <= path.length; ) {
    const end = segmentEnd(path, from);
    node = node.children?.get(path.slice(from, end));
    if (!node) return longest;
    longest = node.mount ?? longest;
    from = end + 1;
  }
  return longest;
}

function segmentEnd(path: string, from: number): number {
  const end = path.indexOf('/', from);
  return end === -1 ? path.length : end;
}

function register(table: Table, route: Route): void {
  const call = `${route.method.toLowerCase()}('${route.path}')`;
  const key = withoutSlash(route.path);
  const segments = checkedSegments(call, route.path);
  const above = longestMount(table.root, key);
  if (above && above.prefix !== '')
    throw new RegistrationError(
      `${call} can never be reached: '${above.prefix}' is mounted above it.`,
    );

  const names = segments.filter(isParam).map(segment => segment.slice(1));
  if (new Set(names).size < names.length)
    throw new RegistrationError(`${call}: two params have one name. Name them apart.`);
  const there = nodeAt(table.root, segments)?.endpoints;
  const twin = there?.find(endpoint => endpoint.route.method === route.method)?.route;
  if (twin)
    throw new RegistrationError(
      `${call}: ${route.method} ${twin.path} is already there. Remove one of them.`,
    );
  const node = segments.reduce(childFor, table.root);
  node.endpoints ??= [];
  node.endpoints.push({ route, names });
  if (names.length === 0) fixedFor(table, route.method).set(key, route);
  table.entries.push(route);
  forget404s(table);
}

function forget404s(table: Table): void {
  table.nearest.clear();
  table.kept404s = new Map();
}

function fixedFor({ fixed }: Table, method: string): Map<string, Route> {
  const routes = fixed.get(method) ?? new Map();
  fixed.set(method, routes);
  return routes;
}

function registerMount(table: Table, prefix: string, app: App): void {
  const call = `mount('${prefix}')`;
  if (prefix.length > 1 && prefix.endsWith('/'))
    throw new RegistrationError(
      `${call}: a prefix does not end in '/'. Write '${prefix.replace(/\/+$/, '')}'.`,
    );
  const segments = checkedSegments(call, prefix);
  if (segments.some(isParam))
    throw new RegistrationError(`${call}: a prefix has no params. Spell it out.`);

  const there = nodeAt(table.root, segments);
  if (there?.mount)
    throw new RegistrationError(`${call}: another app is mounted there. Choose another prefix.`);
  const hidden = prefix === '/' || !there ? undefined : anyRoute(there);
  if (hidden)
    throw new RegistrationError(
      `${call} would hide ${hidden.method} ${hidden.path}. Route it in that app.`,
    );
  const mount: Mount = { kind: 'mount', prefix: withoutSlash(prefix), app };
  segments.reduce(childFor, table.root).mount = mount;
  table.entries.push(mount);
  table.mounts.push(mount);
  forget404s(table);
}

function checkedSegments(call: string, path: string): string[] {
  const key = withoutSlash(path);
  if (path[0] !== '/')
    throw new RegistrationError(`${call}: a path starts with '/'. Write '/${key}'.`);
  if (key === '') return [];
  const segments = key.slice(1).split('/');
  if (segments.includes(''))
    throw new RegistrationError(`${call}: '//' never matches. Write one '/'.`);
  if (/[?*]/.test(key))
    throw new RegistrationError(
      `${call}: '?' and '*' have no meaning in a path. Mount an app for a subtree.`,
    );
  const doubt = ambiguity(key);
  if (doubt)
    throw new RegistrationError(
      `${call} can never be reached: such a request is refused. ${doubt}`,
    );
  const odd = segments.find(segment => segment.includes(':') && !isParam(segment));
  if (odd)
    throw new RegistrationError(`${call}: a param is a whole segment, ':name'. '${odd}' is not.`);
  return segments;
}

function isParam(segment: string): boolean {
  return /^:[A-Za-z_]\w*$/.test(segment);
}

/** The node of a registered path, without making one: what fails leaves no trace. */
function nodeAt(root: Node, segments: string[]): Node | undefined {
  return segments.reduce<Node | undefined>(
    (node, segment) => (isParam(segment) ? node?.param : node?.children?.get(segment)),
    root,
  );
}

function childFor(node: Node, segment: string): Node {
  if (isParam(segment)) {
    node.param ??= newNode();
    return node.param;
  }
  node.children ??= new Map();
  const child = node.children.get(segment) ?? newNode();
  node.children.set(segment, child);
  return child;
}

function anyRoute(node: Node): Route | undefined {
  if (node.endpoints) return node.endpoints[0]?.route;
  const children = [...(node.children?.values() ?? []), ...(node.param ? [node.param] : [])];
  return firstDefined(children, child => (child.mount ? undefined : anyRoute(child)));
}

/** What mounting leaves on a request. Absent until a router, or a host like Express, saw it. */
type Mounted = IncomingMessage & {
  originalUrl?: string;
  baseUrl?: string;
  params?: Record<string, string>;
};

/**
 * The one mutation, never undone: an async app reads `req.url` after an await.
 * ASGI: root_path grows, path does not; here, as in Express, originalUrl stays and url shrinks.
 */
function enter(req: Mounted, match: Match): void {
  req.originalUrl ??= match.target;
  req.url = match.url;
  if (match.kind === 'route') req.params = match.params;
  if (match.kind === 'mount') req.baseUrl = (req.baseUrl ?? '') + match.mount.prefix;
}

function answer(table: Table, req: Mounted, res: ServerResponse, match: Match): unknown {
  if (match.kind === 'mount') return match.mount.app(req, res);
  // enter() has just set what a handler's type adds to a request
  if (match.kind === 'route') return match.route.handler(req as never, res);
  if (match.kind === 'options') return res.writeHead(204, { Allow: match.allow }).end();
  const { status, detail, allow } = match;
  if (status === 404) return answer404(table, req, res, match.target);
  return sendProblem(res, { status, detail }, allow === undefined ? {} : { Allow: allow });
}

function answer404(table: Table, req: Mounted, res: ServerResponse, target: string): void {
  const root = rootPath(req);
  const kept = kept404(table, target);
  if (root) {
    const detail = `Below ${root}: ${kept.detail}`; // a router may be mounted twice
    return void sendProblem(res, { status: 404, detail });
  }
  const problem = { status: 404, detail: kept.detail };
  kept.reply ??= replyOf(problem);
  send(res, problem, kept.reply);
}

/** RFC 9457. `detail` says what to do; further members are extensions. */
export interface Problem {
  status: number;
  detail: string;
  [extension: string]: unknown;
}

/** What `problemSent` carries. */
export interface ProblemEvent {
  res: ServerResponse;
  problem: Problem;
}

/** Published when a problem is the answer, so that a trace can say why. */
export const problemSent = channel('mcp-mount:router:problem-sent');

/** Answers with `application/problem+json`. */
export function sendProblem(
  res: ServerResponse,
  problem: Problem,
  headers: Record<string, string> = {},
): void {
  send(res, problem, replyOf(problem), headers);
}

interface Reply {
  body: string;
  /** Bytes. */
  length: number;
}

function replyOf(problem: Problem): Reply {
  const title = STATUS_CODES[problem.status] ?? 'Error';
  const body = JSON.stringify({ type: 'about:blank', title, ...problem });
  return { body, length: Buffer.byteLength(body) };
}

function send(
  res: ServerResponse,
  problem: Problem,
  { body, length }: Reply,
  headers?: Record<string, string>,
): void {
  if (problemSent.hasSubscribers) problemSent.publish({ res, problem });
  // made for each answer: whoever wraps writeHead may add to it
  const head = {
    'Content-Type': 'application/problem+json',
    'Content-Length': length,
    'Cache-Control': 'no-store',
  };
  res.writeHead(problem.status, headers ? { ...head, ...headers } : head).end(body);
}

function fail(res: ServerResponse): void {
  if (res.writableEnded) return; // answered whole before it threw
  if (res.headersSent) return void res.destroy();
  // What the handler had set described another body; what a guard set still holds.
  for (const name of res.getHeaderNames())
    if (!/^(access-control-|vary)/.test(name)) res.removeHeader(name);
  sendProblem(res, { status: 500, detail: 'The server failed on this request. Its log says why.' });
}

function logError(error: unknown, req: Mounted): void {
  console.error(`${req.method} ${req.originalUrl}:`, error);
}

const published = new WeakSet<ServerResponse>();

function publish(req: Mounted, res: ServerResponse, match: Match): void {
  const event: RequestEvent = { req, res, rootPath: rootPath(req), match };
  matched.publish(event);
  if (published.has(res)) return; // by a router further out
  published.add(res);
  res.once('close', () => answered.publish(event));
}

async function closeAll(mounts: Mount[]): Promise<void> {
  const apps = new Set(mounts.map(mount => mount.app).reverse());
  const errors: unknown[] = [];
  for (const app of apps) {
    try {
      await app.close?.();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, 'An app failed to close.');
}
