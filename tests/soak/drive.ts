/** Has the clients come as planned, and keeps the tally of what came of it. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Visit } from './kinds.ts';
import type { ExpectedList } from './list.ts';
import type { Arrival } from './plan.ts';
import type { Program } from './program.ts';
import { host } from './visitor.ts';

/** By kind: how many came, and what some of them complain of. */
export type Tally = Map<string, { visits: number; complaints: string[] }>;

const maxAtOnce = 40; // clients; a plan that is too much for the machine takes longer

/** Resolves when all have left. Stops when the server is gone. */
export async function drive(
  program: Program,
  list: ExpectedList,
  arrivals: Iterable<Arrival>,
  tally: Tally,
): Promise<void> {
  const here = new Set<Promise<void>>();
  let dueMs = performance.now();
  let number = 0;
  for (const { afterMs, visit } of arrivals) {
    dueMs += afterMs;
    await wait(Math.max(0, dueMs - performance.now()));
    while (here.size >= maxAtOnce) await Promise.race(here);
    if (program.isGone()) break;
    const where = { port: program.port, list, number: ++number };
    const visited = noted(tally, visit, host(where, visit.pay), program);
    here.add(visited);
    visited.then(() => here.delete(visited));
  }
  await Promise.all(here);
}

async function noted(
  tally: Tally,
  { kind, input }: Visit,
  visited: Promise<void>,
  { isGone }: Program,
): Promise<void> {
  const entry = tally.get(kind) ?? { visits: 0, complaints: [] };
  tally.set(kind, entry);
  entry.visits++;
  await visited.catch(error => {
    if (isGone()) entry.complaints.push('the server was gone');
    else
      entry.complaints.push(`${short(messageOf(error))}\n  with ${short(JSON.stringify(input))}`);
  });
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause ? `${error.message}: ${messageOf(error.cause)}` : error.message;
}

function short(text: string): string {
  return text.length > maxShown ? `${text.slice(0, maxShown)}…` : text;
}

const maxShown = 300; // characters
