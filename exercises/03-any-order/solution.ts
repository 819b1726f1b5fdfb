import type { IncomingMessage, ServerResponse } from 'node:http';

type App = (req: IncomingMessage, res: ServerResponse) => void;

interface Mount {
  /** '' is the mount at '/': it fits every path. */
  prefix: string;
  app: App;
}

/** One app that hands each request to the mount it belongs to, in whatever order they are given. */
export function mountAll(mounts: Mount[]): App {
  // Sorted once, into a list of our own: the longest prefix is tried first.
  const longestFirst = [...mounts].sort((a, b) => b.prefix.length - a.prefix.length);
  return (req, res) => {
    const url = req.url ?? '';
    const mount = longestFirst.find(({ prefix }) => stripPrefix(url, prefix) !== undefined);
    if (mount === undefined) {
      res.statusCode = 404;
      res.end(`Nothing answers ${url}\n`);
      return;
    }
    req.url = stripPrefix(url, mount.prefix) ?? url;
    mount.app(req, res);
  };
}

/** What is left of `url` below `prefix`, or undefined where the prefix does not fit. */
function stripPrefix(url: string, prefix: string): string | undefined {
  if (!url.startsWith(prefix)) return undefined;
  const rest = url.slice(prefix.length);
  if (rest === '' || rest[0] === '?') return `/${rest}`;
  return rest[0] === '/' ? rest : undefined;
}
