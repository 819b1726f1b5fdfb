/**
 * What waits for its readers, of one session and of the whole app: how much it is, and who goes
 * when it is too much. That is the one furthest behind, not the one that is written to next.
 *
 * Of mcp-mount, MIT.
 */

/** A response whose reader has not taken all of it, or an answer that waits to become whole. */
export interface Waiting {
  /** Bytes that wait. Kept by the backlog. */
  bytes: number;
  /** When it last got on, in ms of performance.now(). */
  since: number;
  /** Ends it, and has the backlog remove it. */
  drop(): void;
}

export class Backlog {
  private readonly maxBytes: number;
  private readonly app: Backlog | undefined;
  private readonly waiting = new Set<Waiting>();
  private sum = 0;

  /** @param app of which this is a part: what waits here waits there as well */
  constructor(maxBytes: number, app?: Backlog) {
    this.maxBytes = maxBytes;
    this.app = app;
  }

  /** That wait in all. */
  get bytes(): number {
    return this.sum;
  }

  /** Asked before a write, so that one large message to a healthy reader always passes. */
  makeRoom(): void {
    while (this.sum > this.maxBytes && this.waiting.size > 0) this.furthest()?.drop();
    this.app?.makeRoom();
  }

  /** @param bytes that wait from now on; below 0: that have been taken */
  add(who: Waiting, bytes: number): void {
    who.bytes += bytes;
    this.count(who, bytes);
  }

  remove(who: Waiting): void {
    this.forget(who);
    who.bytes = 0;
  }

  private count(who: Waiting, bytes: number): void {
    this.waiting.add(who);
    this.sum += bytes;
    this.app?.count(who, bytes);
  }

  private forget(who: Waiting): void {
    if (this.waiting.delete(who)) this.sum -= who.bytes;
    this.app?.forget(who);
  }

  /** By how much waits and for how long: a large answer that is on its way gets on, or is new. */
  private furthest(): Waiting | undefined {
    const now = performance.now();
    const lag = ({ bytes, since }: Waiting) => bytes * (1 + now - since);
    let furthest: Waiting | undefined;
    for (const who of this.waiting) if (!furthest || lag(who) > lag(furthest)) furthest = who;
    return furthest;
  }
}
