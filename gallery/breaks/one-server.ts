/** One McpServer, made when the program starts, for all who come. */
import { mcpApp } from '../../apps/mcp/app.ts';
import { memoryStore } from '../../store.ts';
import { shoppingServer } from '../../tools.ts';
import type { Break, Served } from '../break.ts';
import { listWith } from '../wiring.ts';

export const oneServer: Break = {
  name: 'one-server',
  sees: 'The second client gets a 500: Already connected to a transport',
  cause:
    'One McpServer, made when the program starts. It serves one transport; a second client does not get in, and in other makes gets the first one’s answers.',
  cure: 'A server for each session, over one store: mcpApp(() => shoppingServer(store)), with the making inside the function.',
  threads: ['typescript-sdk#1405', 'CVE-2026-25536'],
  tries: [
    {
      command: `(curl -sN --max-time 8 http://localhost:3000/mcp/sse > /dev/null &); sleep 1
npm run -s client -- http://localhost:3000/mcp/sse`,
      prints: `1. GET http://localhost:3000/mcp/sse
Can't use http://localhost:3000/mcp/sse: 500 Internal Server Error. The server failed on this request. Its log says why.`,
    },
  ],
  log: 'The log does say why: “Already connected to a transport”. And the second stream’s line is “GET /mcp | /sse 500 …”.',
  xray: '“GET /mcp cut off, and left is /sse SSE 500”: it came as far as the app, which failed.',
  check: {
    args: 'http://localhost:3000/mcp',
    faults: { 'two-sessions': '…', origin: 'POST /mcp: 500', 'no-preflight': 'POST /mcp: 500' },
  },
  broken,
};

function broken(): Served {
  const server = shoppingServer(memoryStore());
  return { app: listWith(() => mcpApp(() => server)) };
}
