/** Stage 3: mount() as a function, and apps that know where they are mounted. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

type Request = IncomingMessage & { baseUrl?: string };
type App = (req: Request, res: ServerResponse) => unknown;

const items = [{ id: 1, name: 'Apples', quantity: 6, purchased: false }];

const town = mount('/shop', shop, notFound); // an app like any other
const app = mount('/town', town, mount('/shop', shop, list));
const server = createServer(app);

function list(req: Request, res: ServerResponse) {
  if (req.method === 'GET' && req.url === '/items/') return answer(res, 200, items);
  return notFound(req, res);
}

function shop(req: Request, res: ServerResponse) {
  if (req.url === '/') return answer(res, 200, { goods: [`${rootPath(req)}/milk`] });
  if (req.url === '/milk') return answer(res, 200, { name: 'Milk', price: 1.2 });
  return notFound(req, res);
}

/** An app that hands what is below `prefix` to `app`, and all else to `otherwise`. */
function mount(prefix: string, app: App, otherwise: App): App {
  return (req, res) => {
    const rest = stripPrefix(req.url ?? '', prefix);
    if (rest === undefined) return otherwise(req, res);
    req.baseUrl = rootPath(req) + prefix; // grows
    req.url = rest; // shrinks
    return app(req, res);
  };
}

/** Where the app that has this request is mounted; '' for one that is not. */
function rootPath(req: Request): string {
  return req.baseUrl ?? '';
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

function notFound(req: Request, res: ServerResponse): void {
  answer(res, 404, { detail: `Nothing answers ${rootPath(req)}${req.url}` });
}

const port = Number(process.env.PORT ?? 3000);
server.listen(port, '127.0.0.1', () => console.log(`Open http://localhost:${port}/town/shop`));
