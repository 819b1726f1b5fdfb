/**
 * Runs the tests: every tests/**\/*.test.ts, by node:test, on the Node that runs this.
 *
 *     npm test [-- --without-browser] [-- WORD ...]      the files whose paths hold one of the words
 *     npm run test:quick                                 under 30 s, for the loop while one writes
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: flags, positionals: words } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean' }, 'without-browser': { type: 'boolean' } },
});

const browser = ['apps/xray/page.test.ts'];
/** What starts programs, fills memory or opens a browser: seconds each. */
const heavy = [
  ...browser,
  'attacks-heavy.test.ts',
  'docs/fences.test.ts',
  'docs/lesson.test.ts',
  'program/program.test.ts',
  'readme.test.ts',
];

const root = fileURLToPath(new URL('..', import.meta.url));
const left = flags.quick ? heavy : flags['without-browser'] ? browser : [];
const files = readdirSync(join(root, 'tests'), { recursive: true, encoding: 'utf8' })
  .map(file => file.replaceAll('\\', '/'))
  .filter(file => file.endsWith('.test.ts') && !file.includes('node_modules'))
  .filter(file => !left.includes(file))
  .filter(file => words.length === 0 || words.some(word => file.includes(word)))
  .map(file => relative(process.cwd(), join(root, 'tests', file)))
  .sort();

if (files.length === 0) {
  console.error(`No test file is called ${words.join(' or ')}.`);
  process.exit(2);
}
const args = [
  '--import=tsx',
  '--test',
  '--test-reporter=spec',
  '--test-timeout=300000', // ms; a test that hangs says its name and ends
  `--test-concurrency=${Math.max(2, availableParallelism() - 1)}`, // most of them wait
  ...files,
];
const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
process.exit(status ?? 1);
