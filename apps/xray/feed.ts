/**
 * The steps that wait for the next flush. Bounded however many come: past the bound whole
 * requests are left out and counted, so that what is shown is shown to its end.
 */
import type { Exchange, Step } from './steps.ts';
import { toWire, type WireStep } from './wire.ts';

/** `n` grows from step to step, so that a page which gets one twice takes it once. */
export type Numbered = { n: number } & (WireStep | { kind: 'closed'; session: string });

export interface Batch {
  steps: Numbered[];
  /** Requests that were left out. */
  skipped: number;
}

const burst = 60; // requests at once: a few agents that connect together
const perFlush = 3; // requests more with each flush: 30 a second, faster than anybody reads
const maxSteps = 2_000; // waiting; frames and messages of one request may come fast, too
const maxOpen = 500; // requests under way whose first steps are kept
const headSteps = 12; // of each: the way, the session, the first frame or message

export type Feed = ReturnType<typeof createFeed>;

export function createFeed() {
  let steps: Numbered[] = [];
  let skipped = 0;
  let room = burst;
  let last = Math.round(performance.now() * 1_000); // more than a feed before it can have reached
  const shown = new WeakSet<Exchange>();
  const heads = new Map<number, Numbered[]>(); // by exchange, while it is under way

  function take(step: Step): void {
    const { exchange, kind } = step;
    if (kind === 'request') {
      if (--room < 0) return void skipped++;
      shown.add(exchange);
    }
    if (shown.has(exchange)) push(toWire(step));
  }

  function push(step: WireStep): void {
    if (steps.length >= maxSteps && (step.kind === 'frame' || step.kind === 'message')) return;
    const numbered = { ...step, n: ++last };
    steps.push(numbered);
    keepHead(numbered, step.exchange);
  }

  function keepHead(step: Numbered, exchange: number): void {
    if (step.kind === 'request' && heads.size < maxOpen) heads.set(exchange, []);
    const head = heads.get(exchange);
    if (head && head.length < headSteps) head.push(step);
    if (step.kind === 'answered') heads.delete(exchange);
  }

  function sessionClosed(session: string): void {
    if (steps.length < maxSteps) steps.push({ n: ++last, kind: 'closed', session });
  }

  /** What came since the last call; undefined when nothing did. */
  function flush(): Batch | undefined {
    room = Math.min(burst, Math.max(room, 0) + perFlush);
    if (steps.length === 0 && skipped === 0) return undefined;
    const batch = { steps, skipped };
    steps = [];
    skipped = 0;
    return batch;
  }

  /** The first steps of what is under way, for a page that opens now. */
  const open = (): Numbered[] => [...heads.values()].flat();

  return { take, push, sessionClosed, flush, open };
}
