/** The results as tables for people, and as the two files that are kept. */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import type { CpuRow } from './cpu.ts';
import { plot } from './plot.ts';
import { titles } from './titles.ts';

export interface CrowdRow {
  name: string;
  values: Record<string, number>;
}

export function cpuTable(rows: CpuRow[]): string {
  const peers = peersIn(rows.map(({ cpu }) => cpu));
  const columns = peers.map(peer => titles[peer] ?? peer);
  const header = ['CPU ms per call', ...columns, 'ratio', 'at least', 'aim', 'holds'];
  const lines = rows.map(({ metric, cpu, ratio }) => {
    const ours = ratio['ours'] ?? Number.NaN;
    const holds = ours >= metric.atLeast ? 'yes' : 'no';
    const figures = peers.map(peer => shown(cpu[peer]));
    return [metric.name, ...figures, ours.toFixed(2), `${metric.atLeast}`, metric.aim, holds];
  });
  return table(header, lines);
}

export function crowdTable(rows: CrowdRow[]): string {
  const peers = peersIn(rows.map(({ values }) => values));
  const header = ['a crowd of sessions', ...peers.map(peer => titles[peer] ?? peer)];
  return table(
    header,
    rows.map(({ name, values }) => [name, ...peers.map(peer => shown(values[peer]))]),
  );
}

/** Those measured, in the order of the titles. */
function peersIn(rows: Record<string, number>[]): string[] {
  return Object.keys(titles).filter(peer => rows.some(row => peer in row));
}

function shown(value?: number): string {
  if (value === undefined) return '';
  return value >= 1 ? value.toFixed(1) : value.toFixed(4);
}

// '| a | b |', as wide as the widest cell, so that it reads in a terminal too
function table(header: string[], rows: string[][]): string {
  const widths = header.map((_, i) =>
    Math.max(...[header, ...rows].map(row => row[i]?.length ?? 0)),
  );
  const line = (row: string[]) =>
    `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join(' | ')} |`;
  const rule = `|${widths.map((width, i) => (i === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(header), rule, ...rows.map(line)].join('\n');
}

/** bench/RESULTS.md, and its table and plot in docs/ */
export function save(cpu: CpuRow[], crowd: CrowdRow[]): void {
  write('RESULTS.md', results(cpu, crowd, '../docs/bench.svg'));
  write('../docs/bench.md', results(cpu, crowd, 'bench.svg'));
  write('../docs/bench.svg', plot(cpu));
}

function write(file: string, text: string): void {
  writeFileSync(new URL(file, import.meta.url), text);
}

function results(cpu: CpuRow[], crowd: CrowdRow[], picture: string): string {
  const date = new Date().toISOString().slice(0, 10);
  return `# What a call costs

\`npm run bench -- --save\` on ${date}, Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'CPU'}.

![CPU time per call beside the peers](${picture})

## CPU time

CPU time of the server's process per call in ms, as the operating system counts it: the median of
interleaved rounds. The ratio is that of node:http + SDK divided by ours, round by round; above 1,
this server is cheaper.

${cpuTable(cpu)}

- All peers answer the same list with the same four tools. The floor does so by hand, with no
  check of what it is sent; it shows what the sockets and the JSON cost.
- The least HTTP is the SDK's protocol behind a transport that checks and bounds nothing: about what
  a transport can come to while the SDK keeps the protocol.
- 50 sessions call at once, each one call at a time. GET requests and sessions that open and close
  come 20 at a time over kept-alive connections.
- GET, 404 asks for a new path each time. This server's answer says what is near, the peers' nothing.
- Open, initialize, close holds \`notifications/initialized\`, and over Streamable HTTP the DELETE.
- This server also checks Host and Origin, bounds bodies, and offers a resource and a prompt in
  each session; the peers do not.
- This server answers plain tool calls past the SDK's Protocol (apps/mcp/fast-calls.ts); in all peers
  with the SDK they go through it.
- With its x-ray, this server keeps the last requests and frames for its page, which nobody looks at
  here; the ratio is that of the server without it (\`--no-xray\`). Between its turns it rests, and
  of what comes after a rest it keeps more than of a load that goes on: \`npx tsx bench/xray.ts\`.
- What tools answer is held to its schema by the compiler in this server and the least HTTP, by the
  SDK at each call in the others.

## Memory and latency

${crowdTable(crowd)}

- Each figure is from processes of their own, after a full collection. Left over is what a process
  holds above its start once every session has closed; the allocator returns pages when it likes.
- The 20 calling sessions call without pause, so the latency is that of a saturated server.
`;
}
