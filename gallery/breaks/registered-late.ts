/** A session is noted in the table when it has been written to the audit log, not before. */
import { opened, type SessionEvent } from '../../apps/mcp/channels.ts';
import type { App } from '../../http/app.ts';
import type { Break, Served } from '../break.ts';
import { listWith } from '../wiring.ts';

export const registeredLate: Break = {
  name: 'registered-late',
  sees: '400 No transport found for sessionId, at once after connecting',
  cause:
    'The stream has named the session, and the table that a POST is looked up in does not have it yet: something slow stands between the two.',
  cure: 'Put the session in the table first, then connect: a client posts within milliseconds of the endpoint event.',
  threads: ['typescript-sdk#294', 'typescript-sdk#302'],
  tries: [
    {
      command: 'npm run -s client -- http://localhost:3000/mcp/sse',
      prints: `1. GET http://localhost:3000/mcp/sse
   the stream's endpoint event says: POST /mcp/messages?sessionId=…
Can't use http://localhost:3000/mcp/sse: 400 Bad Request.`,
    },
  ],
  log: '“GET /mcp | /sse … stream opens”, and for the session that has just opened: “POST /mcp | /messages?sessionId=… 400”.',
  xray: '“POST /mcp cut off, and left is /messages ?sessionId=… 400”; it stops short of the app’s own routes.',
  check: {
    args: 'http://localhost:3000/mcp',
    faults: { endpoint: 'GET /mcp/sse names /mcp/messages?…; POST /mcp/messages?…: 400' },
  },
  broken,
};

function broken(): Served {
  const transports = new Set<string>();
  opened.subscribe(event => {
    const { sessionId } = event as SessionEvent; // what the channel carries
    audit(() => transports.add(sessionId));
  });
  const looking = (app: App): App => {
    return (req, res) => {
      const [, id] = /^\/messages\?sessionId=([\w-]+)/.exec(req.url ?? '') ?? [];
      if (id === undefined || transports.has(id)) return app(req, res);
      return res.writeHead(400).end('No transport found for sessionId');
    };
  };
  return { app: listWith(mcp => looking(mcp)) };
}

function audit(written: () => void): void {
  setTimeout(written, 3_000); // ms: a disk that is busy
}
