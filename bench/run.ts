/**
 * This server beside its peers, in one run:
 *
 *     npm run bench -- [--quick] [--save] [--only TEXT]
 *
 * --quick   under a minute: fewer calls and rounds, and fewer peers
 * --only    the metrics whose names hold TEXT
 * --save    writes bench/RESULTS.md, docs/bench.md and docs/bench.svg
 */
import { parseArgs } from 'node:util';
import { type Load, startLoad, startPeer } from './child.ts';
import { type CpuRow, measureCpu } from './cpu.ts';
import { measureLatency, measureMemory } from './crowd.ts';
import { metrics } from './metrics.ts';
import { type CrowdRow, cpuTable, crowdTable, save } from './report.ts';
import { median, quantile, rotated } from './stats.ts';

const modes = {
  quick: {
    names: ['floor', 'ours', 'xray', 'sdk'],
    warmUps: 4,
    rounds: 5,
    crowdRounds: 1,
    crowds: [1_000],
    latencyCalls: 4_000,
  },
  full: {
    names: ['floor', 'ours', 'xray', 'sdk', 'express'],
    warmUps: 20,
    rounds: 40,
    crowdRounds: 3,
    crowds: [1_000, 5_000],
    latencyCalls: 20_000,
  },
};
type Mode = (typeof modes)['full'];

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    save: { type: 'boolean' },
    only: { type: 'string' },
  },
});

async function main(): Promise<void> {
  const mode: Mode = flags.quick ? modes.quick : modes.full;
  const load = await startLoad();
  const cpu = await cpuRows(load, mode);
  const crowd = await crowdRows(load, mode);
  await load.stop();
  console.log(`${cpuTable(cpu)}\n\n${crowdTable(crowd)}`);
  if (flags.save) save(cpu, crowd);
}

async function cpuRows(load: Load, mode: Mode): Promise<CpuRow[]> {
  const named = flags.quick ? mode.names : [...mode.names, 'least'];
  const peers = await Promise.all(named.map(name => startPeer(name)));
  const rows: CpuRow[] = [];
  for (const metric of metrics.filter(({ name }) => isWanted(name))) {
    console.error(`… ${metric.name}`);
    const names = [...mode.names, ...(metric.also ?? [])];
    const able = peers.filter(({ name, ports }) => names.includes(name) && metric.door in ports);
    rows.push(await measureCpu(metric, able, load, mode));
  }
  await Promise.all(peers.map(peer => peer.stop()));
  return rows;
}

async function crowdRows(load: Load, mode: Mode): Promise<CrowdRow[]> {
  const rows: CrowdRow[] = [];
  for (const sessions of mode.crowds) {
    if (!isWanted(`memory ${sessions}`)) continue;
    const seen = await inTurns(mode, `memory, ${sessions} sessions`, name =>
      measureMemory(name, load, sessions),
    );
    const what = `${sessions.toLocaleString('en')} idle SSE sessions`;
    rows.push(
      row(`KB of RSS a session, ${what}`, seen, memory => memory.rssPerSession),
      row(`KB of heap a session, ${what}`, seen, memory => memory.heapPerSession),
      row(`MB of RSS left by ${what}`, seen, memory => memory.rssLeft),
      row(`MB of heap left by ${what}`, seen, memory => memory.heapLeft),
    );
  }
  if (isWanted('latency')) {
    const seen = await inTurns(mode, 'latency', name =>
      measureLatency(name, load, mode.latencyCalls),
    );
    // Of all rounds together: the hundredth of one round is a handful of requests.
    const p99 = [...seen].map(([peer, all]) => [peer, quantile(all.flat(), 0.99)] as const);
    const name = 'ms, p99 of GET /items/ beside 1,000 idle and 20 calling';
    rows.push({ name, values: Object.fromEntries(p99) });
  }
  return rows;
}

async function inTurns<T>(
  { names, crowdRounds }: Mode,
  what: string,
  measure: (name: string) => Promise<T>,
): Promise<Map<string, T[]>> {
  console.error(`… ${what}`);
  const seen = new Map(names.map((name): [string, T[]] => [name, []]));
  for (let round = 0; round < crowdRounds; round++)
    for (const name of rotated(names, round)) seen.get(name)?.push(await measure(name));
  return seen;
}

function row<T>(name: string, seen: Map<string, T[]>, pick: (seen: T) => number): CrowdRow {
  const values = [...seen].map(([peer, all]) => [peer, median(all.map(pick))] as const);
  return { name, values: Object.fromEntries(values) };
}

function isWanted(name: string): boolean {
  return name.includes(flags.only ?? '');
}

await main();
