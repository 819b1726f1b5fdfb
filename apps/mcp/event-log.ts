/**
 * The last events of one session, as they were sent, for Last-Event-ID.
 *
 * They lie as bytes in one buffer. As strings, each outlives a few of V8's young collections, which
 * copy what they find alive: that took a tenth to a fifth of a call over Streamable HTTP.
 */
export interface LoggedEvent {
  stream: number;
  seq: number;
  frame: string;
}

const maxEvents = 100; // covers a connection that drops, not an absence
const maxBytes = 256 * 1024; // at 1,000 sessions, a quarter gigabyte if all are full
const firstBytes = 4 * 1024; // a few short answers

/** When it is full, the older half goes. */
export class EventLog {
  private bytes = Buffer.alloc(0);
  private used = 0;
  private events = 0;
  /** Where the newer half begins, and how many events lie before it. 0: it has not begun. */
  private middle = 0;
  private older = 0;

  /** @param frame with `id: stream.seq` as a line of its own */
  append(frame: string): void {
    const length = Buffer.byteLength(frame);
    while (this.events > 0 && (this.events === maxEvents || this.used + length > maxBytes))
      this.forgetOlder();
    if (length > maxBytes) return;
    if (this.used + length > this.bytes.length) this.resize(this.used + length);
    this.used += this.bytes.write(frame, this.used);
    this.events++;
    if (this.middle === 0 && this.isHalfFull()) this.beginNewer();
  }

  /** Those of one stream. */
  of(stream: number): LoggedEvent[] {
    const frames = this.bytes.toString('utf8', 0, this.used).split(frameEnd);
    return frames.map(toEvent).filter(event => event.stream === stream);
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
  const [, stream, seq] = /^id: (\d+)\.(\d+)$/m.exec(frame) ?? [];
  return { stream: Number(stream), seq: Number(seq), frame };
}
