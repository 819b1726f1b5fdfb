/** What is not a route is a 404, also where only the method is another. */
import type { App } from '../../http/app.ts';
import { sendProblem } from '../../http/problem.ts';
import type { Break, Served } from '../break.ts';
import { listWith } from '../wiring.ts';

export const wrongMethod404: Break = {
  name: 'wrong-method-404',
  sees: 'A client picks the wrong transport',
  cause:
    'POST on the SSE stream’s path is a 404, as if nothing were there. Clients that are given a URL find out by method which transport it is.',
  cure: 'A path that exists, with another method, is 405 with Allow: GET.',
  threads: ['FastGPT#7047', 'qwen-code#8784'],
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
        "curl -s -w ' %{http_code}\\n' -H @gallery/say/headers.txt -d @gallery/say/initialize.json http://localhost:3000/mcp/sse",
      prints: '{…There is no POST /sse.…} 404',
    },
  ],
  log: '“POST /mcp | /sse 404”.',
  xray: '“POST /mcp cut off, and left is /sse 404”, and “There is no POST /sse.”',
  check: {
    args: 'http://localhost:3000/mcp',
    faults: { 'which-transport': 'POST /mcp/sse: 404, Allow: none' },
  },
  broken,
};

function broken(): Served {
  const routes = [
    'GET /sse',
    'POST /messages',
    'POST /',
    'GET /',
    'DELETE /',
    'HEAD /sse',
    'HEAD /',
  ];
  const strict = (app: App): App => {
    return (req, res) => {
      const route = `${req.method} ${req.url?.replace(/\?.*/s, '')}`;
      if (routes.includes(route)) return app(req, res);
      return sendProblem(res, { status: 404, detail: `There is no ${route}.` });
    };
  };
  return { app: listWith(mcp => strict(mcp)) };
}
