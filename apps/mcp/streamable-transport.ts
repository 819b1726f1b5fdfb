/**
 * Streamable HTTP as a Transport of the SDK: which message goes out on which response.
 *
 * The SDK's own goes through web Request, Response and ReadableStream, at 5 to 6 times the CPU.
 * So the SDK keeps the protocol and this keeps the HTTP; `Transport` is the seam.
 */
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { TransportSendOptions } from '@modelcontextprotocol/sdk/shared/transport.js';
import type {
  JSONRPCMessage,
  MessageExtraInfo,
  RequestId,
} from '@modelcontextprotocol/sdk/types.js';
import { type Answer, type AnswerStyle, EventLog, EventStream, JsonAnswer } from './answers.ts';
import type { SessionTransport } from './sessions.ts';
import { keepAlive, overfull, type StreamLimits, streamHeaders } from './stream.ts';

export class StreamableTransport implements SessionTransport {
  readonly kind = 'streamable';
  readonly sessionId = randomUUID();
  onmessage?: (message: JSONRPCMessage, extra?: MessageExtraInfo) => void;
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onsent?: (message: JSONRPCMessage) => void;

  private readonly limits: StreamLimits;
  /** Where each call in flight is answered. */
  private readonly answers = new Map<RequestId, Answer>();
  /** Streams whose last event is still to come, by number; 0 is the one for unasked messages. */
  private readonly streams = new Map<number, EventStream>();
  private readonly log = new EventLog();
  private readonly responses = new Set<ServerResponse>();
  private readonly unasked: EventStream;
  private lastStream = 0;
  private closed = false;

  constructor(limits: StreamLimits) {
    this.limits = limits;
    this.unasked = this.newStream(0);
  }

  async start(): Promise<void> {} // its streams open with the requests that ask for them

  /** Opens the answer to a POST that holds `calls`, before they reach the server. */
  expect(calls: RequestId[], res: ServerResponse, style: AnswerStyle): void {
    const answer = style.json
      ? new JsonAnswer(res, style, this.limits.maxBufferedBytes)
      : this.newStream(++this.lastStream);
    for (const id of calls) this.answers.set(id, answer);
    answer.waiting = calls.length;
    this.track(res);
    if (answer instanceof EventStream) {
      // A quick answer leaves with the headers, in one write. The socket is corked, not the
      // response: Node 22 and 24 send a corked response's last chunk before those it holds.
      const { socket } = res;
      socket?.cork();
      setImmediate(() => {
        if (!style.primed && !res.writableEnded) res.flushHeaders(); // a slow answer's go ahead
        socket?.uncork();
      });
      this.attach(answer, res, style.headers);
      if (style.primed) answer.prime(this.limits.retryMs);
    }
  }

  /** GET: the stream for what the server says unasked. A newer one takes over from an older. */
  listen(res: ServerResponse, primed: boolean): void {
    this.track(res);
    this.attach(this.unasked, res, {});
    if (primed) this.unasked.prime(this.limits.retryMs);
    this.unasked.replay();
    res.flushHeaders();
  }

  /** GET with Last-Event-ID: what came after it, and what is still to come. False: unknown. */
  resume(lastEventId: string, res: ServerResponse): boolean {
    const [, number, after] = /^(\d{1,15})\.(\d{1,15})$/.exec(lastEventId) ?? [];
    if (number === undefined) return false;
    const stream = this.streams.get(Number(number));
    if (!stream && !this.log.holds(Number(number))) return false;
    this.track(res);
    if (stream) {
      this.attach(stream, res, {});
      stream.replay(Number(after));
      res.flushHeaders();
    } else {
      res.writeHead(200, streamHeaders);
      for (const event of this.log.after(Number(number), Number(after))) res.write(event.frame);
      res.end();
    }
    return true;
  }

  async send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    this.onsent?.(message);
    if ('method' in message) {
      const answer = this.answers.get(options?.relatedRequestId ?? '');
      return this.write(answer instanceof EventStream ? answer : this.unasked, message);
    }
    if (message.id !== undefined) this.settle(message.id, message);
  }

  cancelled(id: RequestId): void {
    this.settle(id);
  }

  hasStream(): boolean {
    return this.unasked.res !== undefined;
  }

  /** Ends the stream a call is answered on; the client comes back with Last-Event-ID. */
  detach(call: RequestId | undefined): void {
    const stream = call === undefined ? this.unasked : this.answers.get(call);
    if (stream instanceof EventStream) stream.detach();
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    for (const answer of new Set(this.answers.values())) answer.abandon();
    this.answers.clear();
    for (const stream of this.streams.values()) stream.detach();
    this.onclose?.();
  }

  private settle(id: RequestId, message?: JSONRPCMessage): void {
    const answer = this.answers.get(id);
    if (!answer) return; // cancelled, or asked before a restart
    this.answers.delete(id);
    if (message) this.write(answer, message);
    if (--answer.waiting > 0) return;
    answer.end();
    if (answer instanceof EventStream) this.streams.delete(answer.number);
  }

  private write(answer: Answer, message: JSONRPCMessage): void {
    if (overfull(this.responses, this.limits.maxBufferedBytes)) answer.res?.destroy();
    answer.write(message);
  }

  private newStream(number: number): EventStream {
    const stream = new EventStream(number, this.log);
    this.streams.set(number, stream);
    return stream;
  }

  private attach(stream: EventStream, res: ServerResponse, headers: Record<string, string>): void {
    stream.detach();
    stream.res = res;
    res.once('close', () => {
      if (stream.res === res) delete stream.res;
    });
    res.writeHead(200, { ...streamHeaders, ...headers });
    keepAlive(res, this.limits.keepAliveMs);
  }

  private track(res: ServerResponse): void {
    this.responses.add(res);
    res.once('close', () => this.responses.delete(res));
  }
}
