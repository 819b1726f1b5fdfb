/** A single-page app answers whatever nobody else did, with its page. */
import type { Break, Served } from '../break.ts';
import { realList } from '../wiring.ts';

export const catchAll: Break = {
  name: 'catch-all',
  sees: 'A client gets HTML',
  cause:
    'A single-page app answers whatever nobody else did, with its page and 200. A client that asks for /.well-known/…, or has the URL wrong by a letter, takes that for an answer.',
  cure: 'Below a mount nothing falls through to it, and what begins with /.well-known/ is a 404 unless there is something.',
  threads: ['docmost#2133'],
  tries: [
    {
      command: 'npm run -s client -- http://localhost:3000/mpc/sse',
      prints: `1. GET http://localhost:3000/mpc/sse
   no SSE stream is there (200), so as Streamable HTTP: POST http://localhost:3000/mpc/sse
Can't use http://localhost:3000/mpc/sse: it answers with text/html, so a page is there and no MCP server.`,
    },
    {
      command: 'curl -s http://localhost:3000/.well-known/oauth-authorization-server',
      prints: '<!doctype html><title>Our app</title>',
    },
  ],
  log: 'All is well, it seems: “POST /mpc/sse 200”, “GET /.well-known/oauth-authorization-server 200”.',
  xray: 'The mount at / took them: “POST /mpc/sse 200”.',
  check: {
    args: 'http://localhost:3000/mcp',
    faults: {
      'not-there':
        'GET /.well-known/oauth-protected-resource: 200 with a page; GET /.well-known/oauth-authorization-server: 200 with a page',
    },
  },
  broken,
};

function broken(): Served {
  const app = realList();
  app.router.mount('/', (_req, res) => {
    res.writeHead(200, headers).end('<!doctype html><title>Our app</title>');
  });
  return { app };
}

const headers = {
  'Content-Type': 'text/html',
  'Content-Security-Policy': "default-src 'self'; frame-ancestors 'none'",
};
