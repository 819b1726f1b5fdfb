/** A polka app below the router: its handler is what it would listen with. */
import polka from 'polka';
import {
  type App,
  createRouter,
  hostGuard,
  listen,
  mcpApp,
  stopOnSignal,
} from '../../package/index.ts';
import { calculator } from './calculator.ts';

const app = polka();
app.get('/hello', (_req, res) => {
  res.end('Hello from polka\n');
});

const router = createRouter();
// Its type asks for what the handler itself puts on a request.
router.mount('/app', app.handler as App);
router.mount('/mcp', mcpApp(calculator));

const port = Number(process.env.PORT ?? 3000);
const running = await listen(hostGuard(router), ['127.0.0.1', '::1'], port);
stopOnSignal(running.stop);
console.log(`http://localhost:${running.port}`);
