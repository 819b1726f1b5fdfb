// Where exercise 2 begins. npm run learn copies it to second-app.ts: that is the file to edit.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

// Two apps. Each reads req.url, which starts where its prefix ended. Neither knows the prefix.

export function hello(req: IncomingMessage, res: ServerResponse): void {
  res.end(`hello sees ${req.url}\n`);
}

export function shop(req: IncomingMessage, res: ServerResponse): void {
  res.end(`shop sees ${req.url}\n`);
}

const server = createServer((req, res) => {
  const url = req.url ?? '';

  const belowHello = stripPrefix(url, '/hello');
  if (belowHello !== undefined) {
    req.url = belowHello; // the app sees what is below its prefix
    hello(req, res);
    return;
  }

  res.statusCode = 404;
  res.end(`Nothing answers ${url}\n`);
});

/** What is left of `url` below `prefix`, or undefined where the prefix does not fit. */
function stripPrefix(url: string, prefix: string): string | undefined {
  if (!url.startsWith(prefix)) return undefined;
  const rest = url.slice(prefix.length);
  if (rest === '' || rest[0] === '?') return `/${rest}`;
  return rest[0] === '/' ? rest : undefined;
}

const port = Number(process.env.PORT ?? 3000);
server.listen(port, 'localhost', () => console.log(`Listening on http://localhost:${port}`));
