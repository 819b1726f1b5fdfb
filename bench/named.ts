/**
 * What a node's name costs a call, over both transports: this server with `node` beside itself
 * without, in one process, in turns.
 *
 *     npx tsx bench/named.ts [--quick]
 */
import { type Load, type Peer, startLoad, startPeer } from './child.ts';
import type { TransportKind } from './load/sessions.ts';
import { quantile } from './stats.ts';

const quick = process.argv.includes('--quick');
const processes = quick ? 2 : 5; // each compiles its code anew, and not always alike
const rounds = quick ? 12 : 30;
const warmUps = 4;
const calls = 500;
const sessions = 50;

async function main(): Promise<void> {
  const load = await startLoad();
  for (const kind of ['sse', 'streamable'] as const) {
    const costs: number[] = [];
    for (let i = 0; i < processes; i++) costs.push(...(await measure(load, kind)));
    report(kind, costs);
  }
  await load.stop();
}

/** Percent that the name adds, by round. */
async function measure(load: Load, kind: TransportKind): Promise<number[]> {
  const peer = await startPeer('named');
  const costs: number[] = [];
  for (let round = -warmUps; round < rounds; round++) {
    // There and back, and the other way round the next time: neither is always second, or outside.
    const order = round % 2 === 0 ? there : there.map(other);
    const used = { named: 0, bare: 0 };
    for (const door of order) used[door] += await cpuOf(load, peer, kind, door);
    if (round >= 0) costs.push((used.named / used.bare - 1) * 100);
  }
  await peer.stop();
  return costs;
}

type Door = 'named' | 'bare';

const there: Door[] = ['named', 'bare', 'bare', 'named'];

function other(door: Door): Door {
  return door === 'named' ? 'bare' : 'named';
}

/** ms of CPU; opening the sessions is not counted. */
async function cpuOf(load: Load, peer: Peer, kind: TransportKind, door: Door): Promise<number> {
  await load.run('open', { port: peer.ports[door] ?? 0, kind, sessions });
  const before = await peer.ask('cpu');
  await load.run('call', { method: 'tools/call', calls });
  const used = (await peer.ask('cpu')) - before;
  await load.run('leave', {});
  return used;
}

function report(kind: TransportKind, costs: number[]): void {
  const [low, middle, high] = [0.25, 0.5, 0.75].map(share => quantile(costs, share).toFixed(2));
  console.log(
    `A node's name adds ${middle} % of CPU to a tools/call over ${kind} (${costs.length} paired rounds, middle half ${low} to ${high} %).`,
  );
}

await main();
