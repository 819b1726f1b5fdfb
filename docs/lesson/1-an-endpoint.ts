/** Stage 1: a server that answers one path. */
import { createServer } from 'node:http';

const items = [{ id: 1, name: 'Apples', quantity: 6, purchased: false }];

const server = createServer((req, res) => {
  if (req.method === 'GET' && req.url === '/items/') {
    res.writeHead(200, { 'Content-Type': 'application/json' });
    res.end(`${JSON.stringify(items)}\n`);
    return;
  }
  res.writeHead(404, { 'Content-Type': 'application/json' });
  res.end(`${JSON.stringify({ detail: `Nothing answers ${req.url}` })}\n`);
});

const port = Number(process.env.PORT ?? 3000);
server.listen(port, '127.0.0.1', () => console.log(`Open http://localhost:${port}/items/`));
