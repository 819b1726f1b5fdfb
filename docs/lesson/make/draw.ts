/**
 * A figure as SVG: the client's line on the left, the server's on the right, time going down.
 * Narrow enough for a phone; text is text; colours follow the reader's theme. Pure.
 */
import type { Row } from './rows.ts';

export interface Panel {
  heading: string;
  program: string;
  rows: Row[];
}

const width = 360; // a phone's, so that it is shown there as it is drawn
const shownWidth = 480; // elsewhere: a third larger
const client = 28; // x of the two lines
const server = 332;
const left = 46; // where text begins
const right = 322; // and where it must end
const advance = 0.6; // of a letter, as a share of its size: textLength holds every font to it

interface Drawn {
  svg: string[];
  height: number;
  /** Where a stream begins or ends, from the row's top. */
  stream?: number;
}

export function draw(title: string, panels: Panel[]): string {
  const svg: string[] = [];
  let y = 14;
  for (const panel of panels) {
    const drawn = panelOf(panel);
    svg.push(`<g transform="translate(0 ${y})">`, ...drawn.svg, '</g>');
    y += drawn.height + 12;
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y}" width="${shownWidth}" role="img" aria-labelledby="title">`,
    `<title id="title">${escaped(title)}</title>`,
    `<style>${style}</style>`,
    `<rect class="page" x="0.5" y="0.5" width="${width - 1}" height="${y - 1}" rx="8"/>`,
    ...svg,
    '</svg>\n',
  ].join('\n');
}

function panelOf({ heading, program, rows }: Panel): Drawn {
  const svg: string[] = [];
  let y = 0;
  if (heading) {
    svg.push(`<text class="heading" x="14" y="13">${escaped(heading)}</text>`);
    y += 24;
  }
  const top = y + 24;
  svg.push(pill('client', 12, y), pill(program, width - 12, y));
  y = top + 6;
  const streams: number[] = [];
  let end = 0; // of the server's line
  for (const row of rows) {
    const drawn = drawRow(row);
    svg.push(`<g transform="translate(0 ${y})">`, ...drawn.svg, '</g>');
    if (drawn.stream !== undefined) streams.push(y + drawn.stream);
    y += drawn.height;
    if (row.is === 'exit') end = y;
  }
  const lines = [lifeline(client, top, y), lifeline(server, top, end || y)];
  const [from, to = y] = streams;
  if (from !== undefined)
    lines.push(
      `<rect class="stream-bar" x="${client - 4}" y="${from}" width="8" height="${to - from}" rx="4"/>`,
    );
  return { svg: [...lines, ...svg], height: y };
}

function pill(text: string, x: number, y: number): string {
  const size = 12;
  const length = text.length * size * advance;
  const box = length + 16;
  const start = x > width / 2 ? x - box : x;
  return `<rect class="pill" x="${start}" y="${y}" width="${round(box)}" height="22" rx="11"/>${mono(text, start + 8, y + 15, size)}`;
}

function lifeline(x: number, from: number, to: number): string {
  return `<line class="life" x1="${x}" x2="${x}" y1="${from}" y2="${to}"/>`;
}

function drawRow(row: Row): Drawn {
  switch (row.is) {
    case 'request':
      return requestRow(row);
    case 'cut':
      return cutRow(row.cuts, row.url, row.label);
    case 'answer':
      return answerRow(row.status, row.body);
    case 'stream':
      return streamRow();
    case 'frame':
      return frameRow(row.lines);
    case 'stream end':
      return streamEndRow();
    case 'signal':
      return signalRow(row.signal);
    case 'exit':
      return exitRow(row.code);
  }
}

function requestRow({ number, method, target, note }: Row & { is: 'request' }): Drawn {
  const svg = [
    mono(method, left, 20, 13, 'method'),
    mono(target, left + (method.length + 1) * 13 * advance, 20, 13),
  ];
  if (note) svg.push(`<text class="note" x="${left}" y="36">${escaped(note)}</text>`);
  const y = note ? 45 : 29;
  svg.push(arrow(client + 9, server, y, 'plain'));
  svg.push(`<circle class="number" cx="${client}" cy="${y}" r="9"/>`);
  svg.push(`<text class="digit" x="${client}" y="${y + 4}">${number}</text>`);
  return { svg, height: y + 10 };
}

