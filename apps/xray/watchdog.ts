/**
 * The stuck handshake: an SSE stream that opened and got no message. Most clients show nothing
 * then, and wait; so the server says what the likely causes are, once a stream.
 */

import { shortId } from '../../http/redact.ts';
import {
  closed,
  opened,
  type ReceivedEvent,
  received,
  type SessionEvent,
} from '../mcp/channels.ts';

/** What there is to say of a stream that nobody posts to. */
export interface StuckSession {
  /** Shortened. */
  session: string;
  causes: string[];
}

const stuckMs = 5_000; // a client posts initialize within milliseconds of the endpoint event

/** One that is stuck. */
export interface Stuck {
  /** Whole. */
  sessionId: string;
  told: StuckSession;
}

/** Calls `tell` for each stream that stays without a message. Returns how to stop. */
export function watchHandshakes(
  tell: (stuck: StuckSession) => void,
  afterMs = stuckMs,
): () => void {
  return watchStuck(({ told }) => tell(told), afterMs).stop;
}

/** The same, which knows all that are stuck, until they close or go on. */
export function watchStuck(tell: (stuck: Stuck) => void, afterMs = stuckMs) {
  const waiting = new Map<string, NodeJS.Timeout>();
  const found = new Map<string, Stuck>();

  const start = (event: unknown) => {
    const { sessionId, transport, req } = event as SessionEvent; // what the channel carries
    if (transport !== 'sse') return;
    const forwarded = req?.headers['x-forwarded-for'] ?? req?.headers['x-forwarded-host'];
    const alarm = () => {
      const causes = likelyCauses(forwarded !== undefined);
      const stuck = { sessionId, told: { session: shortId(sessionId), causes } };
      waiting.delete(sessionId);
      found.set(sessionId, stuck);
      tell(stuck);
    };
    waiting.set(sessionId, setTimeout(alarm, afterMs).unref());
  };
  const forget = (event: unknown) => {
    const { sessionId } = event as SessionEvent | ReceivedEvent;
    found.delete(sessionId);
    const timer = waiting.get(sessionId);
    if (!timer) return;
    clearTimeout(timer);
    waiting.delete(sessionId);
  };

  opened.subscribe(start);
  received.subscribe(forget);
  closed.subscribe(forget);
  function stop(): void {
    opened.unsubscribe(start);
    received.unsubscribe(forget);
    closed.unsubscribe(forget);
    for (const timer of waiting.values()) clearTimeout(timer);
  }
  return { all: () => found.values(), stop };
}

function likelyCauses(throughProxy: boolean): string[] {
  const proxy =
    'a proxy strips a path prefix, so the POST goes elsewhere: have it send X-Forwarded-Prefix';
  return [
    ...(throughProxy ? [proxy] : []),
    'the client posts somewhere else than the endpoint event says: look for its 404',
    'the client speaks Streamable HTTP: give it the URL without /sse',
    'a browser or curl just looks at the stream',
    ...(throughProxy ? [] : [proxy]),
  ];
}
