/** A session belongs to the token's text, and OAuth clients change their token every hour. */
import { bearer } from '../../guard.ts';
import type { Break, Served } from '../break.ts';
import { listWith, verify } from '../wiring.ts';

export const tokenIsOwner: Break = {
  name: 'token-is-owner',
  sees: 'After an hour every call is a 404',
  cause:
    'The session belongs to the text of the token that opened it, and an OAuth client gets a new one every hour.',
  cure: 'owner names the user, whom all of the tokens stand for: owner: auth => auth.extra.sub, and the issuer where there are several.',
  threads: ['MCP security best practices: bind a session to the user'],
  tries: [
    {
      command: 'npm run -s client -- http://localhost:3000/mcp/sse --token ann-1',
      prints: `1. GET http://localhost:3000/mcp/sse
…
5. GET http://localhost:3000/items/
…`,
      alike: true,
    },
    {
      command: `ID=$(curl -s -o /dev/null -D - -H @gallery/say/headers.txt -H 'Authorization: Bearer ann-1' -d @gallery/say/initialize.json http://localhost:3000/mcp | sed -n 's/^mcp-session-id: *\\([^ \\r]*\\).*/\\1/Ip')
curl -s -o /dev/null -w '%{http_code}\\n' -H @gallery/say/headers.txt -H 'Authorization: Bearer ann-2' -H "Mcp-Session-Id: $ID" -d @gallery/say/ping.json http://localhost:3000/mcp`,
      prints: '404',
    },
  ],
  log: 'The session is opened and a moment later unknown: “POST /mcp | / 200 … initialize session …”, “POST /mcp | / 404 … session …”.',
  xray: '“There is no such session; it may have ended. Connect again.”',
  check: {
    args: 'http://localhost:3000/mcp --token ann-1 --other-token bob-1',
    faults: {},
    blind: 'It finds no fault: to it a second token is a second person.',
  },
  broken,
  mended,
};

function broken(): Served {
  return { app: listWith(mcp => bearer(mcp, { verify })) };
}

function mended(): Served {
  const owner = ({ extra }: { extra?: Record<string, unknown> }) => String(extra?.['sub']);
  return { app: listWith(mcp => bearer(mcp, { verify }), { mcp: { owner } }) };
}
