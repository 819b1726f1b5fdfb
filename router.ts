/**
 * The mount: plain handlers on routes, whole apps on path prefixes, on bare node:http.
 *
 *     GET /mcp/sse?x=1
 *         └┬─┘└──┬───┘
 *       rootPath  req.url            req.originalUrl = the whole of it
 *
 *     const router = createRouter();
 *     router.get('/items/', (req, res) => res.end('[]'));
 *     router.mount('/mcp', app); // any (req, res) function; FastAPI: app.mount('/mcp', …)
 *     createServer(router);      // a router is one, too
 *
 * What an App may rely on is in http/app.ts. How a path is looked up is in http/routes.ts, which
 * targets are refused in http/target.ts, and what a refusal says in http/near.ts.
 *
 * Of mcp-mount, MIT.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddRoute, App, Entry, Handler, Match, Mounted, Router } from './http/app.ts';
import { isHeard, publish } from './http/channels.ts';
import { logRequestError } from './http/log.ts';
import { refusal } from './http/near.ts';
import { aFunction, given } from './http/options.ts';
import { sendFailure, sendProblem } from './http/problem.ts';
import { addMount, addRoute, badRequest, find, newRoutes } from './http/routes.ts';
import { countHosts } from './http/target.ts';

export type { App, Handler, Match, Mount, Params, Route, Router } from './http/app.ts';
export { RegistrationError } from './http/routes.ts';

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
  const { originalUrl, url = '' }: Mounted = req;
  if (originalUrl === undefined) return ''; // no router has taken it yet
  if (originalUrl.endsWith(url)) return originalUrl.slice(0, originalUrl.length - url.length);
  // '/mcp?x' was entered as '/?x', and '/mcp' as '/': that slash is ours
  const rest = url.slice(1);
  return originalUrl.endsWith(rest) ? originalUrl.slice(0, originalUrl.length - rest.length) : '';
}

/**
 * The one mutation of a request, never undone: an async app reads `req.url` after an await.
 * ASGI: root_path grows, path does not; here, as in Express, originalUrl stays and url shrinks.
 */
function enter(req: Mounted, match: Match): void {
  req.originalUrl ??= match.target;
  req.url = match.url;
  if (match.kind === 'route') req.params = match.params;
  if (match.kind === 'mount') req.baseUrl = (req.baseUrl ?? '') + match.mount.prefix; // Express's name
}

/** Of `createRouter`. */
export interface RouterOptions {
  /** Told what an app or handler threw. The client is told 500, or cut off in mid-answer. */
  onError?: ((error: unknown, req: IncomingMessage) => void) | undefined;
}

/**
 * A router without routes: an App, to be served, nested, or put into a host such as Express.
 *
 * @throws TypeError that names the option which can't be
 */
export function createRouter(options: RouterOptions = {}): Router {
  const { onError = logRequestError } = given('createRouter', options, { onError: aFunction });
  const routes = newRoutes();

  async function serve(req: Mounted, res: ServerResponse, next?: () => void): Promise<void> {
    const match = decide(req);
    if (next && !isOurs(req, match)) return next(); // as it came: nothing is rewritten
    try {
      if (isHeard()) publish({ req, res, rootPath: rootPath(req), match, entries: routes.entries });
      enter(req, match);
      await handOver(req, res, match, routes.entries);
    } catch (error) {
      sendFailure(res); // 500 where no head is out yet, else the end of the connection
      onError(error, req);
    }
  }

  function decide(req: Mounted): Match {
    const { method = '', url = '' } = req;
    if (countHosts(req) < 2) return lookUp(method, url);
    return badRequest('The request has two Host headers. Send one.', url);
  }

  /** Pure: which entry takes the target (routes.ts), and where its prefix comes off. */
  function lookUp(method: string, target: string): Match {
    const found = find(routes, method, target);
    if (found.kind !== 'mount') return found;
    const url = stripPrefix(found.target, found.mount.prefix);
    return { ...found, url: url ?? found.target }; // find() goes by the same rule: there is a url
  }

  /**
   * With a `next` the router is a guest in an app like Express. It keeps what its routes and mounts
   * take, and a 400 for a target that begins with one of its prefixes; all else is the host's.
   */
  function isOurs({ url = '' }: Mounted, match: Match): boolean {
    if (match.kind === 'route' || match.kind === 'mount') return true;
    if (match.kind !== 'refused' || match.status !== 400) return false;
    return routes.entries.some(entry => entry.kind === 'mount' && url.startsWith(entry.prefix));
  }

  function register(method: string): AddRoute {
    return (path, handler, about = {}) => {
      // enter() sets the params that the path's type promises the handler
      addRoute(routes, { kind: 'route', method, path, handler: handler as Handler, about });
      return router;
    };
  }

  const router: Router = Object.assign(serve, {
    get: register('GET'),
    post: register('POST'),
    put: register('PUT'),
    patch: register('PATCH'),
    delete: register('DELETE'),
    mount(prefix: string, app: App) {
      addMount(routes, { prefix, app });
      return router;
    },
    match: lookUp,
    list: () => routes.entries,
    close: () => closeAll(routes.entries),
  });
  return router;
}

function handOver(req: Mounted, res: ServerResponse, match: Match, entries: Entry[]): unknown {
  if (match.kind === 'mount') return match.mount.app(req, res);
  // enter() has just set what a handler's type adds to a request
  if (match.kind === 'route') return match.route.handler(req as never, res);
  if (match.kind === 'options') return res.writeHead(204, { Allow: match.allow }).end();
  const detail = refusal(match, { method: req.method ?? '', rootPath: rootPath(req), entries });
  const headers: Record<string, string> = match.status === 405 ? { Allow: match.allow } : {};
  return sendProblem(res, { status: match.status, detail }, headers);
}

/** ASGI's lifespan shutdown: in reverse order, each app once, whatever another one throws. */
async function closeAll(entries: Entry[]): Promise<void> {
  const apps = entries.flatMap(entry => (entry.kind === 'mount' ? [entry.app] : [])).reverse();
  const errors: unknown[] = [];
  for (const app of new Set(apps)) {
    try {
      await app.close?.();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, 'An app failed to close.');
}
