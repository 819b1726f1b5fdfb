/** An Express app below the router: it sees its own paths, in req.url as in req.baseUrl. */
import express from 'express';
import { createRouter, hostGuard, listen, mcpApp, stopOnSignal } from '../../package/index.ts';
import { calculator } from './calculator.ts';

const app = express();
app.get('/hello', (req, res) => res.send(`Hello from Express at ${req.baseUrl}\n`));

const router = createRouter();
router.mount('/app', app);
router.mount('/mcp', mcpApp(calculator));

const port = Number(process.env.PORT ?? 3000);
const running = await listen(hostGuard(router), ['127.0.0.1', '::1'], port);
stopOnSignal(running.stop);
console.log(`http://localhost:${running.port}`);
