/** A setting that is undefined is spread over its default, and a timer of undefined ms fires now. */
import type { App } from '../../http/app.ts';
import type { Break, Served } from '../break.ts';
import { listWith } from '../wiring.ts';

export const undefinedOption: Break = {
  name: 'undefined-option',
  sees: '{ idleMs: undefined } ends sessions at once',
  cause:
    'A setting that nobody made is undefined, and spread over the default it wins. A timer of undefined ms fires at once.',
  cure: 'Undefined is not given: take the default with ??, or leave such keys out before spreading. mcpApp’s own options do.',
  threads: ['measured'],
  tries: [
    {
      command: 'npm run -s client -- http://localhost:3000/mcp/sse',
      prints: `1. GET http://localhost:3000/mcp/sse
   the stream's endpoint event says: POST /mcp/messages?sessionId=…
Can't use http://localhost:3000/mcp/sse: 404 Not Found. There is no such session; it may have ended. Connect again.`,
    },
  ],
  log: 'The stream opens and closes in the same moment, “GET /mcp | /sse 200 … stream closes”, and the POST comes too late: “POST /mcp | /messages?sessionId=… 404”.',
  xray: '“SSE closed after … ms”, and “There is no such session; it may have ended. Connect again.”',
  check: {
    args: 'http://localhost:3000/mcp',
    faults: { endpoint: 'GET /mcp/sse names /mcp/messages?…' },
  },
  broken,
};

function broken(): Served {
  const settings: { idleMs?: number | undefined } = { idleMs: undefined }; // as a file had it
  const { idleMs } = { idleMs: 1_800_000, ...settings };
  const endingIdle = (app: App): App => {
    return (req, res) => {
      const write = res.write.bind(res);
      res.write = (chunk: unknown) => {
        setTimeout(() => res.destroy(), idleMs).unref();
        return write(chunk);
      };
      return app(req, res);
    };
  };
  return { app: listWith(mcp => endingIdle(mcp)) };
}
