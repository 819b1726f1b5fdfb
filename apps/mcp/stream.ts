/**
 * One server-sent event stream (HTML spec, 9.2): its headers, its frames, its keep-alive and its
 * bound. Both transports write through this, so a slow reader or a silent proxy meets one rule.
 *
 * Of mcp-mount, MIT.
 */
import type { ServerResponse } from 'node:http';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { onGone } from '../../http/gone.ts';
import { publishFrame, sent, streaming } from './channels.ts';

export interface StreamLimits {
  /** ms between pings. */
  keepAliveMs: number;
  /** Bytes a session may have waiting for its readers. Beyond, the one furthest behind is cut. */
  maxBufferedBytes: number;
  /** The same for all sessions of the app together. */
  maxBufferedTotalBytes: number;
  /** ms a browser-like client waits before it comes back. */
  retryMs: number;
}

export const streamDefaults: StreamLimits = {
  keepAliveMs: 15_000, // below the 30 s after which common proxies drop an idle stream
  maxBufferedBytes: 8 * 1024 * 1024, // room for a few large answers, not for a reader that stopped
  // Sixteen such sessions, and what a process of 512 MB has left beside 1,000 sessions (40 MB)
  // whose event logs are full of answers (256 MB).
  maxBufferedTotalBytes: 128 * 1024 * 1024,
  retryMs: 1_000, // JS clients wait 3 s unless told
};

/** No cache, compressor or buffering proxy may hold events back. */
export const streamHeaders = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-cache, no-transform',
  'X-Accel-Buffering': 'no',
};

/** `id` makes the event one a client can resume after. */
export function frameOf(message: JSONRPCMessage, id?: string): string {
  const data = JSON.stringify(message);
  return id === undefined
    ? `event: message\ndata: ${data}\n\n`
    : `event: message\nid: ${id}\ndata: ${data}\n\n`;
}

/** Says that `res` is a stream from now on, to those who listen. */
export function publishStream(res: ServerResponse): void {
  if (streaming.hasSubscribers) streaming.publish({ res });
}

/**
 * For a stream that stays open: pings until it closes, as comments, which every SSE parser skips;
 * and its request is read to the end. Else Node makes an error of it when the stream closes, with
 * a stack, at a twelfth of an SSE session that opens and closes.
 */
export function keepAlive(res: ServerResponse, everyMs: number): void {
  res.req.resume();
  const timer = setInterval(() => {
    if (res.writableEnded || res.writableLength > 0) return; // bytes enough are on their way
    res.write(': ping\n\n');
    if (sent.hasSubscribers) publishFrame(res, ': ping\n\n');
  }, everyMs).unref();
  onGone(res, () => clearInterval(timer));
}
