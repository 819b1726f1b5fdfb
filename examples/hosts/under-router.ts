/** A router below the router, with an MCP server of its own: prefixes add up. */
import { createRouter, hostGuard, listen, mcpApp, stopOnSignal } from '../../package/index.ts';
import { calculator } from './calculator.ts';

const app = createRouter();
app.get('/hello', (_req, res) => res.end('Hello from another router\n'));
app.mount('/mcp', mcpApp(calculator)); // clients connect to /app/mcp

const router = createRouter();
router.mount('/app', app);

const port = Number(process.env.PORT ?? 3000);
const running = await listen(hostGuard(router), ['127.0.0.1', '::1'], port);
stopOnSignal(running.stop);
console.log(`http://localhost:${running.port}`);
