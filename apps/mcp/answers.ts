/**
 * Where the messages of one Streamable POST go: one JSON body, or a stream that can be resumed.
 */
import type { ServerResponse } from 'node:http';
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';
import { isGone, onGone } from '../../http/gone.ts';
import { publishFrame, sent } from './channels.ts';
import type { EventLog } from './event-log.ts';
import { onExpiry } from './expiry.ts';
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
  /** Calls of the POST that are not answered yet. */
  readonly calls: RequestId[];
  write(message: JSONRPCMessage): void;
  /** All calls are answered, or cancelled. */
  end(): void;
  /** The session ended first. */
  abandon(): void;
}

/** One JSON body, once all calls are answered. A batch's is bounded, for it waits in memory. */
export class JsonAnswer implements Answer {
  readonly res: ServerResponse;
  readonly calls: RequestId[];
  private readonly style: AnswerStyle;
  private readonly maxChars: number;
  private readonly messages: JSONRPCMessage[] = [];
  private readonly parts: string[] = [];
  private chars = 0;
  private tooLong = false;

  constructor(calls: RequestId[], res: ServerResponse, style: AnswerStyle, maxChars: number) {
    this.calls = calls;
    this.res = res;
    this.style = style;
    this.maxChars = maxChars;
  }

  write(message: JSONRPCMessage): void {
    if (this.tooLong) return;
    const json = JSON.stringify(message);
    this.chars += json.length;
    // One long answer always passes, as it does on a stream.
    this.tooLong = this.parts.length > 0 && this.chars > this.maxChars;
    if (this.tooLong) return void this.forget();
    this.parts.push(json);
    if (sent.hasSubscribers) this.messages.push(message);
  }

  end(): void {
    if (this.tooLong) return void refuse(this.res, 400, batchTooLong);
    if (this.parts.length === 0) return void this.res.writeHead(202).end(); // all cancelled
    const body = this.style.batch ? `[${this.parts}]` : this.parts.join();
    const head = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
    this.res.writeHead(200, head).end(body);
    for (const message of this.messages) publishFrame(this.res, body, message);
  }

  private forget(): void {
    this.parts.length = 0;
    this.messages.length = 0;
  }

  abandon(): void {
    if (!this.res.headersSent) refuseForNow(this.res, ended);
  }
}

const ended = 'The session ended before the call did.';
const batchTooLong =
  'The answers to this batch are too long for one body. Send fewer calls at a time, or accept text/event-stream.';

/** A stream that outlives its connections: events are numbered, kept, and sent again if asked. */
export class EventStream implements Answer {
  readonly number: number;
  readonly calls: RequestId[];
  res: ServerResponse | undefined;
  private readonly log: EventLog;
  private readonly limits: StreamLimits;
  /** Frames that wait for the head to leave; undefined once it has. */
  private held: string | undefined;
  private last = 0;
  /** Number of the last event that was written to a connection. */
  private written = 0;

  constructor(number: number, calls: RequestId[], log: EventLog, limits: StreamLimits) {
    this.number = number;
    this.calls = calls;
    this.log = log;
    this.limits = limits;
  }

  /**
   * Goes on on `res`. What is there by the end of this turn leaves with the head, in one write;
   * when that is all, as it mostly is, with its length, and without chunks or a timer for pings.
   * With `waits` nothing leaves before the answer.
   */
  attach(res: ServerResponse, waits = false): void {
    this.detach();
    this.res = res;
    this.held = '';
    publishStream(res);
    if (waits) return;
    // A POST comes here from a promise, so this waits for all promises of the turn. So would
    // setImmediate, at a tenth of a call.
    process.nextTick(() => {
      if (this.res === res) this.open();
    });
  }

  write(message: JSONRPCMessage): void {
    const frame = frameOf(message, `${this.number}.${++this.last}`);
    this.log.append(frame);
    this.push(frame, this.last, message);
  }

  /** An id without data: from here on the client can resume (2025-11-25, transports). */
  prime(): void {
    const { number, written, limits } = this;
    this.push(`id: ${number}.${written}\nretry: ${limits.retryMs}\ndata: \n\n`, written);
  }

  /** Sends again what came after event `after`, or what no connection has seen yet. */
  replay(after = this.written): void {
    for (const { frame, seq } of this.log.of(this.number)) if (seq > after) this.push(frame, seq);
  }

  detach(): void {
    const { res, held } = this;
    if (!res) return;
    this.res = undefined;
    if (held === undefined || res.headersSent) return void res.end();
    const head = { 'Content-Length': Buffer.byteLength(held), ...streamHeaders };
    res.writeHead(200, head).end(held);
  }

  end(): void {
    this.detach();
  }

  abandon(): void {
    const { res, held } = this;
    if (res && held !== undefined && !res.headersSent) refuseForNow(res, ended);
    this.detach();
  }

  private push(frame: string, seq: number, message?: JSONRPCMessage): void {
    const { res } = this;
    if (!res || res.destroyed) return;
    if (this.held === undefined) res.write(frame);
    else this.held += frame;
    if (this.held && this.held.length > maxHeldChars) this.open();
    this.written = seq;
    if (sent.hasSubscribers) publishFrame(res, frame, message);
  }

  private open(): void {
    const { res, held, limits } = this;
    if (!res || held === undefined) return;
    if (isGone(res) || res.headersSent) {
      this.res = undefined; // the client has left, or was told that its request failed
      return;
    }
    this.held = undefined;
    res.writeHead(200, { ...streamHeaders }).flushHeaders();
    if (held) res.write(held);
    keepAlive(res, limits.keepAliveMs);
    onExpiry(res, () => {
      if (this.res === res) this.detach();
    });
    onGone(res, () => {
      if (this.res === res) this.res = undefined;
    });
  }
}

const maxHeldChars = 64 * 1024; // what a turn has to say beyond that goes out as it comes