/** The path in chips: each prefix that came off, and what the app sees. */
function cutRow(cuts: string[], url: string, label: string): Drawn {
  const size = 13;
  const letter = size * advance;
  const cutLength = cuts.join('').length * letter + cuts.length * chipGap;
  const start = right - cutLength - Math.max(url.length * letter, urlLabelWidth);
  let x = start;
  const svg: string[] = [];
  for (const text of [...cuts, url]) {
    const kind = x < start + cutLength - 1 ? 'prefix' : 'rest';
    svg.push(chip(text, x, size, kind));
    x += text.length * letter + chipGap;
  }
  const cut = round(start + cutLength);
  svg.push(`<text class="label prefix end" x="${cut - chipGap}" y="39">${label}</text>`);
  svg.push(`<text class="label rest" x="${cut + 2}" y="39">req.url</text>`);
  return { svg, height: 46 };
}

const chipGap = 3;
const urlLabelWidth = 42;

function chip(text: string, x: number, size: number, kind: string): string {
  const length = round(text.length * size * advance);
  return `<rect class="${kind}-chip" x="${round(x)}" y="6" width="${length}" height="20" rx="3"/>${mono(text, x, 20, size, kind)}`;
}

function answerRow(status: number, body: string): Drawn {
  const kind = status >= 400 ? 'bad' : 'good';
  const size = 12;
  const [first = '', ...more] = wrap(body, size, 4, 2);
  const svg = [
    mono(String(status), left, 20, size, kind),
    mono(first, left + 4 * size * advance, 20, size, 'body'),
    ...more.map((line, i) => mono(line, left + 4 * size * advance, 36 + i * 16, size, 'body')),
  ];
  const y = 29 + more.length * 16;
  svg.push(arrow(server, client, y, kind));
  return { svg, height: y + 10 };
}

function streamRow(): Drawn {
  const svg = [
    mono('200', left, 20, 12, 'stream'),
    `<text class="stream said" x="${left + 29}" y="20">a stream: it stays open</text>`,
    arrow(server, client + 4, 29, 'stream'),
  ];
  return { svg, height: 37, stream: 29 };
}

function frameRow(lines: string[]): Drawn {
  const size = 12;
  const wrapped = lines.flatMap(line => wrap(line, size, 0, 3));
  const svg = wrapped.map((line, i) => mono(line, left, 18 + i * 16, size, 'stream'));
  const y = 11 + wrapped.length * 16;
  svg.push(arrow(server, client + 4, y, 'stream frame'));
  return { svg, height: y + 10 };
}

function streamEndRow(): Drawn {
  const svg = [
    `<text class="stream said" x="${left}" y="20">the stream ends</text>`,
    arrow(server, client + 4, 29, 'stream'),
  ];
  return { svg, height: 39, stream: 29 };
}

function signalRow(signal: string): Drawn {
  const svg = [
    `<text class="note end" x="${server - 12}" y="20">told to stop: ${escaped(signal)}</text>`,
    `<circle class="signal" cx="${server}" cy="16" r="5"/>`,
  ];
  return { svg, height: 30 };
}

function exitRow(code: number | null): Drawn {
  const svg = [
    `<text class="note end" x="${server - 12}" y="24">the process ends, exit code ${code}</text>`,
    `<line class="life-end" x1="${server - 7}" x2="${server + 7}" y1="28" y2="28"/>`,
  ];
  return { svg, height: 28 };
}

function arrow(from: number, to: number, y: number, kind: string): string {
  const back = to > from ? -7 : 7;
  return `<g class="arrow ${kind}"><line x1="${from}" x2="${to + back / 2}" y1="${y}" y2="${y}"/><path d="M${to} ${y}l${back} -4v8z"/></g>`;
}

