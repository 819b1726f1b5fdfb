/**
 * Those who may be shown the same requests: with tokens, the pages of one token; without, all.
 * They share one feed, so that a flood of another token's takes no room of theirs.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { shortId } from '../../http/redact.ts';
import type { Earlier } from './earlier.ts';
import { createFeed, type Feed } from './feed.ts';
import { maySee, type Owner, ownerOf } from './owner.ts';
import { observe } from './steps.ts';

export interface Audience {
  readonly viewers: ReadonlySet<ServerResponse>;
  /** What is under way, for a page that opens now. */
  open: Feed['open'];
  join(res: ServerResponse): void;
  leave(res: ServerResponse): void;
  sessionClosed(sessionId: string): void;
  /** Sends the steps that came since the last time. */
  flush(): void;
  close(): void;
}

const lingerMs = 3_000; // a page that reloads, or a tab that takes over, is back sooner
const maxBufferedBytes = 1024 * 1024; // a viewer that is further behind misses steps

export interface AudienceOptions {
  viewer: Owner;
  /** Where the page's own stream is: each step shown of it would make the next. */
  ownPath: string;
  /** Streams that were open before; undefined where no requests are shown. */
  earlier: Earlier | undefined;
  /** Called a while after the last one left. */
  onend(): void;
}

/** Traces from now on, until a while after the last viewer has left. */
export function createAudience({ viewer, ownPath, earlier, onend }: AudienceOptions): Audience {
  const viewers = new Set<ServerResponse>();
  const feed = createFeed();
  const stops = earlier ? trace(feed, earlier, isShown) : [];
  let lingering: NodeJS.Timeout | undefined;

  function isShown(req: IncomingMessage & { originalUrl?: string }): boolean {
    const target = req.originalUrl ?? req.url ?? '';
    return maySee(viewer, ownerOf(req)) && !target.startsWith(`${ownPath}/`);
  }

  function close(): void {
    clearTimeout(lingering);
    for (const stop of stops) stop();
    for (const res of viewers) res.end();
    viewers.clear(); // nothing is written to them from now on
    onend();
  }

  return {
    viewers,
    open: feed.open,
    join(res) {
      clearTimeout(lingering);
      viewers.add(res);
    },
    leave(res) {
      if (viewers.delete(res) && viewers.size === 0)
        lingering = setTimeout(close, lingerMs).unref();
    },
    sessionClosed: sessionId => feed.sessionClosed(shortId(sessionId)),
    flush() {
      if (viewers.size === 0) return; // kept for the one that comes back
      const batch = feed.flush();
      if (batch) send(viewers, 'steps', batch);
    },
    close,
  };
}

/** Fills `feed`, until what is returned is called. */
function trace(
  feed: Feed,
  earlier: Earlier,
  isShown: (req: IncomingMessage) => boolean,
): (() => void)[] {
  const known = new WeakSet<IncomingMessage>();
  const stopObserving = observe({
    step(step) {
      const { req } = step.exchange;
      known.add(req);
      if (isShown(req)) feed.take(step);
    },
  });
  return [stopObserving, earlier.listen(req => isShown(req) && !known.has(req), feed.push)];
}

export function send(to: Iterable<ServerResponse>, event: string, data: unknown): void {
  const text = `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
  for (const res of to)
    if (!res.writableEnded && res.writableLength < maxBufferedBytes) res.write(text);
}
