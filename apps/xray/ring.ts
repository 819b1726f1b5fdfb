/**
 * The last of what is pushed: so many at most, and together of such a size. Each push takes the
 * same few steps, where an array would move all it holds to let its first go.
 */
export class Ring<T> {
  private readonly slots: (T | undefined)[];
  private readonly maxSize: number;
  private readonly sizeOf: (one: T) => number;
  private first = 0; // where the oldest is
  private count = 0;
  private size = 0;

  constructor(maxCount: number, maxSize: number, sizeOf: (one: T) => number) {
    this.slots = new Array<T | undefined>(maxCount).fill(undefined);
    this.maxSize = maxSize;
    this.sizeOf = sizeOf;
  }

  /** The newest stays, however large it is. */
  push(one: T): void {
    if (this.count === this.slots.length) this.drop();
    this.slots[this.at(this.count++)] = one;
    this.size += this.sizeOf(one);
    while (this.size > this.maxSize && this.count > 1) this.drop();
  }

  /** Oldest first. */
  all(): T[] {
    const all: T[] = [];
    for (let i = 0; i < this.count; i++) {
      const one = this.slots[this.at(i)];
      if (one !== undefined) all.push(one);
    }
    return all;
  }

  private drop(): void {
    const oldest = this.slots[this.first];
    if (oldest !== undefined) this.size -= this.sizeOf(oldest);
    this.slots[this.first] = undefined;
    this.first = this.at(1);
    this.count--;
  }

  private at(offset: number): number {
    return (this.first + offset) % this.slots.length;
  }
}
