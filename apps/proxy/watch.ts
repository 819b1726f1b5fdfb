/**
 * What passes the proxy, told as the MCP app tells of its own (apps/mcp/channels.ts): sessions,
 * messages, streams, frames. All of it is read from a copy as it passes; nothing waits for it.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { type JSONRPCMessage, JSONRPCMessageSchema } from '@modelcontextprotocol/sdk/types.js';
import type { Mounted } from '../../http/app.ts';
import { onGone } from '../../http/gone.ts';
import { rootPath } from '../../router.ts';
import {
  closed,
  opened,
  publishFrame,
  received,
  type SessionEvent,
  sent,
  streaming,
} from '../mcp/channels.ts';
import { publishStream } from '../mcp/stream.ts';
import { type Asked, endpointBypass, redirectBypass } from './bypass.ts';
import { type BypassedEvent, bypassed, type RelayedEvent, relayed } from './channels.ts';
import { bytesOf, textOf } from './copies.ts';
import { type Frame, frameReader } from './frames.ts';

export interface Watch {
  /** The head of the upstream's answer has come, and nothing has been read of its body. */
  answer(answer: IncomingMessage): void;
  /** There will be none. */
  settle(): void;
}

/** To be called before the request's body is read. */
export function watch(req: IncomingMessage, res: ServerResponse, upstream: URL): Watch {
  const isHeard = channels.some(channel => channel.hasSubscribers);
  return isHeard ? new Passage(req, res, upstream) : unheard;
}

const channels = [opened, closed, received, sent, streaming, relayed, bypassed];
const unheard: Watch = { answer() {}, settle() {} };

class Passage implements Watch {
  private readonly req: IncomingMessage;
  private readonly res: ServerResponse;
  private readonly upstream: URL;
  private readonly asked: Asked;
  private readonly sinceMs = performance.now();
  /** As the request names it, or at last its answer. */
  private session: string | undefined;
  /** It was opened by the answer. */
  private isOpen = false;
  /** Of the request, and not told yet: under which session says its answer. */
  private readonly waiting: JSONRPCMessage[] = [];

  constructor(req: IncomingMessage, res: ServerResponse, upstream: URL) {
    this.req = req;
    this.res = res;
    this.upstream = upstream;
    this.asked = askedBy(req);
    this.session = sessionOf(req.headers) ?? sessionIn(this.asked.url.href);
    if (req.method === 'POST') textOf(req, text => this.message(text));
    res.prependOnceListener('close', () => this.settle()); // before it counts as answered
  }

  answer(answer: IncomingMessage): void {
    const { req, res } = this;
    const { statusCode: status = 0, headers } = answer;
    this.head(status, headers.location);
    const session = sessionOf(headers);
    if (this.session === undefined && session !== undefined) this.open(session, 'streamable');
    this.settle();
    if (hasEnded(req, status) && this.session !== undefined) tellClosed(this.session, 'streamable');
    if (isEventStream(headers)) {
      publishStream(res);
      bytesOf(
        answer,
        frameReader(frame => this.frame(frame)),
      );
    } else textOf(answer, text => this.body(text, isReason(headers, status)));
  }

  /** A session without a name is this request alone, and over with it. */
  settle(): void {
    if (this.waiting.length === 0) return;
    if (this.session !== undefined) return void this.tell();
    const session = randomUUID();
    this.session = session;
    this.tell();
    onGone(this.res, () => tellClosed(session, 'streamable'));
  }

  private head(status: number, location: string | undefined): void {
    const { res, upstream, sinceMs } = this;
    const ms = performance.now() - sinceMs;
    const isRedirect = location !== undefined && status >= 300 && status < 400;
    const more = isRedirect ? { location } : {};
    const event: RelayedEvent = { res, upstream: upstream.origin, status, ms, ...more };
    relayed.publish(event);
    if (isRedirect) this.bypass(redirectBypass(location, this.asked, upstream));
  }

  private message(text: string): void {
    this.waiting.push(...messagesIn(text));
    if (this.session !== undefined) this.tell();
  }

  private tell(): void {
    const { req, session: sessionId = '' } = this;
    for (const message of this.waiting.splice(0)) received.publish({ sessionId, req, message });
  }

  private frame({ raw, event, data }: Frame): void {
    const { res, asked } = this;
    if (event === 'endpoint' && data !== undefined) {
      if (!this.isOpen) this.open(sessionIn(data) ?? data, 'sse'); // a stream is one session
      publishFrame(res, raw);
      this.bypass(endpointBypass(data, asked));
      return;
    }
    const [message] = data === undefined ? [] : messagesIn(data);
    publishFrame(res, raw, message);
  }

  /** What is no message may be a token that was asked for, and is not shown: but why one was not given. */
  private body(text: string, isReason: boolean): void {
    const messages = messagesIn(text);
    for (const message of messages) publishFrame(this.res, text, message);
    if (messages.length === 0 && isReason && text !== '') publishFrame(this.res, text);
  }

  private open(sessionId: string, transport: SessionEvent['transport']): void {
    const { req, res } = this;
    this.session = sessionId;
    this.isOpen = true;
    const event: SessionEvent = { sessionId, transport, req };
    opened.publish(event);
    if (transport === 'sse') onGone(res, () => tellClosed(sessionId, transport));
  }

  private bypass(detail: string | undefined): void {
    if (detail === undefined) return;
    const event: BypassedEvent = { res: this.res, detail: detail.slice(0, maxDetailChars) };
    bypassed.publish(event);
  }
}

const maxDetailChars = 1_000; // what it quotes has no bound of its own

function askedBy(req: Mounted): Asked {
  const { originalUrl = req.url ?? '/', headers } = req;
  const origin = `http://${headers.host ?? 'localhost'}`;
  const url = URL.canParse(origin + originalUrl) ? origin + originalUrl : 'http://localhost/';
  return { url: new URL(url), rootPath: rootPath(req) };
}

function sessionOf(headers: IncomingHttpHeaders): string | undefined {
  const session = headers['mcp-session-id'];
  return typeof session === 'string' ? session : undefined;
}

// '/messages?sessionId=x', '/messages/?session_id=x', and whatever else servers write
function sessionIn(reference: string): string | undefined {
  return /[?&](?:mcp[-_]?)?session[-_]?id=([^&#]+)/i.exec(reference)?.[1];
}

/** It was ended, or is unknown. */
function hasEnded({ method, headers }: IncomingMessage, status: number): boolean {
  if (sessionOf(headers) === undefined) return false;
  return status === 404 || (method === 'DELETE' && status >= 200 && status < 300);
}

function tellClosed(sessionId: string, transport: SessionEvent['transport']): void {
  const event: SessionEvent = { sessionId, transport };
  closed.publish(event);
}

function isEventStream(headers: IncomingHttpHeaders): boolean {
  return headers['content-type']?.startsWith('text/event-stream') ?? false;
}

/** Whether a body says, in words and not as a page, why there is no answer. */
function isReason({ 'content-type': type = '' }: IncomingHttpHeaders, status: number): boolean {
  return status >= 400 && /^text\/(?!html)|json/.test(type);
}

/** One, or those of a batch; none where it is something else. */
function messagesIn(text: string): JSONRPCMessage[] {
  const value = parsed(text);
  return (Array.isArray(value) ? value : [value]).flatMap(one => {
    const message = JSONRPCMessageSchema.safeParse(one);
    return message.success ? [message.data] : [];
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
