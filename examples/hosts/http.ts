/** On bare node:http, both loopback addresses. `listen` makes the server and knows how to stop it. */
import { createRouter, hostGuard, listen, mcpApp, stopOnSignal } from '../../package/index.ts';
import { calculator } from './calculator.ts';

const router = createRouter();
router.get('/hello', (_req, res) => res.end('Hello from node:http\n'));
router.mount('/mcp', mcpApp(calculator));

const port = Number(process.env.PORT ?? 3000);
const running = await listen(hostGuard(router), ['127.0.0.1', '::1'], port);
stopOnSignal(running.stop);
console.log(`http://localhost:${running.port}`);
