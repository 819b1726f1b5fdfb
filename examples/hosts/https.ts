/** On node:https. TLS_KEY and TLS_CERT name the key's and the certificate's files. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { createRouter, hostGuard, mcpApp, stopOnSignal, stopServer } from '../../package/index.ts';
import { calculator } from './calculator.ts';
import { say } from './say.ts';

const router = createRouter();
router.get('/hello', (_req, res) => res.end('Hello from node:https\n'));
router.mount('/mcp', mcpApp(calculator));

const { PORT = '3443', TLS_KEY = 'key.pem', TLS_CERT = 'cert.pem' } = process.env;
const tls = { key: readFileSync(TLS_KEY), cert: readFileSync(TLS_CERT) };
const server = createServer(tls, hostGuard(router));
server.listen(Number(PORT), '127.0.0.1', () => say(server, 'https'));
stopOnSignal(() => stopServer(server, router));
