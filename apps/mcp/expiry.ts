/**
 * A guard looks at the token of each request, but a stream is one request for as long as it is
 * open. So it ends with its token, and its client comes back with another.
 */
import type { ServerResponse } from 'node:http';
import { onGone } from '../../http/gone.ts';
import { maxTimerMs } from '../../http/options.ts';
import type { McpRequest } from './sessions.ts';

/** Calls `end` when the token that `res` was asked for with expires, if `res` is open by then. */
export function onExpiry(res: ServerResponse, end: () => void): void {
  const { auth }: McpRequest = res.req;
  if (!auth?.expiresAt) return;
  const expiresMs = auth.expiresAt * 1_000;
  let timer: NodeJS.Timeout | undefined;

  function wait(): void {
    const leftMs = expiresMs - Date.now(); // asked again each time: a clock can be set
    if (leftMs <= 0) return void end();
    timer = setTimeout(wait, Math.min(leftMs, maxTimerMs)).unref();
  }
  wait();
  onGone(res, () => clearTimeout(timer));
}
