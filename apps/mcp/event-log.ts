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
const firstBytes = 4 * 1024;

/** The older half goes when there is no room for more. */
export class EventLog {
  private bytes = Buffer.alloc(0);
  private used = 0;
  /** Where the newer half begins, and how many events it has. */
  private middle = 0;
  private newer = 0;

  /** @param frame with `id: stream.seq` as a line of its own */
  append(frame: string): void {
    const length = Buffer.byteLength(frame);
    if (this.newer >= maxEvents / 2 || this.used + length > maxBytes) this.forgetOlder();
    if (this.used + length > maxBytes) this.forgetOlder(); // the newer half, by now
    if (length > maxBytes) return;
    if (this.used + length > this.bytes.length) this.resize(this.used + length);
    this.used += this.bytes.write(frame, this.used);
    this.newer++;
  }

  /** Those of one stream. */
  of(stream: number): LoggedEvent[] {
    const frames = this.bytes.toString('utf8', 0, this.used).split(frameEnd);
    return frames.map(toEvent).filter(event => event.stream === stream);
  }

  private forgetOlder(): void {
    const kept = this.bytes.subarray(this.middle, this.used);
    const isMostlyEmpty = kept.length < this.bytes.length / 4;
    if (isMostlyEmpty) this.bytes = Buffer.from(kept);
    else this.bytes.set(kept);
    this.used = kept.length;
    this.middle = this.used;
    this.newer = 0;
  }

  private resize(needed: number): void {
    const larger = Buffer.alloc(
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
