/** The app is wrapped in a function of two arguments, which has no close(). */
import type { Break, Served } from '../break.ts';
import { listWith } from '../wiring.ts';

export const closeNotPassedOn: Break = {
  name: 'close-not-passed-on',
  sees: 'A mounted app is never told to start or stop; in Python: Task group is not initialized',
  cause:
    'The app was wrapped in a function, to set a header, and what it had beside the call is gone: its close(). In ASGI it is the lifespan of a mounted app that the parent does not run.',
  cure: 'Whoever wraps an app hands its close() on, as the guards of guard.ts do: Object.assign(wrapped, { close: () => app.close() }).',
  threads: ['python-sdk#713', 'python-sdk#1467', 'fastmcp#518'],
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
    'Leave curl -sN http://localhost:3000/mcp/sse running in a second terminal, and press Ctrl-C here: the stream is not ended, and 12 s pass before the connection is cut.',
  log: 'Nothing is wrong while it runs. After Ctrl-C the line that the stream closes comes 12 s late.',
  xray: 'Nothing.',
  check: {
    args: "http://localhost:3001/mcp --start 'PORT=3001 node --import tsx gallery/run.ts close-not-passed-on'",
    faults: { stops: 'SIGTERM with a stream open: still there after 10 s' },
  },
  broken,
};

function broken(): Served {
  return {
    app: listWith(mcp => (req, res) => {
      res.setHeader('X-Served-By', 'us');
      return mcp(req, res);
    }),
  };
}
