/** On a Unix socket, where a proxy on this machine finds it. SOCKET names the file. */
import { createServer } from 'node:http';
import { createRouter, hostGuard, mcpApp, stopOnSignal, stopServer } from '../../package/index.ts';
import { calculator } from './calculator.ts';
import { say } from './say.ts';

const router = createRouter();
router.get('/hello', (_req, res) => res.end('Hello from a socket\n'));
router.mount('/mcp', mcpApp(calculator));

const server = createServer(hostGuard(router));
server.listen(process.env.SOCKET ?? 'mcp.sock', () => say(server));
stopOnSignal(() => stopServer(server, router));
