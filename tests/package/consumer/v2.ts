/** A server of the SDK's version 2 in mcpApp, which talks to it as to one of version 1. */
import { McpServer } from '@modelcontextprotocol/server';
import { createRouter, listen, type McpOptions, mcpApp } from 'mcp-mount';

function clock(): McpServer {
  const server = new McpServer({ name: 'clock', version: '1.0.0' });
  server.registerTool('now', { description: 'The time' }, async () => ({
    content: [{ type: 'text', text: new Date().toISOString() }],
  }));
  return server;
}

// An option that is undefined is one not given, for the compiler as well.
const options: McpOptions = { idleMs: undefined, owner: auth => auth.clientId };
const router = createRouter()
  .get('/hello/:name', (req, res) => res.end(`Hello ${req.params.name}\n`))
  .mount(
    '/mcp',
    mcpApp(async req => (req.url === undefined ? clock() : clock()), options),
  );
const running = await listen(router, ['127.0.0.1'], 0);
console.log(running.port);
process.once('SIGTERM', () => running[Symbol.asyncDispose]());
