/**
 * Inside Express 5. A body can be read once, so the mount comes before express.json(), which then
 * parses what is Express's own. (Behind it the mount works too: it takes what it finds in req.body.)
 */
import { createServer } from 'node:http';
import express from 'express';
import { createRouter, hostGuard, mcpApp, stopOnSignal, stopServer } from '../../package/index.ts';
import { calculator } from './calculator.ts';
import { say } from './say.ts';

const router = createRouter().mount('/mcp', mcpApp(calculator));

const app = express();
app.use('/tools', router); // clients connect to /tools/mcp
app.use(express.json());
app.get('/hello', (_req, res) => res.send('Hello from Express\n'));

const server = createServer(hostGuard(app));
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => say(server));
stopOnSignal(() => stopServer(server, router));
