/**
 * Where a request would go and why, in words, without serving: the router's own pure match, told.
 *
 *     npm run explain -- POST /mcp/messages
 */
import type { ServerResponse } from 'node:http';
import type { App, Match, Mount, Route, Router } from '../../http/app.ts';
import { nearMiss, refusal, routerIn } from '../../http/near.ts';
import { createRouter, rootPath, stripPrefix } from '../../router.ts';

/** One router on a request's way, and what it decides. */
export interface Hop {
  router: Router;
  /** Where that router itself is mounted. */
  rootPath: string;
  match: Match;
}

/** Follows a request through mounted routers, guards left aside. Pure. */
export function trace(router: Router, method: string, target: string, rootPath = ''): Hop[] {
  const match = router.match(method, target);
  const hop = { router, rootPath, match };
  const next = match.kind === 'mount' ? routerIn(match.mount.app) : undefined;
  if (match.kind !== 'mount' || !next) return [hop];
  return [hop, ...trace(next, method, match.url, rootPath + match.mount.prefix)];
}

/** The whole story, for a terminal. */
export function explain(router: Router, method: string, target: string): string {
  const hops = trace(router, method, target);
  return [`${method} ${target}`, ...hops.flatMap(hop => ['', ...tell(hop, method)])].join('\n');
}

function tell(hop: Hop, method: string): string[] {
  const { router, rootPath, match } = hop;
  const where = rootPath === '' ? 'The router' : `The app at ${rootPath}, itself a router,`;
  const passed = router
    .list()
    .filter(entry => !isTaken(entry, match))
    .map(entry => `  ${nameOf(entry).padEnd(22)} ${whyNot(entry, match, method)}`);
  const list = match.kind === 'refused' && match.status === 400 ? [] : passed;
  return [
    `${where} ${outcome(hop, method)}`,
    ...split(hop),
    ...(list.length > 0 ? ['Passed over:', ...list] : []),
  ];
}

function outcome({ router, rootPath, match }: Hop, method: string): string {
  if (match.kind === 'route') return `answers it: ${nameOf(match.route)}.`;
  if (match.kind === 'options') return `answers it: 204, Allow: ${match.allow}.`;
  if (match.kind === 'refused')
    return `refuses it: ${match.status}. ${refusal(match, { method, rootPath, entries: router.list() })}`;
  const { prefix } = match.mount;
  if (prefix === '') return "hands it to the app at '/', which takes what nothing else takes.";
  return `hands it to the app at ${prefix}, the longest prefix that holds whole segments of it.`;
}

function split(hop: Hop): string[] {
  if (hop.match.kind === 'refused') return [];
  return [`  rootPath  '${rootBelow(hop)}'`, `  url       '${hop.match.url}'`];
}

/** The rootPath that the taker sees. */
function rootBelow({ rootPath, match }: Hop): string {
  return match.kind === 'mount' ? rootPath + match.mount.prefix : rootPath;
}

function isTaken(entry: Route | Mount, match: Match): boolean {
  return (
    (match.kind === 'route' && entry === match.route) ||
    (match.kind === 'mount' && entry === match.mount)
  );
}

function nameOf(entry: Route | Mount): string {
  return entry.kind === 'route' ? `${entry.method} ${entry.path}` : `mount ${entry.prefix || '/'}`;
}

function whyNot(entry: Route | Mount, match: Match, method: string): string {
  const path = match.target.split('?', 1)[0] ?? '';
  if (entry.kind === 'route') return whyNotRoute(entry, match, method);
  if (entry.prefix === '') return 'takes only what nothing else takes';
  if (stripPrefix(path, entry.prefix) !== undefined) return 'holds it too, but is shorter';
  return nearMiss(path, entry.prefix) ?? 'is no prefix of it';
}

function whyNotRoute(route: Route, match: Match, method: string): string {
  if (!hasPath(route, match.target)) return 'is another path';
  if (route.method !== method && !(route.method === 'GET' && method === 'HEAD'))
    return `is not for ${method}`;
  const first = match.kind === 'mount' ? 'a mounted prefix' : 'a fixed segment';
  return `holds it too, but ${first} goes before a param`;
}

// The route's own rule, asked of a router that has nothing else.
function hasPath(route: Route, target: string): boolean {
  const only = createRouter().get(route.path, () => {});
  return only.match('GET', target).kind === 'route';
}

/**
 * Says in a response header where the request was split, to a request that asks (`X-Mount: ?`)
 * from this machine: `X-Mount: root=/mcp; url=/sse`.
 */
export function mountHeader(router: Router): Router {
  const shown: App = (req, res: ServerResponse) => {
    if (req.headers['x-mount'] !== undefined && isLocal(req.socket.remoteAddress)) {
      const last = trace(router, req.method ?? '', req.url ?? '', rootPath(req)).at(-1);
      if (last) res.setHeader('X-Mount', `root=${rootBelow(last) || '/'}; url=${last.match.url}`);
    }
    return router(req, res);
  };
  return Object.assign(shown, router);
}

function isLocal(address = ''): boolean {
  return /^(::ffff:)?127\.|^::1$/.test(address);
}
