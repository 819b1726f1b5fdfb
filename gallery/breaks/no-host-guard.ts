/** The router is served, and not what was put around it. */
import type { Break, Served } from '../break.ts';
import { realList } from '../wiring.ts';

export const noHostGuard: Break = {
  name: 'no-host-guard',
  sees: 'Any web page can call local tools',
  cause:
    'Nobody looks at Host and Origin. A page whose name is bound to 127.0.0.1 for its second request is of the same origin as the server, and reads its answers.',
  cure: 'hostGuard in front of everything, GET and web endpoints too. Here the router is served and not what stands around it.',
  threads: ['CVE-2025-66414', 'CVE-2025-66416', 'CVE-2026-34742'],
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
        "curl -s -o /dev/null -w '%{http_code}\\n' -H 'Host: evil.example' http://localhost:3000/items/",
      prints: '200',
    },
  ],
  log: 'Nothing tells it from a good request: “GET /items/ 200”.',
  xray: 'Nothing: “GET /items/ … 200”.',
  check: {
    args: 'http://localhost:3000/mcp',
    faults: {
      host: 'POST /mcp with Host: evil.example: 200; …',
      'host-get': 'GET /mcp with Host: evil.example: 200; …',
      'host-plain': 'GET / with Host: evil.example: 200; …',
      origin: 'POST /mcp with Origin: https://evil.example: 200; …',
      'origin-get': 'GET /mcp with Origin: https://evil.example: 200; …',
    },
  },
  broken,
};

function broken(): Served {
  const { router } = realList();
  return { app: router };
}
