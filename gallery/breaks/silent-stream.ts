/** A stream that says nothing while it has nothing to say, and a proxy that hangs up on silence. */
import type { App } from '../../http/app.ts';
import type { Break, Served } from '../break.ts';
import { realList } from '../wiring.ts';

export const silentStream: Break = {
  name: 'silent-stream',
  sees: 'An idle stream dies after a minute',
  cause:
    'The server writes nothing while it has nothing to say, and a proxy hangs up on what is silent. The one here has 3 s of patience, nginx 60.',
  cure: "A comment, ': ping', every 15 s, over SSE too. It is below what common proxies allow.",
  threads: ['csharp-sdk#736', 'java-sdk#414', 'trigger.dev#2134'],
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
      command:
        "curl -s -o /dev/null --max-time 5 -w '%{errormsg}\\n' http://localhost:3000/mcp/sse",
      prints: 'transfer closed with outstanding read data remaining',
    },
  ],
  log: '“GET /mcp | /sse 200 3… ms … stream closes”: after 3 s, and nobody closed it.',
  xray: '“SSE closed after 3… s”, and on the stream nothing but its first event.',
  check: {
    args: 'http://localhost:3000/mcp --patient',
    faults: { 'keep-alive': 'GET /mcp/sse: silent for … s; GET /mcp: silent for … s' },
  },
  broken,
  mended,
};

function broken(): Served {
  return { app: proxied(realList({ mcp: { keepAliveMs: 2 ** 31 - 1 } })) };
}

function mended(): Served {
  return { app: proxied(realList({ mcp: { keepAliveMs: 1_000 } })) };
}

const patienceMs = 3_000; // a minute in life: nginx's proxy_read_timeout

function proxied(app: App): App {
  return (req, res) => {
    const write = res.write.bind(res);
    const timer = setTimeout(() => res.destroy(), patienceMs).unref();
    res.once('close', () => clearTimeout(timer));
    res.write = (chunk: unknown) => {
      timer.refresh();
      return write(chunk);
    };
    return app(req, res);
  };
}
