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

/** Commands and addresses are written for the port it is on. */
export function linesOf(shown: Break, port: number, mended: boolean): string[] {
  const { page = '/' } = shown;
  return [
    ...(mended ? mendedLines(shown) : brokenLines(shown)),
    '',
    `The x-ray is on http://localhost:3000${page}, and Ctrl-C stops it. What comes in:`,
  ].map(line => withPort(line, port));
}

/** As one finds it: what is seen first, and then why. */
function brokenLines(shown: Break): string[] {
  const { name, sees, cause, cure, threads, tries, byHand, log, xray, check } = shown;
  return [
    `${name}: ${sees}`,
    ...part('Try', [...tries.flatMap(tryLines), ...(byHand === undefined ? [] : [byHand])]),
    ...part('Then the log', [log]),
    ...part('The x-ray', [xray]),
    ...part('The checker', [checkerLine(check), ...verdictLines(check)]),
    ...part('The cause', [cause]),
    ...part('The cure', [cure]),
    ...part('Threads', [threads.join(', ')]),
  ];
}

function mendedLines(shown: Break): string[] {
  const { name, sees, cure, tries } = shown;
  const commands = tries.map(commandLine);
  const check = { args: mendedArgs(shown) };
  return [
    `${name}, mended. It was: ${sees}`,
    ...part('The cure', [cure]),
    ...part('Try', [...commands, checkerLine(check)]),
  ];
}

function part(title: string, lines: string[]): string[] {
  return ['', title, ...lines.map(line => `  ${line}`)];
}

/** What the checker is told where it starts the program itself: to start it without the mistake. */
export function mendedArgs({ name, check }: Break): string {
  return check.args.replace(`${name}'`, `${name} --mended'`);
}

function tryLines({ prints, ...tried }: Try): string[] {
  return [commandLine(tried), ...prints.split('\n').map(line => `  ${line}`)];
}

function commandLine({ command }: Pick<Try, 'command'>): string {
  return `$ ${command.replaceAll('\n', '\n    ')}`;
}

function checkerLine({ args }: Pick<Verdict, 'args'>): string {
  return `$ npm run -s check:url -- ${args}`;
}

function verdictLines({ faults, blind }: Verdict): string[] {
  const found = Object.entries(faults).map(([id, seen]) => `  fault  ${id}  ${seen}`);
  return blind === undefined ? found : [...found, `  ${blind}`];
}

/** What is written for port 3000, for the one that is served; 3001 is the one after it. */
export function withPort(text: string, port: number): string {
  return text.replaceAll(/(?<=[:=])300([01])\b/g, (_, nth) => String(port + Number(nth)));
}
