/**
 * CPU time per call of each peer's process, as the operating system counts it. All peers run at
 * once and take turns within each round, so whatever else the machine does meets all of them.
 */
import type { Load, Peer } from './child.ts';
import type { Metric } from './metrics.ts';
import { median, rotated } from './stats.ts';

/** ms of CPU per call, by peer; and each peer's ratio to the bare SDK's (above 1: cheaper). */
export interface CpuRow {
  metric: Metric;
  cpu: Record<string, number>;
  ratio: Record<string, number>;
}

/** How long to measure. */
export interface Rounds {
  /** Rounds not counted: a server's first thousands of calls are half compiling. */
  warmUps: number;
  rounds: number;
}

export async function measureCpu(
  metric: Metric,
  peers: Peer[],
  load: Load,
  { warmUps, rounds }: Rounds,
): Promise<CpuRow> {
  const samples = new Map(peers.map(({ name }): [string, number[]] => [name, []]));
  for (let round = 0; round < warmUps + rounds; round++) {
    for (const peer of rotated(peers, round)) {
      const perCall = await cpuPerCall(metric, peer, load, metric.calls);
      if (round >= warmUps) samples.get(peer.name)?.push(perCall);
    }
  }
  const bare = samples.get('sdk') ?? [];
  const cpu: Record<string, number> = {};
  const ratio: Record<string, number> = {};
  for (const [name, own] of samples) {
    cpu[name] = median(own);
    // Round by round, and rounds are short: a slow stretch of the machine weighs on both sides.
    ratio[name] = median(own.map((value, round) => (bare[round] ?? Number.NaN) / value));
  }
  return { metric, cpu, ratio };
}

async function cpuPerCall(metric: Metric, peer: Peer, load: Load, calls: number): Promise<number> {
  const port = peer.ports[metric.door] ?? 0;
  if (metric.sessions) {
    const { kind, count } = metric.sessions;
    checkAnswers(peer, await load.run('open', { port, kind, sessions: count }));
  }
  const before = await peer.ask('cpu');
  await metric.run(load, port, calls);
  const used = (await peer.ask('cpu')) - before;
  await load.run('leave', {});
  return used / calls;
}

/** A peer that answers something else, or less, measures nothing. */
function checkAnswers(peer: Peer, answers: string): void {
  const expected = ['Apples', 'Bread', 'Coffee', 'get_items', 'add_item', 'remove_item'];
  const missing = expected.find(word => !answers.includes(word));
  if (missing !== undefined) throw new Error(`${peer.name} did not answer with ${missing}.`);
}
