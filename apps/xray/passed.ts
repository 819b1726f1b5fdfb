/** How often each mount and each route was passed: by all requests, and by those of each owner. */
import type { Entry } from '../../http/app.ts';
import type { Owner } from './owner.ts';

const maxOwners = 100; // counted apart; of more, the oldest are forgotten

/** By entry. Weak: an app may make routers as it goes, and forget them. */
export type EntryCounts = WeakMap<Entry, { times: number }>;

export class PassedEntries {
  private readonly byAll: EntryCounts = new WeakMap();
  private readonly byOwner = new Map<string, EntryCounts>();

  add(entry: Entry, owner: Owner): void {
    countOf(entry, this.byAll).times++;
    if (owner !== undefined) countOf(entry, this.countsOf(owner)).times++;
  }

  /** Those of `owner`'s requests; without one, of all. */
  by(owner: Owner): EntryCounts {
    if (owner === undefined) return this.byAll;
    return this.byOwner.get(owner) ?? new WeakMap();
  }

  private countsOf(owner: string): EntryCounts {
    const known = this.byOwner.get(owner);
    if (known) return known;
    const counts: EntryCounts = new WeakMap();
    this.byOwner.set(owner, counts);
    if (this.byOwner.size > maxOwners) this.byOwner.delete(this.byOwner.keys().next().value ?? '');
    return counts;
  }
}

function countOf(entry: Entry, counts: EntryCounts): { times: number } {
  const known = counts.get(entry);
  if (known) return known;
  const count = { times: 0 };
  counts.set(entry, count);
  return count;
}
