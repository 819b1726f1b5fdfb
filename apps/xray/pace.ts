/** So many at once, and so many a second more: a token bucket. */
export class Pace {
  private readonly atOnce: number;
  private readonly perMs: number;
  private left: number;
  private sinceMs = performance.now();

  constructor(atOnce: number, perSecond: number) {
    this.atOnce = atOnce;
    this.perMs = perSecond / 1_000;
    this.left = atOnce;
  }

  /** Whether one more may go. */
  take(): boolean {
    this.refill();
    if (this.left < 1) return false;
    this.left--;
    return true;
  }

  /** Whether the last that asked had to stay, or was the last to go. */
  isSpent(): boolean {
    return this.left < 1;
  }

  /** Whether it is as if none had gone. */
  isFull(): boolean {
    this.refill();
    return this.left === this.atOnce;
  }

  private refill(): void {
    const nowMs = performance.now();
    this.left = Math.min(this.atOnce, this.left + (nowMs - this.sinceMs) * this.perMs);
    this.sinceMs = nowMs;
  }
}
