/** A mount that shortens req.url and leaves no trace of what it cut off. */
import type { App, Mounted } from '../../http/app.ts';
import type { Break, Served } from '../break.ts';
import { listWith } from '../wiring.ts';

export const endpointWithoutPrefix: Break = {
  name: 'endpoint-without-prefix',
  sees: 'A client connects, and its POST to /messages is a 404',
  cause:
    'The mount shortens req.url and keeps nothing of what it cut off. The app believes that it is at the root, and its stream names /messages.',
  cure: "Keep the whole target: a mount of this router leaves it in req.originalUrl, and rootPath(req) + '/messages' is the place to name. A host that cuts for itself, as koa-mount does, has to set req.originalUrl.",
  threads: [
    'python-sdk#412',
    'python-sdk#659',
    'mcp-framework#63',
    'MCP-Nest#65',
    'csharp-sdk#323',
  ],
  tries: [
    {
      command: 'npm run -s client -- http://localhost:3000/mcp/sse',
      prints: `1. GET http://localhost:3000/mcp/sse
   the stream's endpoint event says: POST /messages?sessionId=…
Can't use http://localhost:3000/mcp/sse: 404 Not Found. Nothing answers /messages. There is GET /, GET /healthz, GET or POST /items.`,
    },
  ],
  log: 'The stream is there, and the POST went past the mount: “POST /messages?sessionId=… 404”. That the mount is missing shows on the stream’s own line, too: “GET /sse … stream opens”, where the mount’s prefix is missing.',
  xray: 'The POST ends at the router: “POST /messages ?sessionId=… 404”, “app not reached”. The stream passed the mount, “/mcp cut off, and left is /sse”, and says “data: /messages?sessionId=…”.',
  check: {
    args: 'http://localhost:3000/mcp',
    faults: {
      endpoint:
        'GET /mcp/sse names /messages?…; POST /messages?…: 404, and /mcp/messages is where it takes them',
    },
  },
  broken,
};

function broken(): Served {
  const forgetful = (app: App): App => {
    return (req: Mounted, res) => {
      delete req.originalUrl; // all that the app has left is '/sse'
      return app(req, res);
    };
  };
  return { app: listWith(mcp => forgetful(mcp)) };
}
