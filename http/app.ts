/**
 * The mount contract, as types. An App is Node's own request listener, so whatever is one can be
 * mounted (an Express app, connect, sirv, an SDK's handler), and a router can be mounted in each.
 * In ASGI's words: `Mount`, `root_path` and `path`.
 *
 *  1. A target is matched purely, and a request entered once: `url`, `originalUrl` and `baseUrl`
 *     are set in one place and never restored, since an app reads them after an await.
 *  2. An app finds where it is mounted with `rootPath(req)`: originalUrl minus the trailing url.
 *  3. A prefix holds whole segments, byte for byte. Nothing is decoded, folded or redirected.
 *  4. The longest prefix wins in any order. Under a mount nothing else answers.
 *  5. A route answers one method and one path; a path has one spelling, or is refused with 400.
 *  6. With a host's `next` a router is a guest: what it does not answer is the host's.
 *  7. An app is awaited. What it throws is a 500, or the end of the connection, and is logged once.
 *  8. `close()` closes what is mounted, in reverse order, each once. ASGI: lifespan shutdown.
 *  9. What could never answer is refused when it is registered.
 *
 * What of it can be seen from around an app is there to be run, in contract.ts.
 *
 * Of mcp-mount, MIT.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

/** Owns a subtree of paths. It reads `req.url`, which starts where its prefix ended. */
export interface App {
  (req: IncomingMessage, res: ServerResponse): unknown;
  /** Ends what the app holds open: streams, sessions, timers. */
  close?(): Promise<void>;
}

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

/** A router is an App. */
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
  /** Everything registered, in order of registration: the router's own, so not to be written to. */
  list(): readonly Entry[];
  /** Closes the mounted apps in reverse order, each once; throws what they threw, at the end. */
  close(): Promise<void>;
}

/**
 * Throws at once on a path that could never answer, naming the remedy. `about` is carried along
 * for whoever reads the listing: an app that documents the routes, and refusals (see About).
 */
export type AddRoute = <Path extends string>(
  path: Path,
  handler: Handler<Path>,
  about?: object,
) => Router;

/** What a refusal (near.ts) and explain make their words of, where a route's `about` has it. */
export interface About {
  /** What a client that came with another method is to be told: `'A stream: GET it.'` */
  otherMethod?: string;
  /** This route lists the others: where a 404 points when nothing is near. */
  listing?: boolean;
  /** What its handler answers to a request without headers, query and body, where it refuses that. */
  bare?: { status: number; detail: string };
}

/** What is registered, as `list()` shows it. */
export type Entry = Route | Mount;

/** One handler, on one method and one path as it was registered. */
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
  | Refused
);

/** 400 says why in `doubt`; 405 names the routes that answer the path with `others`' methods. */
export type Refused =
  | { kind: 'refused'; status: 400; doubt: string }
  | { kind: 'refused'; status: 404 }
  | { kind: 'refused'; status: 405; allow: string; others: Route[] };

/** A request, and what mounting leaves on it. Absent until a router, or a host, has entered it. */
export type Mounted = IncomingMessage & {
  originalUrl?: string;
  /** For Express's sake: its routers go by it. */
  baseUrl?: string;
  params?: Record<string, string>;
};
