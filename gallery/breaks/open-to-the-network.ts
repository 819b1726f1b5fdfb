/** Bound to all addresses, as containers need it, and nobody is asked for a token. */
import type { Break, Served } from '../break.ts';
import { realList } from '../wiring.ts';

export const openToTheNetwork: Break = {
  name: 'open-to-the-network',
  sees: 'Tools are open to the whole network',
  cause:
    'Bound to all addresses, as a container needs it, and no token is asked for. The Host check is no help: whoever writes a request by hand writes any Host.',
  cure: 'Bind loopback. Beyond it ask for a token: the program refuses --host without one, unless --insecure says it out loud.',
  threads: ['fastapi_mcp#324'],
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
        "curl -s -o /dev/null -w '%{http_code}\\n' -H 'Host: localhost' http://$(hostname -I | cut -d' ' -f1):3000/items/",
      prints: '200',
    },
  ],
  log: 'Nothing tells where it came from: “GET /items/ 200”.',
  xray: 'Nothing: “GET /items/ … 200”.',
  check: {
    args: 'http://localhost:3000/mcp',
    faults: { 'open-network': '…, without a token: answered' },
  },
  broken,
};

function broken(): Served {
  return { app: realList(), hosts: ['0.0.0.0', '::1'] };
}
