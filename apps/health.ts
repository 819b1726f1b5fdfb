/** What a supervisor asks: is it alive, may traffic come. Plain handlers, without a token. */
import { type Handler, sendProblem } from '../router.ts';
import type { McpApp } from './mcp/app.ts';

/** GET /healthz -> 200 for as long as the process answers at all */
export function alive(mcp: McpApp): Handler {
  return (_req, res) => send(res, { status: 'ok', ...mcp.stats() });
}

/** GET /readyz -> 200, or 503 once the server is stopping */
export function ready(mcp: McpApp): Handler {
  return (_req, res) => {
    const { stopping, ...counts } = mcp.stats();
    if (!stopping) return send(res, { status: 'ready', ...counts });
    sendProblem(res, { status: 503, detail: 'The server is stopping. Send no more.', ...counts });
  };
}

function send(res: Parameters<Handler>[1], body: object): void {
  const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' };
  res.writeHead(200, headers).end(JSON.stringify(body));
}
