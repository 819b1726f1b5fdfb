/**
 * A guard looks at the token of each request, but a stream is one request for as long as it is
 * open. So it ends with its token, and its client comes back with another; or goes on with another,
 * where its owner has come with that in time (`owner` in app.ts).
 *
 * Of mcp-mount, MIT.
 */
import type { ServerResponse } from 'node:http';
import { onGone } from '../../http/gone.ts';
import { maxTimerMs } from '../../http/options.ts';
import type { McpRequest } from './sessions.ts';

/** Calls `end` when the token that `res` was asked for with expires, if `res` is open by then. */
export function onExpiry(res: ServerResponse, end: () => void): void {
  const req: McpRequest = res.req;
  if (!req.auth?.expiresAt) return;
  let timer: NodeJS.Timeout | undefined;

  function wait(): void {
    const leftMs = expiresMs(req) - Date.now(); // asked again each time: a clock can be set
    if (leftMs <= 0) return void end();
    timer = setTimeout(wait, Math.min(leftMs, maxTimerMs)).unref();
  }
  wait();
  onGone(res, () => clearTimeout(timer));
}

/** From now on the stream that `stream` asked for is open by this token, if that holds longer. */
export function renew(stream: McpRequest, auth: McpRequest['auth']): void {
  if (auth && expiresMs({ auth }) > expiresMs(stream)) stream.auth = auth;
}

function expiresMs({ auth }: Pick<McpRequest, 'auth'>): number {
  return auth?.expiresAt ? auth.expiresAt * 1_000 : Number.POSITIVE_INFINITY;
}
