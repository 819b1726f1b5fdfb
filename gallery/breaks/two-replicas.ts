/** Two processes behind a balancer that chooses by the path alone. */
import type { Break, Served } from '../break.ts';
import { realList } from '../wiring.ts';

export const twoReplicas: Break = {
  name: 'two-replicas',
  sees: 'With two replicas: 404, there is no such session',
  cause:
    'Sessions are in the memory of one process. The balancer chooses by the path, so the stream and the POST to it go to different ones.',
  cure: 'The server says where to post: --node NAME, with a proxy that goes by node=… and the session’s name. Or stateless: true, where nobody needs a session.',
  threads: ['mcp-use#153', 'fastmcp#1003', 'java-sdk#332', 'go-sdk#822'],
  tries: [
    {
      command: 'npm run -s client -- http://localhost:3000/mcp/sse',
      prints: `1. GET http://localhost:3000/mcp/sse
   the stream's endpoint event says: POST /mcp/messages?sessionId=…
Can't use http://localhost:3000/mcp/sse: 404 Not Found. There is no such session; it may have ended. Connect again.`,
    },
  ],
  log: 'Both replicas write here. The stream is open, and its POST finds no session: “GET /mcp | /sse … stream opens”, “POST /mcp | /messages?sessionId=… 404”.',
  xray: 'It is of one replica: the stream is there, and the POST is not.',
  check: {
    args: 'http://localhost:3000/mcp',
    faults: { endpoint: 'GET /mcp/sse names /mcp/messages?…; POST /mcp/messages?…: 404' },
  },
  broken,
};

function broken(): Served {
  const replicas = [realList(), realList()];
  const byPath = (path: string) => replicas[path.length % 2]; // stands for a hash
  return {
    app: (req, res) => {
      const [path = ''] = (req.url ?? '').split('?');
      const replica = path.startsWith('/mcp') ? byPath(path) : replicas[0];
      return replica?.(req, res);
    },
  };
}
