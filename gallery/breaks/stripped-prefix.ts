/** A proxy that is entered at /team/a, strips it, and tells the server nothing. */
import type { App } from '../../http/app.ts';
import { sendProblem } from '../../http/problem.ts';
import { stripPrefix } from '../../router.ts';
import type { Break, Served } from '../break.ts';
import { realList } from '../wiring.ts';

export const strippedPrefix: Break = {
  name: 'stripped-prefix',
  sees: 'It works on the own machine, and is a 404 behind a proxy that strips a prefix',
  cause:
    'The proxy is entered at /team/a and takes that off. The server never sees it, so no path from the root that it could name is right.',
  cure: "Have the proxy send X-Forwarded-Prefix: the endpoint is then named relative to the stream, and clients resolve it. Where the proxy can’t be changed, mcpApp’s option endpoint: 'relative' does the same for all.",
  threads: ['python-sdk#242', 'python-sdk#797', 'python-sdk#2255', 'typescript-sdk#583'],
  tries: [
    {
      command: 'npm run -s client -- http://localhost:3000/team/a/mcp/sse',
      prints: `1. GET http://localhost:3000/team/a/mcp/sse
   the stream's endpoint event says: POST /mcp/messages?sessionId=…
Can't use http://localhost:3000/team/a/mcp/sse: 404 Not Found. The proxy knows /team/a alone.`,
    },
  ],
  log: 'One stream, “GET /mcp | /sse … stream opens”, and no POST: it never came this far.',
  xray: 'The same: the stream says “data: /mcp/messages?sessionId=…”, and there is no other request.',
  check: {
    args: 'http://localhost:3000/team/a/mcp',
    faults: { endpoint: 'GET /team/a/mcp/sse names /mcp/messages?…; POST /mcp/messages?…: 404' },
  },
  broken,
  mended,
};

function broken(): Served {
  return { app: proxied(realList(), {}) };
}

function mended(): Served {
  return { app: proxied(realList(), { 'x-forwarded-prefix': '/team/a' }) };
}

/** All that is public is below /team/a; the x-ray is looked at from inside. */
function proxied(app: App, headers: Record<string, string>): App {
  return (req, res) => {
    const { url = '' } = req;
    const stripped = stripPrefix(url, '/team/a');
    const isInside = url === '/' || stripPrefix(url, '/live') !== undefined;
    if (stripped === undefined && !isInside)
      return sendProblem(res, { status: 404, detail: 'The proxy knows /team/a alone.' });
    if (stripped !== undefined) Object.assign(req.headers, headers);
    req.url = stripped ?? url;
    return app(req, res);
  };
}
