/**
 * Runs the tests: every tests/**\/*.test.ts, by node:test, on the Node that runs this.
 *
 *     npm test [-- WORD ...]      all but the documentation's; or the files whose paths hold a word
 *     npm run test:quick          under 30 s, for the loop while one writes
 *     npm run docs:check          the documentation's: fences, lesson, exercises
 *     … --other-node              what depends on the Node, for a second one
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: flags, positionals: words } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean' },
    docs: { type: 'boolean' },
    'other-node': { type: 'boolean' },
  },
});

const documentation = /^(docs\/|readme\.|exercises\.|learn\.)/;
/** Of files, of a browser, or of others' servers, whichever Node runs them. */
const once = /^(apps\/.*page\.test|check\/|copy\.|gallery\.|house\.|limits\.|http\/near)/;
/** What starts programs, fills memory, floods or opens a browser: seconds each. */
const heavy =
  /^(apps\/(.*page\.test|proxy\/)|(attacks-heavy|faults|copy|gallery)\.|(program|check|proxy)\/)/;

const root = fileURLToPath(new URL('..', import.meta.url));
const files = readdirSync(join(root, 'tests'), { recursive: true, encoding: 'utf8' })
  .map(file => file.replaceAll('\\', '/'))
  .filter(file => file.endsWith('.test.ts') && !file.includes('node_modules'))
  .filter(isWanted)
  .map(file => relative(process.cwd(), join(root, 'tests', file)))
  .sort();

function isWanted(file: string): boolean {
  if (words.length > 0) return words.some(word => file.includes(word));
  if (flags.docs || documentation.test(file)) return flags.docs === documentation.test(file);
  if (flags['other-node'] && once.test(file)) return false;
  return !(flags.quick && heavy.test(file));
}

if (files.length === 0) {
  console.error(`No test file is called ${words.join(' or ')}.`);
  process.exit(2);
}
const timeoutMs = flags.docs ? 450_000 : 300_000; // of a file, too: the gallery's starts eighty programs
const args = [
  '--import=tsx',
  '--test',
  '--test-reporter=spec',
  `--test-timeout=${timeoutMs}`, // a test that hangs says its name and ends
  `--test-concurrency=${availableParallelism() + 1}`, // many of them wait
  ...files,
];
const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
process.exit(status ?? 1);
