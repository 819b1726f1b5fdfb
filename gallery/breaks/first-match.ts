/** Mounts in a list, the first that fits wins, and '/' stands first. */
import type { App } from '../../http/app.ts';
import { createRouter } from '../../router.ts';
import type { Break, Served } from '../break.ts';
import { listWith } from '../wiring.ts';

export const firstMatch: Break = {
  name: 'first-match',
  sees: 'The mount at / eats other routes',
  cause: "Mounts are tried in the order in which they were written, and '/' fits everything.",
  cure: 'The longest prefix wins, in any order.',
  threads: ['data360-mcp#35'],
  tries: [
    {
      command: 'npm run -s client -- http://localhost:3000/sse',
      prints: `1. GET http://localhost:3000/sse
   the stream's endpoint event says: POST /messages?sessionId=…
…
Can't use http://localhost:3000/sse: 404 Not Found. Nothing answers /items/. There is GET /sse, POST /messages, POST or GET or DELETE /.`,
    },
  ],
  log: '“GET /items/ 404”.',
  xray: 'The MCP app answers for the list, “Nothing answers /items/. There is GET /sse, POST /messages, POST or GET or DELETE /.”',
  page: '/page',
  check: {
    args: 'http://localhost:3000/',
    faults: {},
    blind: 'It finds no fault: of a list beside the server it knows nothing.',
  },
  broken,
  mended,
};

function broken(): Served {
  const firstOf = (mounts: [prefix: string, app: App][]): App => {
    return (req, res) => {
      const { url = '' } = req;
      const [prefix = '', app] = mounts.find(([prefix]) => url.startsWith(prefix)) ?? [];
      req.url = prefix === '/' ? url : url.slice(prefix.length) || '/';
      return app ? app(req, res) : res.writeHead(404).end();
    };
  };
  const put = (mcp: App, web: App) =>
    firstOf([
      ['/', mcp],
      ['/items', web],
    ]);
  return { app: listWith(put, { mount: '/', page: '/page' }) };
}

function mended(): Served {
  const put = (mcp: App, web: App) => createRouter().mount('/', mcp).mount('/items', web);
  return { app: listWith(put, { mount: '/', page: '/page' }) };
}
