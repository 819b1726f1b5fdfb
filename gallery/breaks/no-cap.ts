/** Sessions without a bound: no cap, and none is ever idle. */
import type { Break, Served } from '../break.ts';
import { realList } from '../wiring.ts';

export const noCap: Break = {
  name: 'no-cap',
  sees: 'Memory climbs: sessions are made and none is freed',
  cause:
    'Clients vanish without a word. Here no session is ever idle, and there is no bound on how many.',
  cure: 'A cap that answers 503 with Retry-After, an idle time, and a session that ends with its stream: the defaults of mcpApp. Mended, it takes 20 here and 1,000 unless told.',
  threads: ['python-sdk#2455', 'python-sdk#1283'],
  tries: [
    {
      command:
        "curl -s -o /dev/null -w '%{http_code}\\n' -H @gallery/say/headers.txt -d @gallery/say/initialize.json 'http://localhost:3000/mcp?[1-30]' | sort | uniq -c | tr -s ' '",
      prints: '30 200',
    },
    {
      command: 'curl -s http://localhost:3000/healthz',
      prints: '{…"sessions":30,"maxSessions":9007199254740991,…}',
    },
    {
      command: 'npm run -s client -- http://localhost:3000/mcp/sse',
      prints: `1. GET http://localhost:3000/mcp/sse
…
5. GET http://localhost:3000/items/
…`,
      alike: true,
    },
  ],
  log: 'Thirty times “initialize session …”, and no line that one has ended.',
  xray: 'Each with a session of its own: “POST /mcp cut off, and left is / ?30 Streamable HTTP 200”.',
  check: {
    args: 'http://localhost:3000/mcp',
    faults: {},
    blind: 'It finds no fault: it does not open sessions by the thousand.',
  },
  broken,
  mended,
};

function broken(): Served {
  const never = Number.MAX_SAFE_INTEGER;
  return { app: realList({ mcp: { maxSessions: never, idleMs: never } }) };
}

function mended(): Served {
  return { app: realList({ mcp: { maxSessions: 20 } }) }; // 1,000 unless told
}
