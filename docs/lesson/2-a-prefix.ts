/** Stage 2: beside the endpoint an app, the shop, which gets all that begins with /shop. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

const items = [{ id: 1, name: 'Apples', quantity: 6, purchased: false }];

const server = createServer((req, res) => {
  if (req.method === 'GET' && req.url === '/items/') return answer(res, 200, items);
  const rest = stripPrefix(req.url ?? '', '/shop');
  if (rest !== undefined) {
    req.url = rest; // the shop sees its own part only
    return shop(req, res);
  }
  return answer(res, 404, { detail: `Nothing answers ${req.url}` });
});

/** Answers every path it is given, and does not know what stood before it. */
function shop(req: IncomingMessage, res: ServerResponse) {
  if (req.url === '/') return answer(res, 200, { goods: ['/milk'] });
  if (req.url === '/milk') return answer(res, 200, { name: 'Milk', price: 1.2 });
  return answer(res, 404, { detail: `Nothing answers ${req.url}` });
}

// '/shop/milk' -> '/milk'   '/shop' -> '/'   '/shop?x' -> '/?x'   '/shopping' -> undefined
function stripPrefix(url: string, prefix: string): string | undefined {
  if (!url.startsWith(prefix)) return undefined;
  const rest = url.slice(prefix.length);
  if (rest === '' || rest[0] === '?') return `/${rest}`;
  return rest[0] === '/' ? rest : undefined;
}

function answer(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, { 'Content-Type': 'application/json' });
  res.end(`${JSON.stringify(body)}\n`);
}

const port = Number(process.env.PORT ?? 3000);
server.listen(port, '127.0.0.1', () => console.log(`Open http://localhost:${port}/shop/milk`));
