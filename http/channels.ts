/**
 * What a router tells those who listen, on node:diagnostics_channel: nothing unheard is made.
 *
 * Of mcp-mount, MIT.
 */
import { channel } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Entry, Match } from './app.ts';
import { onGone } from './gone.ts';

/** What `matched` and `answered` carry. */
export interface RequestEvent {
  req: IncomingMessage;
  res: ServerResponse;
  /** The router's own root, before `match` adds to it. */
  rootPath: string;
  match: Match;
  /** What the router holds, of which a refusal makes its words. */
  entries: readonly Entry[];
}

/** Published by each router a request passes, before it acts. */
export const matched = channel('mcp-mount:router:matched');

/**
 * Published once a request, when its response is over; not of one that came while nobody listened.
 * `res.writableFinished`: all was sent.
 */
export const answered = channel('mcp-mount:router:answered');

/**
 * On a response that a router has told of: one further in does not again. A WeakSet would say the
 * same, but what is put into one costs the collector more than the rest of this file.
 */
const isTold = Symbol('told');

/** Whether anybody would hear of a request. */
export function isHeard(): boolean {
  return matched.hasSubscribers || answered.hasSubscribers;
}

export function publish(event: RequestEvent): void {
  const res: ServerResponse & { [isTold]?: true } = event.res;
  matched.publish(event);
  if (res[isTold] || !answered.hasSubscribers) return; // told already, or nobody listens
  res[isTold] = true;
  onGone(res, () => answered.publish(event));
}
