/**
 * Where the messages of one Streamable POST go: one JSON body, or a stream that can be resumed.
 *
 * Of mcp-mount, MIT.
 */
import type { ServerResponse } from 'node:http';
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';
import { isGone, onGone } from '../../http/gone.ts';
import type { Backlog, Waiting } from './backlog.ts';
import { lostAnswer } from './call-errors.ts';
import { publishFrame, sent } from './channels.ts';
import { eventId, namesOf, without } from './event-ids.ts';
import { answeredIn, type EventLog, type LoggedEvent } from './event-log.ts';
import { onExpiry } from './expiry.ts';
import { PacedResponse } from './paced-response.ts';
import { refuse, refuseForNow } from './refuse.ts';
import { frameOf, keepAlive, publishStream, type StreamLimits, streamHeaders } from './stream.ts';

/** How one POST is to be answered. */
export interface AnswerStyle {
  json: boolean;
  /** The calls came as an array, and so does a JSON answer to them. */
  batch: boolean;
  /** The client knows events without data, with which a stream becomes resumable at once. */
  primed: boolean;
  /** It is to an initialize: the head waits, for it names the session, if there comes to be one. */
  begins?: boolean;
}

export interface Answer {
  res?: ServerResponse | undefined;
  /** Calls of the POST that are not settled yet. */
  readonly calls: RequestId[];
  write(message: JSONRPCMessage): void;
  /** One of the calls is answered, or without an answer cancelled. */
  settle(id: RequestId, answer?: JSONRPCMessage): void;
  /** All of them are. */
  end(): void;
  /** The session ended first. */
  abandon(): void;
}

/** One JSON body, once all calls are answered. A batch's is bounded, for it waits in memory. */
export class JsonAnswer implements Answer, Waiting {
  readonly res: ServerResponse;
  readonly calls: RequestId[];
  bytes = 0;
  since = 0;
  private readonly style: AnswerStyle;
  private readonly backlog: Backlog;
  private readonly maxChars: number;
  private readonly messages: JSONRPCMessage[] = [];
  private readonly parts: string[] = [];
  private chars = 0;
  private tooLong = false;

  constructor(
    calls: RequestId[],
    res: ServerResponse,
    style: AnswerStyle,
    backlog: Backlog,
    maxChars: number,
  ) {
    this.calls = calls;
    this.res = res;
    this.style = style;
    this.backlog = backlog;
    this.maxChars = maxChars;
  }

  write(message: JSONRPCMessage): void {
    this.backlog.makeRoom();
    if (this.tooLong) return;
    const json = JSON.stringify(message);
    this.chars += json.length;
    // One long answer always passes, as it does on a stream.
    if (this.parts.length > 0 && this.chars > this.maxChars) return void this.drop();
    this.parts.push(json);
    if (sent.hasSubscribers) this.messages.push(message);
    if (this.calls.length > 0) this.wait(json);
  }

  settle(id: RequestId, answer?: JSONRPCMessage): void {
    remove(this.calls, id);
    if (answer) this.write(answer);
  }

  end(): void {
    this.backlog.remove(this);
    if (this.tooLong) return void refuse(this.res, 400, batchTooLong);
    if (this.parts.length === 0) return void this.res.writeHead(202).end(); // all cancelled
    const body = this.style.batch ? `[${this.parts}]` : this.parts.join();
    const head = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
    this.res.writeHead(200, head);
    new PacedResponse(this.res, this.backlog).end(body);
    for (const message of this.messages) publishFrame(this.res, body, message);
  }

  abandon(): void {
    this.backlog.remove(this);
    if (!this.res.headersSent) refuseForNow(this.res, ended);
  }

  /** What is there goes, and so will what follows; in the end the client is told. */
  drop(): void {
    this.tooLong = true;
    this.parts.length = 0;
    this.messages.length = 0;
    this.backlog.remove(this);
  }

  private wait(json: string): void {
    if (this.bytes === 0) this.since = performance.now();
    this.backlog.add(this, 2 * json.length); // of UTF-16, at most
  }
}

const ended = 'The session ended before the call did.';
const batchTooLong =
  'The answers to this batch are too long for one body. Send fewer calls at a time, or accept text/event-stream.';

/** A stream that outlives its connections: events are numbered, kept, and sent again if asked. */
export class EventStream implements Answer {
  readonly number: number;
  readonly calls: RequestId[];
  /** Number of its last event. */
  last = 0;
  /** The calls, as ids of events name them. */
  private owed: string;
  private readonly log: EventLog | undefined;
  private readonly backlog: Backlog;
  private readonly limits: StreamLimits;
  private out: PacedResponse | undefined;
  /** Frames that wait for the head to leave; undefined once it has. */
  private held: string | undefined;
  /** Number of the last event that was written to a connection. */
  private written = 0;
  private isPrimed = false;

