/**
 * On node:http2: with TLS_KEY and TLS_CERT as browsers and proxies speak it, and HTTP/1.1 for who
 * knows no other; without them in the clear (h2c), as a proxy may speak to what is behind it.
 */
import { readFileSync } from 'node:fs';
import { createSecureServer, createServer, type Http2Session } from 'node:http2';
import { createRouter, hostGuard, mcpApp, stopOnSignal, stopServer } from '../../package/index.ts';
import { calculator } from './calculator.ts';
import { say } from './say.ts';

const router = createRouter();
router.get('/hello', (_req, res) => res.end('Hello from node:http2\n'));
router.mount('/mcp', mcpApp(calculator));
const guarded = hostGuard(router);

const { PORT = '3443', TLS_KEY, TLS_CERT } = process.env;
const secure = TLS_KEY !== undefined && TLS_CERT !== undefined;
const server = secure
  ? createSecureServer({
      key: readFileSync(TLS_KEY),
      cert: readFileSync(TLS_CERT),
      allowHTTP1: true,
    })
  : createServer();
// Node's compatibility API has of a request and a response what an app uses, but not their types.
server.on('request', (req, res) => guarded(req as never, res as never));
server.listen(Number(PORT), '127.0.0.1', () => say(server, secure ? 'https' : 'http'));

const sessions = new Set<Http2Session>();
server.on('session', session => {
  sessions.add(session);
  session.once('close', () => sessions.delete(session));
});
async function close(): Promise<void> {
  await router.close();
  for (const session of sessions) session.close(); // Node 20 and 22 wait for them to go
}
stopOnSignal(() => stopServer(server, { close }));
