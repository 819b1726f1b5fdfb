/** What a probe is, and what it can find. */
import type { Found } from './discover.ts';
import type { Door } from './doors.ts';
import type { Options } from './options.ts';
import type { Session } from './session.ts';
import type { Visit } from './visit.ts';

export interface Probe {
  /** Names it in the report and the documents. */
  id: string;
  /** What holds where nothing is wrong. */
  title: string;
  /** What to do where it does not. */
  remedy: string;
  /** Public threads of people whom it bit, or the rule it is. */
  threads: string[];
  /** Opens sessions beside those that are open: of no use where a server has one for all. */
  opens?: boolean;
  /**
   * `first`: what the others lean on. `alone`: could hurt, or must not be disturbed; the server is
   * looked after behind it. `last`: ends the server. All others run side by side.
   */
  when?: 'first' | 'alone' | 'last';
  /** ms it waits by design, beside what the server takes. */
  needsMs?(options: Options): number;
  run(visit: Visit, found: Found): Promise<Outcome>;
}

export type Verdict = 'pass' | 'fault' | 'not looked at';

export interface Outcome {
  verdict: Verdict;
  /** What was asked and what came of it; or why nothing was asked. */
  seen: string;
}

export interface Theme {
  name: string;
  probes: Probe[];
}

export function pass(seen: string): Outcome {
  return { verdict: 'pass', seen };
}

export function fault(seen: string): Outcome {
  return { verdict: 'fault', seen };
}

export function notLookedAt(why: string): Outcome {
  return { verdict: 'not looked at', seen: why };
}

/** A pass or a fault, by what was seen. */
export function judged(holds: boolean, seen: string): Outcome {
  return holds ? pass(seen) : fault(seen);
}

/** One outcome of several: the worst of them, and what was seen of that kind. */
export function together(outcomes: Outcome[]): Outcome {
  for (const verdict of ['fault', 'pass', 'not looked at'] as const) {
    const seen = outcomes.filter(outcome => outcome.verdict === verdict).map(({ seen }) => seen);
    if (seen.length > 0) return { verdict, seen: listed([...new Set(seen)]) };
  }
  return notLookedAt('there is nothing of the kind');
}

const shown = 3; // of what is alike; the others are counted

function listed(seen: string[]): string {
  const more = seen.length - shown;
  return seen.slice(0, shown).join('; ') + (more > 0 ? `; and ${more} more like these` : '');
}

/** Looks at each place where messages are posted, one after the other. */
export async function atEachDoor(
  { doors }: Found,
  look: (door: Door) => Promise<Outcome>,
): Promise<Outcome> {
  const outcomes: Outcome[] = [];
  for (const door of doors) outcomes.push(await look(door));
  return together(outcomes);
}

/** Opens a session at each, to do as one likes with. */
export function inEachSession(
  visit: Visit,
  found: Found,
  look: (session: Session, door: Door) => Promise<Outcome>,
): Promise<Outcome> {
  return atEachDoor(found, async door => look(await door.session(visit), door));
}

/** A refusal of the client's mistake: neither taken, nor the server's own failure. */
export function isRefusal(status: number): boolean {
  return status >= 400 && status < 500;
}
