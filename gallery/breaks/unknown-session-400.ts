/** Whatever a client got wrong is a 400: a rule of the house for its web endpoints, put on all. */
import type { App } from '../../http/app.ts';
import type { Break, Served } from '../break.ts';
import { listWith } from '../wiring.ts';

export const unknownSession400: Break = {
  name: 'unknown-session-400',
  sees: 'After a restart every call fails, and clients do not recover',
  cause:
    'A session that nobody knows is answered 400. On 404 a client begins a new one; on anything else it gives up.',
  cure: 'Answer 404, exactly, over both transports.',
  threads: ['mcp-remote#106', 'python-sdk#1676', 'dremio-mcp#106'],
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
        "curl -s -w ' %{http_code}\\n' -H @gallery/say/headers.txt -H 'Mcp-Session-Id: of-before-the-restart' -d @gallery/say/ping.json http://localhost:3000/mcp",
      prints: '{…There is no such session; it may have ended. Connect again.…} 400',
    },
  ],
  log: '“POST /mcp | / 400 … session of-befo…”.',
  xray: 'The app said 404 and 400 went out: “handler 404 answer 400”.',
  check: {
    args: 'http://localhost:3000/mcp',
    faults: {
      'unknown-session':
        'POST /mcp of an unknown session: 400; GET /mcp of an unknown session: 400; POST /mcp/messages?… of an unknown session: 400',
    },
  },
  broken,
};

function broken(): Served {
  const houseRule = (app: App): App => {
    return (req, res) => {
      const writeHead = res.writeHead.bind(res);
      res.writeHead = (status: number, ...rest: never[]) =>
        writeHead(status === 404 ? 400 : status, ...rest);
      return app(req, res);
    };
  };
  return { app: listWith(mcp => houseRule(mcp)) };
}
