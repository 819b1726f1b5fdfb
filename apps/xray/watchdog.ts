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

/** Calls `tell` for each stream that stays without a message. Returns how to stop. */
export function watchHandshakes(
  tell: (stuck: StuckSession, sessionId: string) => void,
  afterMs = stuckMs,
): () => void {
  const waiting = new Map<string, NodeJS.Timeout>();

  const start = (event: unknown) => {
    const { sessionId, transport, req } = event as SessionEvent; // what the channel carries
    if (transport !== 'sse') return;
    const forwarded = req?.headers['x-forwarded-for'] ?? req?.headers['x-forwarded-host'];
    const causes = likelyCauses(forwarded !== undefined);
    const alarm = () => tell({ session: shortId(sessionId), causes }, sessionId);
    waiting.set(sessionId, setTimeout(alarm, afterMs).unref());
  };
  const stop = (event: unknown) => {
    const { sessionId } = event as SessionEvent | ReceivedEvent;
    clearTimeout(waiting.get(sessionId));
    waiting.delete(sessionId);
  };

  opened.subscribe(start);
  received.subscribe(stop);
  closed.subscribe(stop);
  return () => {
    opened.unsubscribe(start);
    received.unsubscribe(stop);
    closed.unsubscribe(stop);
    for (const timer of waiting.values()) clearTimeout(timer);
  };
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

export interface Stuck {
  /** Whole. */
  sessionId: string;
  told: StuckSession;
}

/** The sessions that are stuck, from now on, until they close or go on. */
export function watchStuck(tell: (stuck: Stuck) => void) {
  const found = new Map<string, Stuck>();
  const stopWatching = watchHandshakes((told, sessionId) => {
    const stuck = { sessionId, told };
    found.set(sessionId, stuck);
    tell(stuck);
  });
  const forget = (event: unknown) => {
    const { sessionId } = event as SessionEvent; // what the channel carries
    found.delete(sessionId);
  };
  closed.subscribe(forget);
  received.subscribe(forget);
  function stop(): void {
    stopWatching();
    closed.unsubscribe(forget);
    received.unsubscribe(forget);
  }
  return { all: () => found.values(), stop };
}
