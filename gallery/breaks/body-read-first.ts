/** Somebody reads each body for the log, before the app can. */
import type { Break, Served } from '../break.ts';
import { realList } from '../wiring.ts';

export const bodyReadFirst: Break = {
  name: 'body-read-first',
  sees: '400 stream is not readable, or a POST that hangs',
  cause:
    'Somebody read the body before the app: a parser, or a line that logs it. A body can be read once.',
  cure: 'Mount MCP in front of what reads bodies, or have that leave what it read on req.body: mcpApp takes it from there, parsed or as text.',
  threads: ['typescript-sdk#223', 'mcp-handler#106'],
  tries: [
    {
      command: 'npm run -s client -- http://localhost:3000/mcp/sse',
      prints: `1. GET http://localhost:3000/mcp/sse
   the stream's endpoint event says: POST /mcp/messages?sessionId=…
Can't use http://localhost:3000/mcp/sse: 400 Bad Request. The body was read by the host before it came here, and is not on req.body. Mount this before the body parser, or have the parser leave it on req.body.`,
    },
  ],
  log: 'The culprit’s line, then the 400: “POST with … characters”, “POST /mcp | /messages?sessionId=… 400”.',
  xray: 'The refusal in words: “The body was read by the host before it came here, and is not on req.body.”',
  check: {
    args: 'http://localhost:3000/mcp',
    faults: { endpoint: 'GET /mcp/sse names /mcp/messages?…; POST /mcp/messages?…: 400' },
  },
  broken,
};

function broken(): Served {
  const app = realList();
  return {
    app: async (req, res) => {
      let body = '';
      for await (const chunk of req) body += chunk;
      if (body !== '') console.log(`${req.method} with ${body.length} characters`);
      return app(req, res);
    },
  };
}
