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
import { onGone } from '../../http/gone.ts';
import { type Answer, type AnswerStyle, EventStream, JsonAnswer } from './answers.ts';
import { EventLog, type LoggedEvent } from './event-log.ts';
import { remove, type SessionTransport } from './sessions.ts';
import { overfull, type StreamLimits, streamHeaders } from './stream.ts';

export class StreamableTransport implements SessionTransport {
  readonly kind = 'streamable';
  readonly sessionId = randomUUID();
  onmessage?: (message: JSONRPCMessage, extra?: MessageExtraInfo) => void;
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onsent?: (message: JSONRPCMessage) => void;

  private readonly limits: StreamLimits;
  /**
   * Of the calls in flight. An array: a Map that is filled and emptied leaves tables behind, each
   * holding the next, and once one is in V8's old space all are kept until that is collected.
   * To look one up takes 5 µs for each thousand in flight; a client has a few.
   */
  private readonly answers: Answer[] = [];
  private readonly log = new EventLog();
  /** Responses whose readers have not taken all that was written. */
  private readonly behind = new Set<ServerResponse>();
  private readonly unasked: EventStream;
  private lastStream = 0;
  private closed = false;

  constructor(limits: StreamLimits) {
    this.limits = limits;
    this.unasked = new EventStream(0, [], this.log, limits);
  }

  async start(): Promise<void> {} // its streams open with the requests that ask for them

  /** Opens the answer to a POST that holds `calls`, before they reach the server. */
  expect(calls: RequestId[], res: ServerResponse, style: AnswerStyle): void {
    const answer = style.json
      ? new JsonAnswer([...calls], res, style, this.limits.maxBufferedBytes)
      : new EventStream(++this.lastStream, [...calls], this.log, this.limits);
    this.answers.push(answer);
    if (answer instanceof EventStream) {
      answer.attach(res, style.begins);
      if (style.primed) answer.prime();
    }
  }

  /** GET: the stream for what the server says unasked. A newer one takes over from an older. */
  listen(res: ServerResponse, primed: boolean): void {
    this.unasked.attach(res);
    if (primed) this.unasked.prime();
    this.unasked.replay();
  }

  /** GET with Last-Event-ID: what came after it, and what is still to come. False: unknown. */
  resume(lastEventId: string, res: ServerResponse): boolean {
    const [, number, after] = /^(\d{1,15})\.(\d{1,15})$/.exec(lastEventId)?.map(Number) ?? [];
    if (number === undefined || after === undefined) return false;
    const stream = this.stream(number);
    if (stream) {
      stream.attach(res);
      stream.replay(after);
    } else {
      const kept = this.log.of(number);
      if (kept.length === 0) return false;
      sendMissed(
        res,
        kept.filter(({ seq }) => seq > after),
      );
    }
    this.watch(res);
    return true;
  }

  async send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    this.onsent?.(message);
    if ('method' in message) {
      const answer = this.answerTo(options?.relatedRequestId);
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
    const stream = call === undefined ? this.unasked : this.answerTo(call);
    if (stream instanceof EventStream) stream.detach();
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    for (const answer of this.answers.splice(0)) answer.abandon();
    this.unasked.detach();
    this.onclose?.();
  }

  private settle(id: RequestId, message?: JSONRPCMessage): void {
    const answer = this.answerTo(id);
    if (!answer) return; // cancelled, or asked before a restart
    remove(answer.calls, id);
    if (message) this.write(answer, message);
    if (answer.calls.length > 0) return;
    remove(this.answers, answer);
    const { res } = answer;
    answer.end();
    this.watch(res);
  }

  private write(answer: Answer, message: JSONRPCMessage): void {
    if (overfull(this.behind, this.limits.maxBufferedBytes)) answer.res?.destroy();
    answer.write(message);
    this.watch(answer.res);
  }

  /** Only a response that is behind is noted down: most are never, and a Set has its price. */
  private watch(res: ServerResponse | undefined): void {
    if (!res || res.writableLength === 0 || this.behind.has(res)) return;
    this.behind.add(res);
    onGone(res, () => this.behind.delete(res));
  }

  private answerTo(call: RequestId | undefined): Answer | undefined {
    return this.answers.find(answer => answer.calls.some(id => id === call));
  }

  /** The one with this number, if its last event is still to come. */
  private stream(number: number): EventStream | undefined {
    if (number === 0) return this.unasked;
    return this.answers.find(
      (answer): answer is EventStream => answer instanceof EventStream && answer.number === number,
    );
  }
}

// Nothing was missed and nothing will come: 204 tells a client to stay away (HTML spec, 9.2). The
// SDK's takes no error for an answer, and after an empty stream would come back again and again.
function sendMissed(res: ServerResponse, events: LoggedEvent[]): void {
  if (events.length === 0) return void res.writeHead(204).end();
  res.writeHead(200, streamHeaders);
  for (const { frame } of events) res.write(frame);
  res.end();
}
