/** Inside connect. It takes the prefix off req.url, and rootPath() sees that it did. */
import { createServer } from 'node:http';
import connect from 'connect';
import { createRouter, hostGuard, mcpApp, stopOnSignal, stopServer } from '../../package/index.ts';
import { calculator } from './calculator.ts';
import { say } from './say.ts';

const router = createRouter().mount('/mcp', mcpApp(calculator));

const app = connect();
app.use('/tools', router); // clients connect to /tools/mcp
app.use('/hello', (_req, res) => res.end('Hello from connect\n'));

const server = createServer(hostGuard(app));
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => say(server));
stopOnSignal(() => stopServer(server, router));
