/** What failed is logged with the request's target in console.error's first argument. */
import type { App } from '../../http/app.ts';
import type { Break, Served } from '../break.ts';
import { realList } from '../wiring.ts';

export const formatString: Break = {
  name: 'format-string',
  sees: 'Something failed, and the log shows no error',
  cause:
    "console.error takes its first argument for a format when others follow. '%c' in a request’s target eats the error.",
  cure: "The target is an argument, not part of the format: console.error('%s failed:', target, error). The router logs what an app throws so, once.",
  threads: ['measured'],
  tries: [
    {
      command: 'npm run -s client -- http://localhost:3000/mcp/sse',
      prints: `1. GET http://localhost:3000/mcp/sse
…
5. GET http://localhost:3000/items/
…`,
      alike: true,
    },
    {
      command: "curl -s -o /dev/null -w '%{http_code}\\n' 'http://localhost:3000/report?%c'",
      prints: '500',
      alike: true,
    },
  ],
  log: '“GET /report/? failed:” and nothing behind it. Without ?%c the error stands there.',
  xray: '“GET /report cut off, and left is / ?%c 500”.',
  check: {
    args: 'http://localhost:3000/mcp',
    faults: {},
    blind: 'It finds no fault: logs are not seen from outside.',
  },
  broken,
  mended,
};

function broken(): Served {
  const app = realList();
  app.router.mount('/report', async (req, res) => {
    try {
      await report(req, res);
    } catch (error) {
      console.error(`GET /report${req.url} failed:`, error);
      res.writeHead(500).end();
    }
  });
  return { app };
}

function mended(): Served {
  const app = realList();
  app.router.mount('/report', report);
  return { app };
}

const report: App = async () => {
  throw new Error('the disk is full');
};
