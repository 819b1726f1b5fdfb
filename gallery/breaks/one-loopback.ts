/** localhost is two addresses, and one of them is bound. */
import type { Break, Served } from '../break.ts';
import { realList } from '../wiring.ts';

export const oneLoopback: Break = {
  name: 'one-loopback',
  sees: 'ECONNREFUSED ::1, or 127.0.0.1',
  cause:
    'localhost is two addresses, one of each family. This server is bound to one of them, and some clients take the other.',
  cure: "Bind both: listen(app, ['127.0.0.1', '::1'], port).",
  threads: ['pydantic-ai#1282', 'mcp-toolbox#400'],
  tries: [
    {
      command: 'npm run -s client -- http://localhost:3000/mcp/sse',
      prints: `1. GET http://localhost:3000/mcp/sse
…
5. GET http://localhost:3000/items/
…`,
      alike: true,
    },
    {
      command: 'npm run -s client -- http://[::1]:3000/mcp/sse',
      prints: `1. GET http://[::1]:3000/mcp/sse
Can't use http://[::1]:3000/mcp/sse: nothing listens there. Is the server running (npm start)?`,
    },
  ],
  log: 'Of the refused connection nothing: it never came.',
  xray: 'Nothing.',
  check: {
    args: 'http://localhost:3000/mcp',
    faults: { 'both-loopbacks': '[::1]: nothing listens there' },
  },
  broken,
};

function broken(): Served {
  return { app: realList(), hosts: ['127.0.0.1'] };
}
