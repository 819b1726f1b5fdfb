/** The app's own route is /mcp, and it is mounted at /mcp. */
import { createRouter } from '../../router.ts';
import type { Break, Served } from '../break.ts';
import { listWith } from '../wiring.ts';

export const innerPathRepeats: Break = {
  name: 'inner-path-repeats',
  sees: '404 at /mcp, and the server is at /mcp/mcp',
  cause: 'The app has /mcp among its own routes, and is mounted at /mcp besides.',
  cure: "An app’s routes start where its mount ends: '/sse', not '/mcp/sse'. A 404 of this router names the nearest path that there is.",
  threads: ['python-sdk#732', 'fastmcp#2961'],
  tries: [
    {
      command: 'npm run -s client -- http://localhost:3000/mcp/sse',
      prints: `1. GET http://localhost:3000/mcp/sse
   no SSE stream is there (404), so as Streamable HTTP: POST http://localhost:3000/mcp/sse
Can't use http://localhost:3000/mcp/sse: 404 Not Found. Nothing answers /mcp/sse. Did you mean 'GET /mcp/mcp/sse'?`,
    },
    {
      command: 'npm run -s client -- http://localhost:3000/mcp/mcp/sse',
      prints: `1. GET http://localhost:3000/mcp/mcp/sse
   the stream's endpoint event says: POST /mcp/mcp/messages?sessionId=…
…
5. GET http://localhost:3000/items/
…`,
    },
  ],
  log: '“GET /mcp | /sse 404”, then “GET /mcp/mcp | /sse … stream opens”.',
  xray: 'Two cuts on one path: “/mcp cut off, and left is /mcp cut off, and left is /sse”.',
  check: {
    args: 'http://localhost:3000/mcp',
    faults: {},
    blind:
      'It finds no fault: it looks below the URL too, and says where it found the server, “Streamable HTTP at /mcp/mcp, SSE at /mcp/mcp/sse”.',
  },
  broken,
};

function broken(): Served {
  return { app: listWith(mcp => createRouter().mount('/mcp', mcp)) };
}
