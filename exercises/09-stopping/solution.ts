import { createServer, type ServerResponse } from 'node:http';

const streams = new Set<ServerResponse>(); // the open ones

const server = createServer((req, res) => {
  if (req.url === '/events') {
    res.writeHead(200, { 'Content-Type': 'text/event-stream' });
    res.write('data: hello\n\n'); // no end(): there will be more to tell
    streams.add(res);
    res.on('close', () => streams.delete(res)); // or a set of all who ever came
  } else if (req.url === '/slow') {
    res.write('working … ');
    setTimeout(() => res.end('done\n'), 500); // half a second's work
  } else {
    res.end('hello\n');
  }
});

process.on('SIGTERM', () => {
  server.close(() => process.exit(0)); // once every response is over
  for (const stream of streams) stream.end(); // these would never be
});

server.listen(Number(process.env.PORT ?? 3000), 'localhost');
