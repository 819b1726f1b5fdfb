/** A page that opens a stream in each of its tabs: a browser has six connections for them all. */
import type { Break, Served } from '../break.ts';
import { realList } from '../wiring.ts';

export const streamPerTab: Break = {
  name: 'stream-per-tab',
  sees: 'The seventh tab hangs',
  cause:
    'A browser opens six connections to an origin over HTTP/1.1, for all of its tabs. Each tab here holds one with a stream.',
  cure: 'One stream that the tabs share, as the x-ray’s own page does, or HTTP/2.',
  threads: ['freenet-core#5213'],
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
    'Open http://localhost:3000/tab in seven tabs of one browser. Five say ‘3 items’, the sixth stays at ‘Waiting for the list’, and the seventh does not load.',
  log: 'A stream for each tab up to the sixth: “GET /mcp | /sse … stream opens”. The seventh tab’s request never comes.',
  xray: 'It is a page of the same origin: open before the tabs, it takes one of the six.',
  check: {
    args: 'http://localhost:3000/mcp',
    faults: {},
    blind: 'It finds no fault: it is no browser, and opens as many connections as it likes.',
  },
  broken,
};

function broken(): Served {
  const app = realList();
  app.router.get('/tab', (_req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/html' }).end(page);
  });
  return { app };
}

const page = `<!doctype html><title>A tab</title><p>Waiting for the list</p><script>
new EventSource('/mcp/sse').onopen = async () => {
  const list = await (await fetch('/items/')).json();
  document.querySelector('p').textContent = list.length + ' items';
};
</script>`;
