/** server.close(), and then what comes when it has closed: with a stream open, it does not. */
import { createServer } from 'node:http';
import { Response } from '../../http/response.ts';
import type { Break, Served } from '../break.ts';
import { realList } from '../wiring.ts';

export const stopWaits: Break = {
  name: 'stop-waits',
  sees: 'Ctrl-C or a reload hangs',
  cause:
    'server.close() stops listening and then waits for all connections. A stream never ends by itself.',
  cure: 'End the streams first, then idle connections, and have a deadline for the rest: running.stop(), or stopServer(server, app) for a server of your own. A second Ctrl-C ends it at once, here too.',
  threads: ['python-sdk#514', 'python-sdk#1272', 'tsx#469'],
  tries: [
    {
      command: 'npm run -s client -- http://localhost:3000/mcp/sse',
      prints: `1. GET http://localhost:3000/mcp/sse
…
5. GET http://localhost:3000/items/
…`,
      alike: true,
    },
  ],
  byHand:
    'Leave curl -sN http://localhost:3000/mcp/sse running in a second terminal, and press Ctrl-C here: it does not end before curl does.',
  log: 'Nothing is wrong while it runs. After Ctrl-C the line that the stream closes does not come.',
  xray: 'Nothing to be seen. The page’s own stream holds the server, too.',
  check: {
    args: "http://127.0.0.1:3001/mcp --start 'PORT=3001 node --import tsx gallery/run.ts stop-waits'",
    faults: { stops: 'SIGTERM with a stream open: still there after 10 s' },
  },
  broken,
};

function broken(): Served {
  const app = realList();
  const server = createServer({ ServerResponse: Response }, app);
  const stop = () => new Promise<void>(done => server.close(() => done()));
  return {
    app,
    async serve(port) {
      await new Promise<void>(done => server.listen(port, '127.0.0.1', done));
      const address = server.address();
      const at = typeof address === 'object' && address ? address.port : port;
      return { hosts: ['127.0.0.1'], port: at, stop, [Symbol.asyncDispose]: stop };
    },
  };
}
