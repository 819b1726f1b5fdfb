/**
 * In a custom server as Next.js and its like have them: theirs is one handler for all requests,
 * `next({ dev }).getRequestHandler()`, which gets what the router does not answer.
 */
import { createServer, type RequestListener } from 'node:http';
import { createRouter, hostGuard, mcpApp, stopOnSignal, stopServer } from '../../package/index.ts';
import { calculator } from './calculator.ts';
import { say } from './say.ts';

/** Stands in for the framework's. */
const handle: RequestListener = (req, res) => {
  if (req.url === '/hello') res.end('Hello from a page\n');
  else res.writeHead(404).end('No such page\n');
};

const router = createRouter().mount('/mcp', mcpApp(calculator));
const guarded = hostGuard((req, res) => router(req, res, () => handle(req, res)));

const server = createServer(guarded);
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => say(server));
stopOnSignal(() => stopServer(server, router));
