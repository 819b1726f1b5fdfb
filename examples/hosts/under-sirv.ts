/** A folder of files below the router, served by sirv. */
import { fileURLToPath } from 'node:url';
import sirv from 'sirv';
import { createRouter, hostGuard, listen, mcpApp, stopOnSignal } from '../../package/index.ts';
import { calculator } from './calculator.ts';

const router = createRouter();
router.mount('/app', sirv(fileURLToPath(new URL('public', import.meta.url))));
router.mount('/mcp', mcpApp(calculator));

const port = Number(process.env.PORT ?? 3000);
const running = await listen(hostGuard(router), ['127.0.0.1', '::1'], port);
stopOnSignal(running.stop);
console.log(`http://localhost:${running.port}`);
