/** The host puts its prefix before an originalUrl that has it already. */
import type { App, Mounted } from '../../http/app.ts';
import type { Break, Served } from '../break.ts';
import { listWith } from '../wiring.ts';

export const prefixDoubled: Break = {
  name: 'prefix-doubled',
  sees: 'A client is sent to /mcp/mcp/messages, and gets a 404',
  cause:
    'The host sets req.originalUrl to its prefix and the whole URL, which has the prefix already. Prefix and rest then no longer make up the target.',
  cure: 'req.originalUrl is what the client asked for, set once and never built. What is cut off plus what is left must give it back.',
  threads: ['starlette#2599', 'starlette#3293'],
  tries: [
    {
      command: 'npm run -s client -- http://localhost:3000/mcp/sse',
      prints: `1. GET http://localhost:3000/mcp/sse
   the stream's endpoint event says: POST /mcp/mcp/messages?sessionId=…
Can't use http://localhost:3000/mcp/sse: 404 Not Found. Nothing answers /mcp/mcp/mcp/messages. Did you mean '/mcp/mcp/messages'?`,
    },
  ],
  log: 'The mount shows twice, though there is one: “GET /mcp/mcp | /sse … stream opens”, “POST /mcp/mcp | /mcp/messages?sessionId=… 404”.',
  xray: 'One cut, “/mcp cut off, and left is /sse”, and yet “data: /mcp/mcp/messages?sessionId=…”.',
  check: {
    args: 'http://localhost:3000/mcp',
    faults: { endpoint: 'GET /mcp/sse names /mcp/mcp/messages?…; POST /mcp/mcp/messages?…: 404' },
  },
  broken,
};

function broken(): Served {
  const prefixing = (app: App): App => {
    return (req: Mounted, res) => {
      req.originalUrl = `/mcp${req.originalUrl}`;
      return app(req, res);
    };
  };
  return { app: listWith(mcp => prefixing(mcp)) };
}