function mono(text: string, x: number, y: number, size: number, kind = ''): string {
  const length = round(text.length * size * advance);
  return `<text class="mono ${kind}" x="${round(x)}" y="${y}" style="font-size:${size}px" textLength="${length}" lengthAdjust="spacingAndGlyphs" xml:space="preserve">${escaped(text)}</text>`;
}

/** In lines that fit; `indent` in letters; '…' where more than `most` lines would be needed. */
function wrap(text: string, size: number, indent: number, most: number): string[] {
  const letters = Math.floor((right - left) / (size * advance)) - indent;
  const lines: string[] = [];
  for (let rest = text; rest !== ''; ) {
    const line = rest.length <= letters ? rest : upToBreak(rest.slice(0, letters));
    lines.push(line);
    rest = rest.slice(line.length);
  }
  if (lines.length <= most) return lines;
  const kept = lines.slice(0, most);
  return [...kept.slice(0, -1), `${kept.at(-1)?.slice(0, -1)}…`];
}

/** Breaks after a comma, a bracket or a space, where one is in the line's second half. */
function upToBreak(line: string): string {
  const at = Math.max(...[',', '[', ' '].map(mark => line.lastIndexOf(mark)));
  return at < line.length / 2 ? line : line.slice(0, at + 1);
}

function round(x: number): number {
  return Math.round(x * 10) / 10;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

const style = `
text { font-family: system-ui, -apple-system, "Segoe UI", sans-serif; font-size: 12px; fill: #1f2328 }
.mono { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace }
.heading { font-size: 13px; font-weight: 600 }
.method { font-weight: 600 }
.note { fill: #59636e }
.body { fill: #59636e }
.end { text-anchor: end }
.label { font-size: 11px }
.page { fill: #ffffff; stroke: #d1d9e0 }
.pill { fill: #f6f8fa; stroke: #d1d9e0 }
.life, .life-end { stroke: #afb8c1; stroke-width: 1.5 }
.life-end { stroke-width: 3 }
.number { fill: #ffffff; stroke: #59636e; stroke-width: 1.5 }
.digit { text-anchor: middle; font-size: 11px; font-weight: 600 }
.arrow line { stroke-width: 1.5; stroke: #59636e }
.arrow path { fill: #59636e }
.good { fill: #1a7f37 }
.arrow.good line { stroke: #1a7f37 }
.arrow.good path { fill: #1a7f37 }
.bad { fill: #cf222e }
.arrow.bad line { stroke: #cf222e }
.arrow.bad path { fill: #cf222e }
.stream { fill: #8250df }
.arrow.stream line { stroke: #8250df }
.arrow.stream path { fill: #8250df }
.arrow.frame line { stroke-dasharray: 4 3 }
.stream-bar { fill: #c297ff }
.prefix { fill: #7d4e00 }
.rest { fill: #0550ae }
.prefix-chip { fill: #fae17d }
.rest-chip { fill: #b6e3ff }
.signal { fill: #cf222e }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc }
.note, .body { fill: #9198a1 }
.page { fill: #0d1117; stroke: #3d444d }
.pill { fill: #151b23; stroke: #3d444d }
.life, .life-end { stroke: #656c76 }
.number { fill: #0d1117; stroke: #9198a1 }
.arrow line { stroke: #9198a1 }
.arrow path { fill: #9198a1 }
.good { fill: #3fb950 }
.arrow.good line { stroke: #3fb950 }
.arrow.good path { fill: #3fb950 }
.bad { fill: #f85149 }
.arrow.bad line { stroke: #f85149 }
.arrow.bad path { fill: #f85149 }
.stream { fill: #d2a8ff }
.arrow.stream line { stroke: #ab7df8 }
.arrow.stream path { fill: #ab7df8 }
.stream-bar { fill: #8957e5 }
.prefix { fill: #f2cc60 }
.rest { fill: #79c0ff }
.prefix-chip { fill: #4b2900 }
.rest-chip { fill: #0c2d6b }
.signal { fill: #f85149 }
}
`;
