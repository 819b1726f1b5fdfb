/** CORS as for a web endpoint: pages may ask, and may not read the headers of the answer. */
import type { Break, Served } from '../break.ts';
import { realList } from '../wiring.ts';

export const corsNotExposed: Break = {
  name: 'cors-not-exposed',
  sees: 'A client in a browser loses its session with the first answer',
  cause:
    'Pages may ask, and get the answer; but which of its headers a script may read is a list of its own, and Mcp-Session-Id is not on it.',
  cure: 'Access-Control-Expose-Headers: Mcp-Session-Id, on the answer itself and not on the preflight. cors in guard.ts, or --allow-origin, does.',
  threads: ['netdata#22258', 'python-sdk#1135', 'kernel-mcp-server#128'],
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
      command:
        "curl -s -o /dev/null -D - -H @gallery/say/headers.txt -H 'Origin: http://localhost:6274' -d @gallery/say/initialize.json http://localhost:3000/mcp | grep -ic '^access-control-expose-headers: mcp-session-id'",
      prints: '0',
    },
  ],
  log: 'Nothing: “POST /mcp | / 200 … initialize session …”.',
  xray: 'Nothing: the session was opened, “Streamable HTTP 200”. It is the browser that keeps it from the page.',
  check: {
    args: 'http://localhost:3000/mcp',
    faults: { cors: 'for pages of http://localhost:6274, it does not expose Mcp-Session-Id' },
  },
  broken,
  mended,
};

const inspector = 'http://localhost:6274';

function broken(): Served {
  const app = realList();
  return {
    app: (req, res) => {
      if (req.headers.origin !== inspector) return app(req, res);
      res.setHeader('Access-Control-Allow-Origin', inspector);
      if (req.method !== 'OPTIONS') return app(req, res);
      return res.writeHead(204, allowed).end();
    },
  };
}

const allowed = {
  'Access-Control-Allow-Methods': 'GET, POST, DELETE',
  'Access-Control-Allow-Headers':
    'Authorization, Content-Type, Last-Event-ID, Mcp-Session-Id, Mcp-Protocol-Version',
};

function mended(): Served {
  return { app: realList({ allowOrigins: [inspector] }) };
}
