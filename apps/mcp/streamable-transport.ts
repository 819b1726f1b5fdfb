/**
 * Streamable HTTP as a Transport of the SDK: which message goes out on which response.
 *
 * The SDK's own goes through web Request, Response and ReadableStream, at 5 to 6 times the CPU.
 * So the SDK keeps the protocol and this keeps the HTTP; `Transport` is the seam.
 *
 * Of mcp-mount, MIT.
 */
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { TransportSendOptions } from '@modelcontextprotocol/sdk/shared/transport.js';
import type {
  JSONRPCMessage,
  MessageExtraInfo,
  RequestId,
} from '@modelcontextprotocol/sdk/types.js';
import { type Answer, type AnswerStyle, EventStream, JsonAnswer } from './answers.ts';
import { Backlog } from './backlog.ts';
import { type EventId, parseEventId } from './event-ids.ts';
import { EventLog } from './event-log.ts';
import { sessionIdOn } from './nodes.ts';
import { idFromSdk, messageFromSdk } from './sdk-ids.ts';
import type { SessionTransport } from './sessions.ts';
import type { StreamLimits } from './stream.ts';

export class StreamableTransport implements SessionTransport {
  readonly kind = 'streamable';
  readonly sessionId: string;
  onmessage?: (message: JSONRPCMessage, extra?: MessageExtraInfo) => void;
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onsent?: (message: JSONRPCMessage) => void;

  private readonly limits: StreamLimits;
  /** Of the calls in flight; that to a batch is there for each of its calls. */
  private readonly answers = new Map<RequestId, Answer>();
  private readonly log: EventLog | undefined;
  private readonly backlog: Backlog;
  private readonly unasked: EventStream;
  private lastStream = 0;
  private closed = false;

  /**
   * @param limits those of streams; stateless: nobody can name it, and so come back to it; node: the
   *   name its id begins with
   * @param app what waits for readers in the whole app
   */
  constructor(
    limits: StreamLimits & { stateless?: boolean; node?: string | undefined },
    app = new Backlog(limits.maxBufferedTotalBytes),
  ) {
    this.sessionId = sessionIdOn(limits.node, randomUUID());
    this.limits = limits;
    this.log = limits.stateless ? undefined : new EventLog();
    this.backlog = new Backlog(limits.maxBufferedBytes, app);
    this.unasked = new EventStream(0, [], this.log, this.backlog, limits);
  }

  async start(): Promise<void> {} // its streams open with the requests that ask for them

  /** Opens the answer to a POST that holds `calls`, before they reach the server. */
  expect(calls: RequestId[], res: ServerResponse, style: AnswerStyle): void {
    const { limits, log, backlog } = this;
    const answer = style.json
      ? new JsonAnswer([...calls], res, style, backlog, limits.maxBufferedBytes)
      : new EventStream(++this.lastStream, [...calls], log, backlog, limits);
    for (const call of calls) this.answers.set(call, answer);
    if (answer instanceof EventStream) {
      answer.attach(res, style.begins);
      if (style.primed) answer.prime();
    }
  }

  /** GET: the stream for what the server says unasked. A newer one takes over from an older. */
  listen(res: ServerResponse, primed: boolean): void {
    this.unasked.attach(res);
    if (primed) this.unasked.prime();
    this.unasked.replay(this.unasked.missed());
  }

  /**
   * GET with Last-Event-ID: what came after it, as far as it is kept, and what is still to come.
   * @returns false for an id that was never given
   */
  resume(lastEventId: string, res: ServerResponse, primed = false): boolean {
    const last = parseEventId(lastEventId);
    if (!last || last.stream > this.lastStream) return false;
    const stream = this.stream(last.stream);
    if (stream && last.seq > stream.last) return false;
    if (stream === this.unasked && last.owed.length > 0) return false;
    const owed = last.owed.filter(id => !this.answers.get(id));
    if (!stream) return this.resumeEnded({ ...last, owed }, res);
    stream.attach(res);
    const missed = stream.missed(last.seq, owed);
    stream.replay(missed);
    // Else the SDK's client, cut off again before an event, has forgotten which stream it was.
    if (missed.length === 0 && primed) stream.prime();
    return true;
  }

  async send(theirs: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    const message = messageFromSdk(theirs);
    this.onsent?.(message);
    if ('method' in message) {
      const call = options?.relatedRequestId;
      const answer = call === undefined ? undefined : this.answers.get(idFromSdk(call));
      return (answer instanceof EventStream ? answer : this.unasked).write(message);
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
    this.unasked.detach();
    this.onclose?.();
  }

  private settle(id: RequestId, message?: JSONRPCMessage): void {
    const answer = this.answers.get(id);
    if (!answer) return; // cancelled, or asked before a restart
    this.answers.delete(id);
    answer.settle(id, message);
    if (answer.calls.length === 0) answer.end();
  }

  /** All that came on it is in the log, if anywhere. What its last event was is not known. */
  private resumeEnded({ stream: number, seq, owed }: EventId, res: ServerResponse): true {
    const stream = new EventStream(number, [], this.log, this.backlog, this.limits);
    const missed = stream.missed(seq, owed);
    // Nothing was missed and nothing will come: 204 tells a client to stay away (HTML spec, 9.2).
    // The SDK's takes no error for an answer, and after an empty stream would come back for ever.
    if (missed.length === 0) res.writeHead(204).end();
    else stream.attach(res);
    stream.replay(missed);
    stream.end();
    return true;
  }

  /** The one with this number, if its last event is still to come. */
  private stream(number: number): EventStream | undefined {
    if (number === 0) return this.unasked;
    for (const answer of this.answers.values())
      if (answer instanceof EventStream && answer.number === number) return answer;
    return undefined;
  }
}
