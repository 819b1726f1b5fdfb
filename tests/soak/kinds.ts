/** The kinds of client there are, and what of each is left to chance. */
import type fc from 'fast-check';
import type { Visitor } from './visitor.ts';

export interface Kind {
  name: string;
  /** What such a client does, and what must come of it. */
  does: string;
  /** Share of the visits. */
  weight: number;
  visits: fc.Arbitrary<Visit>;
}

/** All that one client will do, decided before it comes. */
export interface Visit {
  kind: string;
  /** What chance decided, to be shown when the visit fails. */
  input: unknown;
  /** Rejects when what must come of it does not. */
  pay(visitor: Visitor): Promise<void>;
}

/** @param input what chance decides about `visit` */
export function kind<Input>(
  about: Omit<Kind, 'visits'>,
  input: fc.Arbitrary<Input>,
  visit: (visitor: Visitor, input: Input) => Promise<void>,
): Kind {
  const visits = input.map(input => ({
    kind: about.name,
    input,
    pay: (visitor: Visitor) => visit(visitor, input),
  }));
  return { ...about, visits };
}
