/** Every path is sent to its form with a slash, POST too. */
import type { Break, Served } from '../break.ts';
import { realList } from '../wiring.ts';

export const slashRedirect: Break = {
  name: 'slash-redirect',
  sees: 'A redirect to the slash, and then a 404 or a lost body',
  cause:
    'Every path is sent to its form with a slash. After a 301 a client that follows it asks with GET, and the body is gone. Behind a proxy the Location names the wrong host, or lacks the prefix.',
  cure: 'Answer both spellings as they come, and redirect nothing. For MCP a redirect helps nobody.',
  threads: ['python-sdk#732', 'fastmcp#2961'],
  tries: [
    {
      command: 'npm run -s client -- http://localhost:3000/mcp/sse',
      prints: `1. GET http://localhost:3000/mcp/sse
   the stream's endpoint event says: POST /mcp/messages?sessionId=…
Can't use http://localhost:3000/mcp/sse: 301 Moved Permanently.`,
    },
    {
      command:
        "curl -s -o /dev/null -L -w '%{method} %{url_effective} %{http_code}\\n' -H 'Content-Type: application/json' -d '{\"name\":\"Tea\"}' http://localhost:3000/items",
      prints: 'GET http://localhost:3000/items/ 200',
    },
  ],
  log: 'Redirects stand in front of the router and are not in its log: it shows “GET /mcp | /sse/ … stream opens”, and “GET /items/ 200” for what was sent as a POST. Nothing was added.',
  xray: 'The same: “GET /items/ 200”, and the POST to /mcp/messages is not there.',
  check: {
    args: 'http://localhost:3000/mcp',
    faults: {
      endpoint: 'GET /mcp/sse/ names /mcp/messages?…; POST /mcp/messages?…: 301',
      slash: 'POST /mcp: 301 to /mcp/; GET /mcp: 301 to /mcp/; GET /mcp/sse: 301 to /mcp/sse/',
    },
  },
  broken,
};

function broken(): Served {
  const app = realList();
  return {
    app: (req, res) => {
      const [path = '', query] = (req.url ?? '').split('?');
      const isPage = path.endsWith('/') || path.startsWith('/live');
      if (isPage) return app(req, res);
      const location = query === undefined ? `${path}/` : `${path}/?${query}`;
      return res.writeHead(301, { Location: location }).end();
    },
  };
}
