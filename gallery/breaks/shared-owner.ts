/** A session belongs to the OAuth client, which is one for all who use the same application. */
import { bearer } from '../../guard.ts';
import type { Break, Served } from '../break.ts';
import { listWith, verify } from '../wiring.ts';

export const sharedOwner: Break = {
  name: 'shared-owner',
  sees: 'A request with another user’s token is let into a session',
  cause:
    'The session belongs to the OAuth client, and that is one application for all of its users.',
  cure: 'owner names the user: issuer and subject of the token. A session id is no credential.',
  threads: ['modelcontextprotocol#641'],
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
curl -s -o /dev/null -w '%{http_code}\\n' -H @gallery/say/headers.txt -H 'Authorization: Bearer bob-1' -H "Mcp-Session-Id: $ID" -d @gallery/say/ping.json http://localhost:3000/mcp`,
      prints: '200',
    },
  ],
  log: 'One session, and nothing says that two people are in it: “POST /mcp | / 200 … initialize session …”, “POST /mcp | / 200 … ping session …”.',
  xray: 'The same: “message ping answer 200”.',
  check: {
    args: 'http://localhost:3000/mcp --token ann-1 --other-token bob-1',
    faults: {
      'session-owner':
        'POST /mcp of a session with another’s token: 200; POST /mcp/messages?… of a session with another’s token: 202',
    },
  },
  broken,
  mended,
};

function broken(): Served {
  return served(({ clientId }) => clientId);
}

function mended(): Served {
  return served(({ extra }) => String(extra?.['sub']));
}

function served(owner: (auth: { clientId: string; extra?: Record<string, unknown> }) => string) {
  return { app: listWith(mcp => bearer(mcp, { verify }), { mcp: { owner } }) };
}
