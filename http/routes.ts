/**
 * What is registered where, and which entry takes a target: one tree, a node a segment. To look
 * up is pure; the words for what is refused are made by who answers (near.ts).
 *
 * Of mcp-mount, MIT.
 */
import type { Entry, Match, Mount, Route } from './app.ts';
import { ambiguity, decode, isAuthority, originForm, pathOf, withoutSlash } from './target.ts';

export interface Routes {
  /** In order of registration. */
  entries: Entry[];
  root: Node;
}

export function newRoutes(): Routes {
  return { entries: [], root: newNode() };
}

/** What takes this request. For a mount, `url` is still the whole target. */
export function find(routes: Routes, method: string, rawTarget: string): Match {
  const { url: target, authority } = originForm(rawTarget);
  if (authority !== undefined && !isAuthority(authority))
    return badRequest('The target names no valid host. Write host or host:port.', target);
  const path = pathOf(target);
  const doubt = ambiguity(path);
  if (doubt) return badRequest(doubt, target);

  const search: Search = {
    path: withoutSlash(path),
    method,
    values: [],
    mount: routes.root.mount,
    others: [],
  };
  const end = descend(routes.root, 1, search);
  const { mount, others } = search;
  if (mount && mount.prefix !== '') return { kind: 'mount', mount, target, url: target };
  if (end) return withParams(end, search.values, target);
  if (mount) return { kind: 'mount', mount, target, url: target };
  if (others.length > 0) return otherMethod(method, target, others);
  return { kind: 'refused', status: 404, target, url: target };
}

/** A 400 of the look-up, for who refuses by a rule of his own. */
export function badRequest(doubt: string, target: string): Match {
  return { kind: 'refused', status: 400, doubt, target, url: target };
}

function withParams({ route, names }: Endpoint, values: string[], target: string): Match {
  const params: Record<string, string> = Object.create(null); // no name is special
  for (const [i, name] of names.entries()) {
    const value = values[i] ?? '';
    params[name] = decode(value) ?? ''; // ambiguity() refused what does not decode
  }
  return { kind: 'route', route, params, target, url: target };
}

function otherMethod(method: string, target: string, others: Route[]): Match {
  const methods = new Set(['OPTIONS', ...others.map(route => route.method)]);
  if (methods.has('GET')) methods.add('HEAD');
  const allow = [...methods].sort().join(', ');
  if (method === 'OPTIONS') return { kind: 'options', allow, target, url: target };
  return { kind: 'refused', status: 405, allow, others, target, url: target };
}

/** One segment of the registered paths. Most are leaves: nothing is made before it is needed. */
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
  /** What answers this path with another method. */
  others: Route[];
}

function newNode(): Node {
  return { children: undefined, param: undefined, endpoints: undefined, mount: undefined };
}

/** Segment by segment, fixed ones before params; depth and work are bounded by what is registered. */
function descend(node: Node, from: number, search: Search): Endpoint | undefined {
  const { path, method, values } = search;
  if (node.mount) search.mount = node.mount;
  if (from > path.length) return endpointAt(node, method, search);
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

function endpointAt({ endpoints = [] }: Node, method: string, search: Search) {
  const found =
    endpoints.find(({ route }) => route.method === method) ??
    // HEAD follows GET (RFC 9110, 9.3.2)
    (method === 'HEAD' ? endpoints.find(({ route }) => route.method === 'GET') : undefined);
  if (!found) for (const { route } of endpoints) search.others.push(route);
  return found;
}

function segmentEnd(path: string, from: number): number {
  const end = path.indexOf('/', from);
  return end === -1 ? path.length : end;
}

/** A route or mount that could never answer. The message names the remedy. */
export class RegistrationError extends Error {}

/** @throws RegistrationError for a route that could never answer */
export function addRoute(routes: Routes, route: Route): void {
  const { method, path, handler } = route;
  const call = `${method.toLowerCase()}(${shown(path)})`;
  const segments = checkedSegments(call, path);
  if (typeof handler !== 'function')
    throw new RegistrationError(
      `${call}: ${notCallable(handler)}. Give a handler: (req, res) => …`,
    );
  const above = longestMount(routes.root, segments);
  if (above && above.prefix !== '')
    throw new RegistrationError(
      `${call} can never be reached: '${above.prefix}' is mounted above it.`,
    );

  const names = segments.filter(isParam).map(segment => segment.slice(1));
  if (new Set(names).size < names.length)
    throw new RegistrationError(`${call}: two params have one name. Name them apart.`);
  const there = nodeAt(routes.root, segments)?.endpoints;
  const twin = there?.find(endpoint => endpoint.route.method === method)?.route;
  if (twin)
    throw new RegistrationError(
      `${call}: ${method} ${twin.path} is already there. Remove one of them.`,
    );
  const node = segments.reduce(childFor, routes.root);
  node.endpoints ??= [];
  node.endpoints.push({ route, names });
  routes.entries.push(route);
}

/** @throws RegistrationError for a mount that could never answer, or that would hide a route */
export function addMount(routes: Routes, { prefix, app }: Omit<Mount, 'kind'>): void {
  const call = `mount(${shown(prefix)})`;
  if (typeof prefix === 'string' && prefix.length > 1 && prefix.endsWith('/'))
    throw new RegistrationError(
      `${call}: a prefix does not end in '/'. Write '${prefix.replace(/\/+$/, '')}'.`,
    );
  const segments = checkedSegments(call, prefix);
  if (segments.some(isParam))
    throw new RegistrationError(`${call}: a prefix has no params. Spell it out.`);
  if (typeof app !== 'function')
    throw new RegistrationError(`${call}: ${notCallable(app)}. Give an app: (req, res) => …`);

  const there = nodeAt(routes.root, segments);
  if (there?.mount)
    throw new RegistrationError(`${call}: another app is mounted there. Choose another prefix.`);
  const hidden = prefix === '/' || !there ? undefined : anyRoute(there);
  if (hidden)
    throw new RegistrationError(
      `${call} would hide ${hidden.method} ${hidden.path}. Route it in that app.`,
    );
  const mount: Mount = { kind: 'mount', prefix: withoutSlash(prefix), app };
  segments.reduce(childFor, routes.root).mount = mount;
  routes.entries.push(mount);
}

function checkedSegments(call: string, path: unknown): string[] {
  if (typeof path !== 'string')
    throw new RegistrationError(`${call}: a path is a string. Write '/items/:id', say.`);
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

function shown(path: unknown): string {
  return typeof path === 'string' ? `'${path}'` : String(path);
}

function notCallable(given: unknown): string {
  if (given === undefined) return 'nothing is given to answer it';
  const fetches = typeof given === 'object' && given !== null && 'fetch' in given;
  if (fetches) return 'an object with fetch() is no Node listener: wrap it in its Node adapter';
  return `${given === null ? 'null' : `this ${typeof given}`} is no function`;
}

function isParam(segment: string): boolean {
  return /^:[A-Za-z_]\w*$/.test(segment);
}

function longestMount(root: Node, segments: string[]): Mount | undefined {
  let longest = root.mount;
  let node: Node | undefined = root;
  for (const segment of segments) {
    node = node.children?.get(segment);
    if (!node) return longest;
    longest = node.mount ?? longest;
  }
  return longest;
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

/** One at or below this node that a mount here would hide. */
function anyRoute(node: Node): Route | undefined {
  if (node.endpoints) return node.endpoints[0]?.route;
  const below = [...(node.children?.values() ?? []), ...(node.param ? [node.param] : [])];
  for (const child of below) {
    const route = child.mount ? undefined : anyRoute(child);
    if (route) return route;
  }
  return undefined;
}
