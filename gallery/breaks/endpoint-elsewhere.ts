/** The stream names a whole URL, with the host as it is called behind the proxy. */
import type { App } from '../../http/app.ts';
import type { Break, Served } from '../break.ts';
import { listWith } from '../wiring.ts';

export const endpointElsewhere: Break = {
  name: 'endpoint-elsewhere',
  sees: 'A client hangs without an error, or says that the origin does not match',
  cause:
    'The endpoint event names a whole URL, with the host as it is called behind the proxy. Clients must not post to another origin than the stream’s.',
  cure: 'Name a path, never a host. Nothing between server and client may rewrite the stream.',
  threads: ['measured'],
  tries: [
    {
      command: 'npm run -s client -- http://localhost:3000/mcp/sse',
      prints: `1. GET http://localhost:3000/mcp/sse
Can't use http://localhost:3000/mcp/sse: Endpoint origin does not match connection origin: http://backend:8080`,
    },
    {
      command: 'curl -sN --max-time 7 http://localhost:3000/mcp/sse | head -2',
      prints: `event: endpoint
data: http://backend:8080/mcp/messages?sessionId=…`,
    },
  ],
  log: 'No POST. Where a client stays and waits, as the second command does, it says so after 5 s: “Session …: its stream is open, but no message came. Likely: …”.',
  xray: 'The stream as the server wrote it, “data: /mcp/messages?sessionId=…”: what is wrong was put in behind it.',
  check: {
    args: 'http://localhost:3000/mcp',
    faults: {
      endpoint:
        'GET /mcp/sse names http://backend:8080/mcp/messages?…; it names another host, http://backend:8080',
    },
  },
  broken,
};

function broken(): Served {
  const backend = 'http://backend:8080'; // whose public name is another
  const naming = (app: App): App => {
    return (req, res) => {
      const write = res.write.bind(res);
      res.write = (chunk: unknown) =>
        write(String(chunk).replace(/^(event: endpoint\ndata: )/, `$1${backend}`));
      return app(req, res);
    };
  };
  return { app: listWith(mcp => naming(mcp)) };
}
