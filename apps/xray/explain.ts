/**
 * Where a request would go and why, in words, without serving: the router's own pure match, told.
 *
 *     npm run explain -- POST /mcp/messages
 */
import type { ServerResponse } from 'node:http';
import type { About, App, Match, Mount, Route, Router } from '../../http/app.ts';
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

/** The whole story, for a terminal: what becomes of it, and then why, mount by mount. */
export function explain(router: Router, method: string, target: string): string {
  const hops = trace(router, method, target);
  const last = hops.at(-1);
  const verdict = last
    ? [`${method} ${target} ${outcome(last, method)}`, ...bareOf(last, method)]
    : [];
  return [...verdict, ...hops.flatMap(hop => ['', ...tell(hop, method)])].join('\n');
}

function outcome({ router, rootPath, match }: Hop, method: string): string {
  if (match.kind === 'route') {
    const at = rootPath === '' ? '' : ` of the app at ${rootPath}`;
    return `is answered by ${nameOf(match.route)}${at}.`;
  }
  if (match.kind === 'options') return `is answered with 204, Allow: ${match.allow}.`;
  if (match.kind === 'refused')
    return `is refused with ${match.status}. ${refusal(match, { method, rootPath, entries: router.list() })}`;
  return `is handed to the app at ${rootPath + match.mount.prefix || '/'}.`;
}

/** A route may take what its handler then refuses: GET /mcp, of a client without a session. */
function bareOf({ match }: Hop, method: string): string[] {
  if (match.kind !== 'route' || match.route.method !== method) return [];
  const { bare }: About = match.route.about; // as near.ts reads it: nothing else is looked at
  return bare
    ? [`With no header, query or body, as curl sends it: ${bare.status}. ${bare.detail}`]
    : [];
}

function tell(hop: Hop, method: string): string[] {
  const { rootPath, match } = hop;
  return [
    `At ${rootPath || 'the root'} ${taker(match)}.`,
    ...split(hop),
    ...passedOver(hop, method),
  ];
}

function taker(match: Match): string {
  if (match.kind === 'route') return `the route ${nameOf(match.route)} takes it`;
  if (match.kind === 'options') return 'the routes of its path take it together';
  if (match.kind === 'refused') return 'nothing takes it';
  const { prefix } = match.mount;
  if (prefix === '') return 'the mount / takes it, as it takes what nothing else takes';
  return `the mount ${prefix} takes it, the longest prefix that holds whole segments of it`;
}

/** Each entry that came near, with its reason; the others are counted. */
function passedOver({ router, match }: Hop, method: string): string[] {
  if (match.kind === 'refused' && match.status === 400) return []; // nothing was looked at
  const passed = router.list().filter(entry => !isTaken(entry, match));
  const near = passed.flatMap(entry => {
    const reason = whyNot(entry, match, method);
    return reason === undefined ? [] : [`  ${nameOf(entry).padEnd(22)} ${reason}`];
  });
  const others = passed.length - near.length;
  const counted = `${others} other path${others === 1 ? '' : 's'}`;
  if (near.length === 0) return others === 0 ? [] : [`Passed over: ${counted}`];
  return ['Passed over:', ...near, ...(others === 0 ? [] : [`  and ${counted}`])];
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

/** undefined for what is just another path. */
function whyNot(entry: Route | Mount, match: Match, method: string): string | undefined {
  const path = match.target.split('?', 1)[0] ?? '';
  if (entry.kind === 'route') return whyNotRoute(entry, match, method);
  if (entry.prefix === '') return 'takes only what nothing else takes';
  if (stripPrefix(path, entry.prefix) !== undefined) return 'holds it too, but is shorter';
  return nearMiss(path, entry.prefix);
}

function whyNotRoute(route: Route, match: Match, method: string): string | undefined {
  if (!hasPath(route, match.target)) return undefined;
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
 * from this machine: `X-Mount: root='/mcp'; url='/sse'`, each spelt as explain has it.
 */
export function mountHeader(router: Router): Router {
  const shown: App = (req, res: ServerResponse) => {
    if (req.headers['x-mount'] !== undefined && isLocal(req.socket.remoteAddress)) {
      const last = trace(router, req.method ?? '', req.url ?? '', rootPath(req)).at(-1);
      if (last) res.setHeader('X-Mount', `root='${rootBelow(last)}'; url='${last.match.url}'`);
    }
    return router(req, res);
  };
  return Object.assign(shown, router);
}

function isLocal(address = ''): boolean {
  return /^(::ffff:)?127\.|^::1$/.test(address);
}
