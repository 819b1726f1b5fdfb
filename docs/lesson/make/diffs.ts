/**
 * What a stage adds to the one before, written into the chapters:
 *
 *     npm run lesson:diffs
 *
 * Each fence ```` ```diff before.ts after.ts ```` of docs/lesson gets the lines of the difference.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** As `diff -U1` prints it, but for its heads; `…` stands where lines are left out. */
export function diffOf(before: string, after: string): string {
  const marked = markedLines(linesOf(before), linesOf(after));
  const isShown = (at: number) =>
    [at - 1, at, at + 1].some(near => /^[-+]/.test(marked[near] ?? ''));
  const shown = marked.flatMap((line, at) => {
    if (isShown(at)) return [`${line}\n`];
    return isShown(at + 1) ? ['…\n'] : [];
  });
  return shown.join('');
}

function linesOf(file: string): string[] {
  return readFileSync(join(root, file), 'utf8').trimEnd().split('\n');
}

/** All lines of both: '-' before those of the one, '+' before those of the other. */
function markedLines(before: string[], after: string[]): string[] {
  const common = commonLines(before, after);
  const marked: string[] = [];
  let i = 0;
  let j = 0;
  while (i < before.length || j < after.length) {
    if (i < before.length && before[i] === after[j]) {
      marked.push(` ${before[i++]}`);
      j++;
    } else if (i < before.length && common(i + 1, j) >= common(i, j + 1)) {
      marked.push(`-${before[i++]}`);
    } else {
      marked.push(`+${after[j++]}`);
    }
  }
  return marked.map(line => line.trimEnd());
}

/** How many lines both have, in their order, from line i of the one and line j of the other on. */
function commonLines(before: string[], after: string[]): (i: number, j: number) => number {
  const width = after.length + 1;
  const counts = new Array<number>((before.length + 1) * width).fill(0);
  const at = (i: number, j: number) => (j > after.length ? -1 : (counts[i * width + j] ?? 0));
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--)
      counts[i * width + j] =
        before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  return at;
}

function main(): void {
  const folder = join(root, 'docs/lesson');
  for (const name of readdirSync(folder).filter(name => name.endsWith('.md'))) {
    const page = readFileSync(join(folder, name), 'utf8');
    const written = page.replaceAll(
      /^```diff (\S+) (\S+)\n[\s\S]*?^```$/gm,
      (_, before, after) => `\`\`\`diff ${before} ${after}\n${diffOf(before, after)}\`\`\``,
    );
    if (written !== page) writeFileSync(join(folder, name), written);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
