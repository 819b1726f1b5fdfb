/** What the terminal shows of the gallery: the list, and a break before it is tried. */
import type { Break, Try, Verdict } from './break.ts';

export function listLines(breaks: Break[]): string[] {
  const width = Math.max(...breaks.map(({ name }) => name.length));
  return [
    'npm run break -- NAME serves the list with that mistake in it, on port 3000 or PORT;',
    'npm run break -- NAME --mended without it.',
    '',
    ...breaks.map(({ name, sees }) => `  ${name.padEnd(width)}  ${sees}`),
  ];
}

/** Commands and addresses written for the port it is on. */
export function linesOf(shown: Break, port: number, mended: boolean): string[] {
  const {
    name,
    sees,
    cause,
    cure,
    threads,
    tries,
    byHand = [],
    log,
    xray,
    page = '/',
    check,
  } = shown;
  const lines = mended
    ? [`${name}, mended. What it was: ${sees}`, '', `  ${cure}`]
    : [`${name}: ${sees}`, '', ...part('Cause', [cause]), ...part('Cure', [cure])];
  const seen = mended ? [] : [...part('The log', [log]), ...part('The x-ray', [xray])];
  const verdict = mended ? [] : verdictLines(check);
  const all = [
    ...lines,
    ...part('Threads', [threads.join(', ')]),
    ...part('Try', [...tries.flatMap(tried => tryLines(tried, mended)), ...[byHand].flat()]),
    ...seen,
    ...part('The checker', [`$ npm run -s check:url -- ${check.args}`, ...verdict]),
    '',
    `The x-ray is on http://localhost:3000${page}, and Ctrl-C stops it. What comes in:`,
  ];
  return all.map(line => withPort(line, port));
}

function part(title: string, lines: string[]): string[] {
  return ['', title, ...lines.map(line => `  ${line}`)];
}

function tryLines({ command, prints }: Try, mended: boolean): string[] {
  const printed = mended || prints === '' ? [] : prints.split('\n');
  return [`$ ${command}`, ...printed.map(line => `  ${line}`)];
}

function verdictLines({ faults, blind }: Verdict): string[] {
  const found = Object.entries(faults).map(([id, seen]) => `  fault  ${id}  ${seen}`);
  return blind === undefined ? found : [...found, `  ${blind}`];
}

/** What is written for port 3000, for the one that is served; 3001 is the one after it. */
export function withPort(text: string, port: number): string {
  return text.replaceAll(/(?<=[:=])300([01])\b/g, (_, nth) => String(port + Number(nth)));
}
