/** What the server must hold at the end: all that it acknowledged, and nothing that nobody wrote. */
import { isDeepStrictEqual } from 'node:util';

export interface Item {
  id: number;
  name: string;
  quantity: number;
  purchased: boolean;
}

/** Begins the name of what a client writes that does not wait to hear of it. */
export const maybe = 'maybe';

const kept = 200; // items, of the 1,000 that the list may hold

export class ExpectedList {
  private readonly items = new Map<number, Item>();
  private readonly settled = new Set<number>();

  /** Acknowledged, as it now is. */
  has(item: Item): void {
    this.items.set(item.id, item);
  }

  /** Its writer is done with it: others may take it off the list. */
  release(id: number): void {
    this.settled.add(id);
  }

  /** Its removal is acknowledged. */
  hasNot(id: number): void {
    this.items.delete(id);
  }

  /** Hands out what is too much, oldest first, each to one client only. */
  takeSurplus(atMost: number): number[] {
    const surplus = Math.max(0, this.settled.size - kept);
    const ids = [...this.settled].slice(0, Math.min(surplus, atMost));
    for (const id of ids) this.settled.delete(id);
    return ids;
  }

  /** Written by a client that left, so that none waits for it. */
  isStray({ id, name }: Item): boolean {
    return name.startsWith(maybe) && !this.items.has(id);
  }

  /** What is wrong with `found`; none when it is as it must be. */
  differences(found: Item[]): string[] {
    const byId = new Map(found.map(item => [item.id, item]));
    const lost = [...this.items.values()].filter(({ id }) => !byId.has(id));
    const changed = found.filter(item => this.items.has(item.id) && !this.isAsWritten(item));
    const extra = found.filter(item => !this.items.has(item.id) && !this.isStray(item));
    return [
      ...lost.map(item => `lost: ${JSON.stringify(item)}`),
      ...changed.map(item => `not as it was written: ${JSON.stringify(item)}`),
      ...extra.map(item => `there, but never acknowledged: ${JSON.stringify(item)}`),
    ];
  }

  private isAsWritten(item: Item): boolean {
    return isDeepStrictEqual(item, this.items.get(item.id));
  }

  get size(): number {
    return this.items.size;
  }
}
