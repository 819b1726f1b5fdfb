/**
 * The last events of one session, as they were sent, for Last-Event-ID. Answers are kept apart: who
 * misses one waits for it, so only other answers push it out, not what a chatty tool says besides.
 *
 * Of mcp-mount, MIT.
 */
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';

export interface LoggedEvent {
  stream: number;
  seq: number;
  frame: string;
}

/** The call that a frame answers; undefined for one that answers none. */
export function answeredIn({ frame }: LoggedEvent): RequestId | undefined {
  const data = frame.slice(frame.indexOf('\ndata: ') + '\ndata: '.length);
  const message: JSONRPCMessage = JSON.parse(data); // as frameOf() wrote it
  return 'method' in message ? undefined : message.id;
}

const maxEvents = 100; // covers a connection that drops, not an absence
const maxBytes = 256 * 1024; // at 1,000 sessions, a quarter gigabyte if all are full of answers
const firstBytes = 4 * 1024; // a few short answers
const nothing = Buffer.alloc(0);

export class EventLog {
  private readonly answers = new Tail();
  private readonly others = new Tail();

  /**
   * @param frame with `id: stream.seq…` as a line of its own
   * @returns false for one that is too long to be kept; it displaces nothing
   */
  append(frame: string, isAnswer: boolean): boolean {
    return (isAnswer ? this.answers : this.others).append(frame);
  }

  /** Those of one stream, in the order in which they were sent. */
  of(stream: number): LoggedEvent[] {
    const frames = [...this.answers.frames(), ...this.others.frames()];
    const events = frames.map(toEvent).filter(event => event.stream === stream);
    return events.sort((a, b) => a.seq - b.seq);
  }
}

/**
 * When it is full, the older half goes. As bytes, since those lie outside V8's heap, whose limit a
 * thousand full logs of strings would reach on a small machine. To a call both cost the same.
 */
class Tail {
  private bytes = nothing;
  private used = 0;
  private events = 0;
  /** Where the newer half begins, and how many events lie before it. 0: it has not begun. */
  private middle = 0;
  private older = 0;

  append(frame: string): boolean {
    const length = Buffer.byteLength(frame);
    if (length > maxBytes) return false;
    while (this.events === maxEvents || this.used + length > maxBytes) this.forgetOlder();
    if (this.used + length > this.bytes.length) this.resize(this.used + length);
    this.used += this.bytes.write(frame, this.used);
    this.events++;
    if (this.middle === 0 && this.isHalfFull()) this.beginNewer();
    return true;
  }

  frames(): string[] {
    return this.bytes.toString('utf8', 0, this.used).split(frameEnd);
  }

  private isHalfFull(): boolean {
    return this.events >= maxEvents / 2 || this.used >= maxBytes / 2;
  }

  private beginNewer(): void {
    this.middle = this.used;
    this.older = this.events;
  }

  private forgetOlder(): void {
    if (this.middle === 0) this.beginNewer(); // a long one comes: all is older
    const kept = this.bytes.subarray(this.middle, this.used);
    // In place, but that one long answer must not hold its memory for as long as the session.
    const isMostlyEmpty = kept.length < this.bytes.length / 4;
    if (isMostlyEmpty) this.bytes = Buffer.from(kept);
    else this.bytes.set(kept);
    this.used = kept.length;
    this.events -= this.older;
    this.middle = 0;
  }

  private resize(needed: number): void {
    // unsafe is safe here: nothing behind `used` is read
    const larger = Buffer.allocUnsafeSlow(
      Math.max(needed, Math.min(2 * this.bytes.length, maxBytes), firstBytes),
    );
    this.bytes.copy(larger, 0, 0, this.used);
    this.bytes = larger;
  }
}

const frameEnd = /(?<=\n\n)/; // JSON holds no line break, so there is none inside a frame

function toEvent(frame: string): LoggedEvent {
  const [, stream, seq] = /^id: (\d+)\.(\d+)/m.exec(frame) ?? [];
  return { stream: Number(stream), seq: Number(seq), frame };
}
