/** A prefix compared as text: /mcp takes /mcp-status, and whatever else begins so. */
import type { App } from '../../http/app.ts';
import { createRouter } from '../../router.ts';
import type { Break, Served } from '../break.ts';
import { listWith } from '../wiring.ts';

export const prefixAsText: Break = {
  name: 'prefix-as-text',
  sees: '/mcp-status, a page of its own, is answered by the MCP server',
  cause: "The prefix is compared as text: '/mcp-status'.startsWith('/mcp').",
  cure: 'A prefix ends where a segment ends: /mcp, /mcp/… and /mcp?…, and nothing else. stripPrefix in router.ts is that rule.',
  threads: ['starlette#2599', 'starlette#3293'],
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
      command: "curl -s -w ' %{http_code}\\n' http://localhost:3000/mcp-status",
      prints: '{…The request names no session.…} 400',
    },
  ],
  log: '“GET /mcp-status | / 400”: the MCP app was handed it.',
  xray: '“GET /mcp-status 400”, with the MCP app’s own words: “The request names no session.”',
  check: {
    args: 'http://localhost:3000/mcp',
    faults: { segment: 'POST /mcpx: 200' },
  },
  broken,
  mended,
};

function broken(): Served {
  const byText = (mounts: [prefix: string, app: App][]): App => {
    return (req, res) => {
      const { url = '' } = req;
      const [, app] = mounts.find(([prefix]) => url.startsWith(prefix)) ?? [];
      req.url = url.replace(/^\/[^/?]*/, '') || '/';
      return app ? app(req, res) : res.writeHead(404).end();
    };
  };
  const put = (mcp: App, web: App) =>
    byText([
      ['/mcp', mcp],
      ['/mcp-status', status],
      ['/items', web],
    ]);
  return { app: listWith(put, { mount: '/' }) };
}

function mended(): Served {
  const put = (mcp: App, web: App) =>
    createRouter().mount('/mcp', mcp).mount('/mcp-status', status).mount('/items', web);
  return { app: listWith(put, { mount: '/' }) };
}

const status: App = (_req, res) => res.end('All is well\n');
