import { createServer } from 'node:http';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { bearer, createRouter, hostGuard, listen, mcpApp, staticTokens } from 'mcp-mount';
import { contract } from 'mcp-mount/contract';
import { hostGuard as guardAlone } from 'mcp-mount/guard';
import { mcpApp as mcpAlone } from 'mcp-mount/mcp';
import { type App, rootPath, createRouter as routerAlone, sendProblem } from 'mcp-mount/router';
import { listen as serveAlone } from 'mcp-mount/serve';

function calculator(): McpServer {
  const server = new McpServer({ name: 'calculator', version: '1.0.0' });
  server.registerTool('now', { description: 'The time' }, async () => ({
    content: [{ type: 'text', text: new Date().toISOString() }],
  }));
  return server;
}

const inner: App = (req, res) => void res.end(rootPath(req));
const router = createRouter()
  .get('/hello/:name', (req, res) => res.end(`Hello ${req.params.name}\n`))
  .get(
    '/closed/:name',
    bearer((_req, res) => res.end(), { verify: staticTokens(['x'.repeat(16)]) }),
  )
  .get('/no', (_req, res) => sendProblem(res, { status: 403, detail: 'Not here.' }))
  .mount('/where', contract(inner))
  .mount('/mcp', mcpApp(calculator, { maxSessions: 10, endpoint: 'absolute' }));
const running = await listen(hostGuard(router, { hosts: ['list.example'] }), ['127.0.0.1'], 0);
console.log(running.port);
process.once('SIGTERM', () => running.stop());

export const alone = [guardAlone, mcpAlone, routerAlone, serveAlone, createServer(router)];
