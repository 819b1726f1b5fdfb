import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { createRouter, hostGuard, listen, mcpApp, stopOnSignal } from 'mcp-mount';

function clock() {
  const server = new McpServer({ name: 'clock', version: '1.0.0' });
  server.registerTool('now', { description: 'The time' }, async () => ({
    content: [{ type: 'text', text: new Date().toISOString() }],
  }));
  return server;
}

const router = createRouter();
router.get('/hello/:name', (req, res) => res.end(`Hello ${req.params.name}\n`));
router.mount('/mcp', mcpApp(clock)); // a clock for each session

const port = Number(process.env.PORT ?? 3000);
const running = await listen(hostGuard(router), ['127.0.0.1', '::1'], port);
stopOnSignal(running.stop);
console.log(`http://localhost:${running.port}/mcp`);
