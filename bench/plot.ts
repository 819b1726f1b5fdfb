/** The CPU table as bars: each peer's share of what node:http + SDK takes. Plain SVG, both themes. */
import type { CpuRow } from './cpu.ts';
import { titles } from './titles.ts';

const width = 900;
const left = 250; // where the bars start: room for the longest name
const full = 400; // px for what node:http + SDK takes
const most = 1.4; // shares drawn; a longer bar is cut, and its figure still stands beside it
const bar = 13;
const gap = 18;
const top = 78;

export function plot(rows: CpuRow[]): string {
  const peers = Object.keys(titles);
  const tops = [top];
  for (const { cpu } of rows) tops.push((tops.at(-1) ?? top) + Object.keys(cpu).length * bar + gap);
  const height = (tops.at(-1) ?? top) + 12;
  const groups = rows.map((row, i) => group(row, peers, tops[i] ?? top));
  const rule = left + full;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="CPU time per call beside the peers">
<style>${style}</style>
<rect class="page" width="${width}" height="${height}"/>
<text class="title" x="16" y="28">CPU time per call, as a share of node:http + SDK (shorter is better)</text>
${peers.map(legend).join('\n')}
<line class="rule" x1="${rule}" x2="${rule}" y1="${top - 8}" y2="${height - 12}"/>
${groups.join('\n')}
</svg>
`;
}

function legend(peer: string, i: number): string {
  const x = 16 + i * 146;
  return `<rect class="${peer}" x="${x}" y="44" width="12" height="12"/><text x="${x + 18}" y="54">${titles[peer]}</text>`;
}

function group({ metric, cpu }: CpuRow, peers: string[], y: number): string {
  const bare = cpu['sdk'] ?? Number.NaN;
  const measured = peers.filter(peer => peer in cpu);
  const middle = y + (measured.length * bar) / 2 + 4;
  const bars = measured.map((peer, i) => {
    const ms = cpu[peer] ?? 0;
    const length = Math.min(ms / bare, most) * full;
    const at = y + i * bar;
    return `<rect class="${peer}" x="${left}" y="${at}" width="${length.toFixed(1)}" height="${bar - 2}"/><text class="figure" x="${(left + length + 5).toFixed(1)}" y="${at + 9}">${ms.toFixed(3)} ms</text>`;
  });
  return [`<text class="name" x="${left - 10}" y="${middle}">${metric.name}</text>`, ...bars].join(
    '\n',
  );
}

const style = `
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 15px }
.name { text-anchor: end }
.figure { font-size: 10px; fill: #59636e }
.page { fill: #ffffff }
.rule { stroke: #59636e; stroke-dasharray: 3 3 }
.floor { fill: #afb8c1 }
.least { fill: #8250df }
.ours { fill: #1a7f37 }
.xray { fill: #7dc48f }
.sdk { fill: #0969da }
.express { fill: #bc4c00 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.figure { fill: #9198a1 }
.page { fill: #0d1117 }
.rule { stroke: #9198a1 }
.floor { fill: #656c76 }
.least { fill: #a371f7 }
.ours { fill: #3fb950 }
.xray { fill: #1b6e2d }
.sdk { fill: #4493f8 }
.express { fill: #db6d28 }
}
`;
