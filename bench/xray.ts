/**
 * What the x-ray costs under load: this server with it beside itself without, in fresh processes,
 * in turns. Longer ones than in run.ts, where a server rests while its peers have theirs, and the
 * x-ray keeps more of what comes next than it would of a load that goes on.
 *
 *     npx tsx bench/xray.ts [--quick]
 */

import { startLoad, startPeer } from './child.ts';
import { measureCpu } from './cpu.ts';
import { type Metric, metrics } from './metrics.ts';
import { median } from './stats.ts';

const quick = process.argv.includes('--quick');
const processes = quick ? 2 : 7; // each compiles its code anew, and not always alike
const turns = { warmUps: 2, rounds: 5 };
const longer = 10; // times as many calls as in a turn of run.ts
const withXray = 'xray';
const without = 'ours';

async function main(): Promise<void> {
  const load = await startLoad();
  const costs = new Map<Metric, number[]>();
  for (let i = 0; i < processes; i++) {
    const names = i % 2 === 0 ? [without, withXray] : [withXray, without];
    const peers = await Promise.all(names.map(name => startPeer(name)));
    for (const metric of metrics.filter(({ door }) => door === 'stream')) {
      const { cpu } = await measureCpu(
        { ...metric, calls: metric.calls * longer },
        peers,
        load,
        turns,
      );
      const added = ((cpu[withXray] ?? Number.NaN) / (cpu[without] ?? Number.NaN) - 1) * 100;
      costs.set(metric, [...(costs.get(metric) ?? []), added]);
    }
    await Promise.all(peers.map(peer => peer.stop()));
  }
  await load.stop();
  for (const [{ name }, added] of costs) console.log(lineFor(name, added));
}

function lineFor(name: string, added: number[]): string {
  const [least, most] = [Math.min(...added), Math.max(...added)].map(cost => cost.toFixed(1));
  return `The x-ray adds ${median(added).toFixed(1)} % of CPU to ${name} (${added.length} pairs of processes, ${least} to ${most} %).`;
}

await main();
