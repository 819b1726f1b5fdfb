/** Streams are compressed, and what the compressor collects is sent when it is full. */
import { createGzip } from 'node:zlib';
import type { App } from '../../http/app.ts';
import type { Break, Served } from '../break.ts';
import { listWith } from '../wiring.ts';

export const compressed: Break = {
  name: 'compressed',
  sees: 'Events come late or never; the client hangs',
  cause:
    'Middleware compresses the stream and sends what it has collected when there is enough of it. The endpoint event is too small for that.',
  cure: 'Keep the compressor off text/event-stream, or have it flush after each event. Cache-Control: no-transform, which mcpApp sends, is heeded by those that read it.',
  threads: ['starlette#2753', 'compression#61'],
  tries: [
    {
      command: 'npm run -s client -- http://localhost:3000/mcp/sse',
      prints: `1. GET http://localhost:3000/mcp/sse
Can't use http://localhost:3000/mcp/sse: it says nothing for ten seconds.`,
    },
  ],
  log: 'A stream and no POST; after 5 s it says so: “Session …: its stream is open, but no message came. Likely: …”.',
  xray: 'The event was written, “data: /mcp/messages?sessionId=…”; nothing shows that it did not leave.',
  check: {
    args: 'http://localhost:3000/mcp',
    faults: { compressed: 'GET /mcp/sse: Content-Encoding: gzip, the first event never' },
  },
  broken,
};

function broken(): Served {
  const zipped = (app: App): App => {
    return (req, res) => {
      const isAsked = req.method === 'GET' && /\bgzip\b/.test(`${req.headers['accept-encoding']}`);
      if (!isAsked) return app(req, res);
      const zip = createGzip();
      const write = res.write.bind(res);
      const end = res.end.bind(res);
      zip.on('data', chunk => write(chunk)).on('end', () => end());
      res.setHeader('Content-Encoding', 'gzip');
      res.write = (chunk: unknown) => zip.write(chunk);
      res.end = (chunk?: unknown) => {
        zip.end(chunk);
        return res;
      };
      return app(req, res);
    };
  };
  return { app: listWith(mcp => zipped(mcp)) };
}
