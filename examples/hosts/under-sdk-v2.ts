/** The handler of the MCP SDK's version 2, without sessions, below the router; and beside it mcpApp. */
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import {
  type App,
  createRouter,
  hostGuard,
  listen,
  mcpApp,
  stopOnSignal,
} from '../../package/index.ts';
import { calculator } from './calculator.ts';

function multiplier(): McpServer {
  const server = new McpServer({ name: 'multiplier', version: '1.0.0' });
  server.registerTool(
    'multiply',
    {
      description: 'Multiplies two numbers.',
      inputSchema: z.object({ a: z.number(), b: z.number() }),
    },
    ({ a, b }) => ({ content: [{ type: 'text', text: String(a * b) }] }),
  );
  return server;
}

const router = createRouter();
router.get('/hello', (_req, res) => res.end('Hello from the router\n'));
// A request of Node's has a method; its type leaves that open, for answers have none.
router.mount('/v2', toNodeHandler(createMcpHandler(multiplier)) as App);
router.mount('/mcp', mcpApp(calculator));

const port = Number(process.env.PORT ?? 3000);
const running = await listen(hostGuard(router), ['127.0.0.1', '::1'], port);
stopOnSignal(running.stop);
console.log(`http://localhost:${running.port}`);
