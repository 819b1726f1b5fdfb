/** Who comes when: decided by the seed alone, whatever the server does. */
import fc from 'fast-check';
import type { Kind, Visit } from './kinds.ts';

export interface Arrival {
  /** Since the one before. */
  afterMs: number;
  visit: Visit;
}

// A dozen a second, some together: two cores serve that and make it, too.
const gapsMs = [0, 0, 20, 50, 100, 300];
const atATime = 100; // visits

/** Arrivals for so many seconds. */
export function* arrivals(kinds: Kind[], seed: number, seconds: number): Generator<Arrival, void> {
  const visit = fc.oneof(...kinds.map(({ weight, visits }) => ({ weight, arbitrary: visits })));
  const arrival = fc.record({ afterMs: fc.constantFrom(...gapsMs), visit });
  let leftMs = seconds * 1_000;
  for (let part = 0; ; part++) {
    for (const next of fc.sample(arrival, { seed: seed + part, numRuns: atATime })) {
      leftMs -= next.afterMs;
      if (leftMs < 0) return;
      yield next;
    }
  }
}

/** Each kind often enough that what is made once and kept has been made. */
export function* firstArrivals(kinds: Kind[], seed: number): Generator<Arrival, void> {
  for (let round = 0; round < warmRounds; round++)
    for (const { visits } of kinds)
      for (const visit of fc.sample(visits, { seed: seed - 1 - round, numRuns: 2 }))
        yield { afterMs: 80, visit };
}

const warmRounds = 4;
