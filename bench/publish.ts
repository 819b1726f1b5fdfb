/**
 * What the publishing lines cost on GET /items/ while nobody listens: the sources as they are
 * beside a copy without those lines, in one process, in turns.
 *
 *     npm run bench:publish -- [--quick]
 */
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Load, type Peer, startLoad, startPeer } from './child.ts';
import { median } from './stats.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const mostPercent = 2;

const quick = process.argv.includes('--quick');
const processes = quick ? 2 : 5; // each compiles its code anew, and not always alike
const rounds = quick ? 12 : 30;
const calls = 3_000;

async function main(): Promise<void> {
  const copies = mkdtempSync(join(tmpdir(), 'bench-publish-'));
  try {
    const published = copySources(join(copies, 'published'));
    const silent = copySources(join(copies, 'silent'));
    console.log(`Took out ${silence(silent)} publishing lines.`);
    const load = await startLoad();
    const costs: number[] = [];
    for (let i = 0; i < processes; i++)
      costs.push(
        ...(await measure(load, i % 2 === 0 ? { published, silent } : { silent, published })),
      );
    await load.stop();
    report(costs);
  } finally {
    rmSync(copies, { recursive: true });
  }
}

/** Runs from where it is: node_modules is found through a link. */
function copySources(to: string): string {
  const left = new Set(['node_modules', '.git', 'tests', 'bench', 'docs', 'examples']);
  cpSync(root, to, { recursive: true, filter: file => !left.has(relative(root, file)) });
  symlinkSync(join(root, 'node_modules'), join(to, 'node_modules'));
  return to;
}

// if (matched.hasSubscribers) …;     on one line, or broken after the condition
const publishing = /^ *if \([^!\n]*\.hasSubscribers[^\n]*\)(?: [^\n]*|\n *[^\n]*);\n/gm;

/** How many lines were taken out. Throws when those of the router are not among them. */
function silence(directory: string): number {
  let taken = 0;
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts') || name.startsWith('node_modules')) continue;
    const file = join(directory, name);
    const text = readFileSync(file, 'utf8');
    const silent = text.replace(publishing, () => {
      taken++;
      return '';
    });
    if (name === 'router.ts' && (silent === text || silent.includes('.hasSubscribers')))
      throw new Error('router.ts publishes in a way this benchmark does not know.');
    writeFileSync(file, silent);
  }
  return taken;
}

/** Percent that publishing adds, by round. What is loaded first may run a little differently. */
async function measure(load: Load, copies: { published: string; silent: string }) {
  const peer = await startPeer('twins', Object.entries(copies).flat());
  const costs: number[] = [];
  for (let round = -4; round < rounds; round++) {
    // A round is 'there and back', so that neither is always second.
    const first = await cpuOf(load, peer, 'published');
    const without = (await cpuOf(load, peer, 'silent')) + (await cpuOf(load, peer, 'silent'));
    const having = first + (await cpuOf(load, peer, 'published'));
    if (round >= 0) costs.push((having / without - 1) * 100);
  }
  await peer.stop();
  return costs;
}

async function cpuOf(load: Load, peer: Peer, door: string): Promise<number> {
  const before = await peer.ask('cpu');
  await load.run('get', { port: peer.ports[door] ?? 0, path: '/items/', status: 200, calls });
  return (await peer.ask('cpu')) - before;
}

function report(costs: number[]): void {
  const cost = median(costs);
  const sorted = costs.toSorted((a, b) => a - b);
  const quarter = Math.floor(costs.length / 4);
  const spread = [sorted.at(quarter), sorted.at(-quarter - 1)].map(value => value?.toFixed(2));
  console.log(
    `Publishing unheard adds ${cost.toFixed(2)} % of CPU to GET /items/ (${costs.length} paired rounds, middle half ${spread.join(' to ')} %).`,
  );
  if (cost < mostPercent) return;
  console.error(`That is over ${mostPercent} %.`);
  process.exitCode = 1;
}

await main();
