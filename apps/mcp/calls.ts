/**
 * What belongs to each call in flight, by the call's id.
 *
 * A list while they are few, as a client's mostly are, and a Map beyond. A Map that is filled and
 * emptied leaves tables behind, each holding the next, and once one is in V8's old space all are
 * kept until that is collected: so it goes as soon as they are few again. For a like reason the
 * list does not shrink: one that is emptied gets new memory with the next call.
 *
 * Of mcp-mount, MIT.
 */
import type { RequestId } from '@modelcontextprotocol/sdk/types.js';

const few = 16; // a list that short is looked through as fast as a Map is asked

export class Calls<T> {
  private count = 0;
  private readonly ids: (RequestId | undefined)[] = [undefined, undefined];
  private readonly entries: (T | undefined)[] = [undefined, undefined];
  private many: Map<RequestId, T> | undefined;

  get size(): number {
    return this.many?.size ?? this.count;
  }

  get(id: RequestId): T | undefined {
    return this.many ? this.many.get(id) : this.entries[this.ids.indexOf(id)];
  }

  /** @param id of none that is in here */
  add(id: RequestId, entry: T): void {
    if (this.count === few) this.toMap();
    if (this.many) return void this.many.set(id, entry);
    this.ids[this.count] = id;
    this.entries[this.count++] = entry;
  }

  /** @returns what was there */
  take(id: RequestId): T | undefined {
    const { many } = this;
    if (!many) return this.takeFrom(this.ids.indexOf(id));
    const entry = many.get(id);
    if (many.delete(id) && many.size <= few / 2) this.toList(many);
    return entry;
  }

  all(): T[] {
    return this.many ? [...this.many.values()] : this.entries.filter(entry => entry !== undefined);
  }

  clear(): void {
    this.many = undefined;
    this.count = 0;
    this.ids.fill(undefined);
    this.entries.fill(undefined);
  }

  /** The last one moves up. */
  private takeFrom(index: number): T | undefined {
    const entry = this.entries[index];
    if (index === -1) return undefined;
    const last = --this.count;
    this.ids[index] = this.ids[last];
    this.entries[index] = this.entries[last];
    this.ids[last] = undefined;
    this.entries[last] = undefined;
    return entry;
  }

  private toMap(): void {
    const many = new Map<RequestId, T>();
    for (const [index, id] of this.ids.entries()) {
      const entry = this.entries[index];
      if (id !== undefined && entry !== undefined) many.set(id, entry);
    }
    this.clear();
    this.many = many;
  }

  private toList(many: Map<RequestId, T>): void {
    this.clear();
    for (const [id, entry] of many) this.add(id, entry);
  }
}