  /** @param log undefined where nobody can come back for what was missed: events have no ids then */
  constructor(
    number: number,
    calls: RequestId[],
    log: EventLog | undefined,
    backlog: Backlog,
    limits: StreamLimits,
  ) {
    this.number = number;
    this.calls = calls;
    this.owed = namesOf(calls);
    this.log = log;
    this.backlog = backlog;
    this.limits = limits;
  }

  get res(): ServerResponse | undefined {
    return this.out?.res;
  }

  /**
   * Goes on on `res`. What is there by the end of this turn leaves with the head, in one write;
   * when that is all, as it mostly is, with its length, and without chunks or a timer for pings.
   * With `waits` nothing leaves before the answer.
   */
  attach(res: ServerResponse, waits = false): void {
    this.detach();
    this.backlog.makeRoom();
    this.out = new PacedResponse(res, this.backlog);
    this.held = '';
    publishStream(res);
    if (waits) return;
    // A POST comes here from a promise, so this waits for all promises of the turn. So would
    // setImmediate, at a fifth of a call.
    process.nextTick(() => {
      if (this.res === res) this.open();
    });
  }

  write(message: JSONRPCMessage): void {
    this.backlog.makeRoom();
    const id = eventId(this.number, ++this.last, this.owed);
    const frame = frameOf(message, this.log && id);
    const isAnswer = !('method' in message);
    if (this.log?.append(frame, isAnswer) === false && isAnswer) this.keepLoss(message.id);
    this.push(frame, this.last, message);
  }

  /** An id without data: from here on the client can resume (2025-11-25, transports). */
  prime(): void {
    this.isPrimed = true;
    const { number, written, owed, limits } = this;
    const id = eventId(number, written, owed);
    this.push(`id: ${id}\nretry: ${limits.retryMs}\ndata: \n\n`, written);
  }

  settle(id: RequestId, answer?: JSONRPCMessage): void {
    remove(this.calls, id);
    this.owed = without(this.owed, id);
    if (answer) this.write(answer);
    else if (this.isPrimed) this.prime(); // so that the client does not come back for it
  }

  /**
   * What came after event `after`, or what no connection has seen yet; and an error for each call
   * whose answer should be there and is not, for a client that is told nothing waits.
   * @param owed calls that the client waits for, without those that are still in flight
   */
  missed(after = this.written, owed: RequestId[] = []): LoggedEvent[] {
    const kept = (this.log?.of(this.number) ?? []).filter(({ seq }) => seq > after);
    const answered = owed.length === 0 ? [] : kept.map(answeredIn);
    const lost = owed.filter(id => !answered.includes(id));
    const seq = kept.at(-1)?.seq ?? after;
    return [...kept, ...lost.map((id, index) => this.loss(id, seq, lost.slice(index + 1)))];
  }

  replay(events: LoggedEvent[]): void {
    for (const { frame, seq } of events) this.push(frame, seq);
  }

  detach(): void {
    const { out, held } = this;
    if (!out) return;
    this.out = undefined;
    if (held === undefined || out.res.headersSent) return void out.end();
    const head = { 'Content-Length': Buffer.byteLength(held), ...streamHeaders };
    out.res.writeHead(200, head);
    out.end(held);
  }

  end(): void {
    this.detach();
  }

  abandon(): void {
    const { res, held } = this;
    if (res && held !== undefined && !res.headersSent) refuseForNow(res, ended);
    this.detach();
  }

  /** A too long answer is kept as the error that stands for it. */
  private keepLoss(call: RequestId | undefined): void {
    if (call !== undefined) this.log?.append(this.loss(call, this.last).frame, true);
  }

  /** @param lost calls whose loss is still to be told */
  private loss(call: RequestId, seq: number, lost: RequestId[] = []): LoggedEvent {
    const owed = namesOf([...lost, ...this.calls]);
    const id = eventId(this.number, seq, owed);
    return { stream: this.number, seq, frame: frameOf(lostAnswer(call), id) };
  }

  private push(frame: string, seq: number, message?: JSONRPCMessage): void {
    const { out } = this;
    if (!out || out.res.destroyed) return;
    if (this.held !== undefined) this.held += frame;
    else if (!out.write(frame)) return;
    if (this.held && this.held.length > maxHeldChars) this.open();
    this.written = seq;
    if (sent.hasSubscribers) publishFrame(out.res, frame, message);
  }

  private open(): void {
    const { out, held, limits } = this;
    if (!out || held === undefined) return;
    const { res } = out;
    if (isGone(res) || res.headersSent) {
      this.out = undefined; // the client has left, or was told that its request failed
      return;
    }
    this.held = undefined;
    res.writeHead(200, { ...streamHeaders }).flushHeaders();
    if (held) out.write(held);
    keepAlive(res, limits.keepAliveMs);
    onExpiry(res, () => {
      if (this.out === out) this.detach();
    });
    onGone(res, () => {
      if (this.out === out) this.out = undefined;
    });
  }
}

function remove<T>(list: T[], entry: T): void {
  const index = list.indexOf(entry);
  if (index !== -1) list.splice(index, 1);
}

const maxHeldChars = 64 * 1024; // what a turn has to say beyond that goes out as it comes
