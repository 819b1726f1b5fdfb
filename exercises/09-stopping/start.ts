// Where exercise 9 begins. npm run learn copies it to stopping.ts: that is the file to edit.

import { createServer } from 'node:http';

const server = createServer((req, res) => {
  if (req.url === '/events') {
    res.writeHead(200, { 'Content-Type': 'text/event-stream' });
    res.write('data: hello\n\n'); // no end(): there will be more to tell
  } else if (req.url === '/slow') {
    res.write('working … ');
    setTimeout(() => res.end('done\n'), 500); // half a second's work
  } else {
    res.end('hello\n');
  }
});

process.on('SIGTERM', () => {
  server.close(() => process.exit(0)); // once every response is over
});

server.listen(Number(process.env.PORT ?? 3000), 'localhost');
