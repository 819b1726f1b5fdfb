/**
 * The list for clients of every era, at one URL:
 *
 *     npm ci --prefix examples/eras
 *     tsx examples/eras/server.ts
 */
import { hostGuard } from '../../guard.ts';
import { listen, stopOnSignal } from '../../http/listen.ts';
import { createRouter } from '../../router.ts';
import { memoryStore } from '../../store.ts';
import { shop } from './shop.ts';

const router = createRouter().mount('/mcp', shop(memoryStore()));
const port = Number(process.env.PORT ?? 3000);
const running = await listen(hostGuard(router), ['127.0.0.1', '::1'], port);
stopOnSignal(running.stop);
console.log(
  `http://localhost:${running.port}/mcp, and for SSE http://localhost:${running.port}/mcp/sse`,
);
