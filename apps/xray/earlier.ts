/**
 * Streams that opened before anybody looked, so that a page opened late shows their answers too.
 * Nothing is traced then: only sessions are kept track of, a map entry each, and the way to the
 * app is told afterwards.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { onGone } from '../../http/gone.ts';
import { redact, shortId, shownHeadersOf } from '../../http/redact.ts';
import { rootPath } from '../../router.ts';
import { closed, opened, type SentEvent, type SessionEvent, sent } from '../mcp/channels.ts';
import { frameStep, type WireStep } from './wire.ts';

interface Stream {
  exchange: number;
  at: number;
  /** Shortened. */
  session: string | undefined;
}

let lastId = 0; // counts down: exchanges that were traced from their start count up

export interface Earlier {
  /** Tells what became of the open ones, until the returned function is called. */
  listen(isWanted: (req: IncomingMessage) => boolean, tell: (step: WireStep) => void): () => void;
  stop(): void;
}

/** Keeps track of SSE sessions from now on. */
export function earlierStreams(): Earlier {
  const sessions = new Map<string, { req: IncomingMessage; at: number }>();
  const add = (event: unknown) => {
    const { sessionId, transport, req } = event as SessionEvent; // what the channel carries
    if (transport === 'sse' && req) sessions.set(sessionId, { req, at: Date.now() });
  };
  const remove = (event: unknown) => sessions.delete((event as SessionEvent).sessionId);
  opened.subscribe(add);
  closed.subscribe(remove);

  return {
    listen(isWanted, tell) {
      const streams = new WeakMap<IncomingMessage, Stream>();
      const bySession = new Map<string, Stream>();
      for (const [sessionId, { req, at }] of sessions) {
        if (!isWanted(req)) continue;
        const stream = introduce(req, shortId(sessionId), at, tell);
        streams.set(req, stream);
        bySession.set(sessionId, stream);
      }

      // Other streams, whose session keeps no response, are met with their first frame.
      function meet(res: ServerResponse): Stream {
        const stream = introduce(res.req, sessionIn(res.req), Date.now(), tell);
        onGone(res, () => tell(ending(stream)));
        streams.set(res.req, stream);
        return stream;
      }
      const onSent = (event: unknown) => {
        const { res, frame, message } = event as SentEvent; // what the channel carries
        if (!isWanted(res.req)) return;
        const stream = streams.get(res.req) ?? meet(res);
        tell(frameStep({ exchange: stream.exchange, at: Date.now() }, stream, frame, message));
      };
      const onClosed = (event: unknown) => {
        const { sessionId } = event as SessionEvent;
        const stream = bySession.get(sessionId);
        if (stream) tell(ending(stream));
        bySession.delete(sessionId);
      };
      sent.subscribe(onSent);
      closed.subscribe(onClosed);
      return () => {
        sent.unsubscribe(onSent);
        closed.unsubscribe(onClosed);
      };
    },
    stop() {
      opened.unsubscribe(add);
      closed.unsubscribe(remove);
    },
  };
}

/** The steps that led to a stream. */
function introduce(
  req: IncomingMessage & { originalUrl?: string },
  session: string | undefined,
  at: number,
  tell: (step: WireStep) => void,
): Stream {
  const exchange = --lastId;
  const { method = '', url = '', originalUrl = url, headers } = req;
  const root = rootPath(req);
  const base = { exchange, at, earlier: true as const };
  const split = { rootPath: root, url: redact(url) };
  const path = url.split('?', 1)[0];
  const target = redact(originalUrl);
  tell({ ...base, kind: 'request', method, target, headers: shownHeadersOf(headers) });
  tell({ ...base, kind: 'matched', by: 'mount', name: root || '/', ...split });
  tell({ ...base, kind: 'matched', by: 'route', name: `${method} ${path}`, ...split });
  tell({ ...base, kind: 'stream', ...(session !== undefined && { session }) });
  return { exchange, at, session };
}

function sessionIn({ headers }: IncomingMessage): string | undefined {
  const id = headers['mcp-session-id'];
  return typeof id === 'string' ? shortId(id) : undefined;
}

function ending({ exchange, at }: Stream): WireStep {
  const now = Date.now();
  return { exchange, at: now, kind: 'answered', status: 200, ms: now - at, bytes: 0, whole: false };
}
