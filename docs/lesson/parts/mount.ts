/** What chapter 3 wrote, put away: the programs from chapter 4 on import it. */
import type { IncomingMessage, ServerResponse } from 'node:http';

export type Request = IncomingMessage & { baseUrl?: string };
export type App = (req: Request, res: ServerResponse) => unknown;

/** An app that hands what is below `prefix` to `app`, and all else to `otherwise`. */
export function mount(prefix: string, app: App, otherwise: App): App {
  return (req, res) => {
    const rest = stripPrefix(req.url ?? '', prefix);
    if (rest === undefined) return otherwise(req, res);
    req.baseUrl = rootPath(req) + prefix; // grows
    req.url = rest; // shrinks
    return app(req, res);
  };
}

/** Where the app that has this request is mounted; '' for one that is not. */
export function rootPath(req: Request): string {
  return req.baseUrl ?? '';
}

// '/shop/milk' -> '/milk'   '/shop' -> '/'   '/shop?x' -> '/?x'   '/shopping' -> undefined
export function stripPrefix(url: string, prefix: string): string | undefined {
  if (!url.startsWith(prefix)) return undefined;
  const rest = url.slice(prefix.length);
  if (rest === '' || rest[0] === '?') return `/${rest}`;
  return rest[0] === '/' ? rest : undefined;
}

export function answer(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, { 'Content-Type': 'application/json' });
  res.end(`${JSON.stringify(body)}\n`);
}

export function notFound(req: Request, res: ServerResponse): void {
  answer(res, 404, { detail: `Nothing answers ${rootPath(req)}${req.url}` });
}
