/** The router and the MCP app in a server of your own. Copy router.ts, guard.ts, http/ and apps/mcp/. */
import { createServer } from 'node:http';
import { mcpApp } from '../apps/mcp/app.ts';
import { hostGuard } from '../guard.ts';
import { createRouter } from '../router.ts';
import { memoryStore } from '../store.ts';
import { shoppingServer } from '../tools.ts';

const store = memoryStore();

const mcp = mcpApp(() => shoppingServer(store));
const router = createRouter();
router.get('/hello', (_req, res) => res.end('Hello\n'));
router.mount('/tools/mcp', mcp);
const server = createServer(hostGuard(router));
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1');
