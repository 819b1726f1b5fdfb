/** Stage 1: a server that answers one path. */
import { createServer, type ServerResponse } from 'node:http';

const items = [{ id: 1, name: 'Apples', quantity: 6, purchased: false }];

const server = createServer((req, res) => {
  if (req.method === 'GET' && req.url === '/items/') return answer(res, 200, items);
  return answer(res, 404, { detail: `Nothing answers ${req.url}` });
});

function answer(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, { 'Content-Type': 'application/json' });
  res.end(`${JSON.stringify(body)}\n`);
}

const port = Number(process.env.PORT ?? 3000);
server.listen(port, '127.0.0.1', () => console.log(`Open http://localhost:${port}/items/`));
