/**
 * docs/failures.md, out of the gallery's own texts: what the terminal says and what the page says
 * are one.
 *
 *     npm run docs:failures
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isRun } from '../program/startup.ts';
import type { Break, Verdict } from './break.ts';
import { breaks } from './breaks.ts';
import { unseen } from './unseen.ts';

const file = fileURLToPath(new URL('../docs/failures.md', import.meta.url));

export function failuresPage(): string {
  return [
    '# What goes wrong when an MCP server is mounted',
    '',
    '<!-- Made of gallery/ by npm run docs:failures. -->',
    '',
    ...intro,
    '',
    ...breaks.map(({ name, sees }) => `- [${sees}](#${name})`),
    '',
    ...breaks.flatMap(sectionOf),
    '## What can’t be shown here',
    '',
    ...unseen.map(({ sees, why }) => `- ${sees}: ${why}`),
    '',
  ].join('\n');
}

const intro = [
  'Each of these bit people who mounted one, and each can be seen: `npm run break` lists them, and',
  '`npm run break -- NAME` serves the list with that one mistake in it. It says what to try, and what',
  'then shows in the client, in the log and in the x-ray; with `--mended` it is the same without the',
  'mistake. The checker is [`mcp-mount check`](check.md); what each of its probes is for stands there.',
];

function sectionOf(shown: Break): string[] {
  const { name, sees, cause, cure, threads, check } = shown;
  return [
    `## ${name}`,
    '',
    `**${sees}.**`,
    '',
    cause,
    '',
    `\`\`\`ts gallery/breaks/${name}.ts`,
    mistakeOf(name),
    '```',
    '',
    `The cure: ${cure}`,
    '',
    `The checker, told \`${check.args}\`: ${verdictOf(check)}`,
    '',
    `Threads: ${threads.join(', ')}.`,
    '',
  ];
}

/** What puts the mistake in, and what takes it out, as they stand in the file. */
function mistakeOf(name: string): string {
  const source = readFileSync(new URL(`breaks/${name}.ts`, import.meta.url), 'utf8');
  return source.slice(source.indexOf('function broken')).trimEnd();
}

function verdictOf({ faults, blind = '' }: Verdict): string {
  const ids = Object.keys(faults);
  if (ids.length === 0) return blind;
  const lines = ids.map(id => `- \`${id}\`: ${faults[id]}`);
  return [`${ids.length} ${ids.length === 1 ? 'fault' : 'faults'}.`, '', ...lines].join('\n');
}

if (isRun(fileURLToPath(import.meta.url))) writeFileSync(file, failuresPage());
