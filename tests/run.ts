/**
 * Runs the tests: every tests/**\/*.test.ts, by node:test, on the Node that runs this.
 *
 *     npm test [-- WORD ...]      all but the documentation's; or the files whose paths hold a word
 *     npm run test:quick          under 30 s, for the loop while one writes
 *     npm run docs:check          the documentation's: fences, lesson, exercises
 *     … --other-node              what depends on the Node, for a second one
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
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

/**
 * What runs apart, a process each, the slow first: what begins last and is slow would run alone. The
 * pages' tests share one and its browser. The trace's look at who listens in their process.
 */
const apart = [
  /page\.test/,
  /^faults/,
  /^program\/program/,
  /^check\/check/,
  /^attacks-heavy/,
  /^apps\/xray\/trace/,
];

const tests = fileURLToPath(new URL('.', import.meta.url));
const files = readdirSync(tests, { recursive: true, encoding: 'utf8' })
  .map(file => file.replaceAll('\\', '/'))
  .filter(file => file.endsWith('.test.ts') && !file.includes('node_modules'))
  .filter(isWanted)
  .sort();

function isWanted(file: string): boolean {
  if (words.length > 0) return words.some(word => file.includes(word));
  if (flags.docs || documentation.test(file)) return flags.docs === documentation.test(file);
  if (flags['other-node'] && once.test(file)) return false;
  return !(flags.quick && heavy.test(file));
}

/**
 * The files that share a process. To start Node, tsx and the SDK takes half a second of a core, so
 * those of a room do. Each undoes what it does to its process, as between its own tests.
 */
function processes(): string[][] {
  const byProcess = new Map<string, string[]>(apart.map((_, place) => [String(place), []]));
  for (const file of files) {
    const place = placeOf(file);
    byProcess.set(place, [...(byProcess.get(place) ?? []), file]);
  }
  return [...byProcess.values()].filter(shared => shared.length > 0);
}

function placeOf(file: string): string {
  if (documentation.test(file)) return file;
  const place = apart.findIndex(named => named.test(file));
  return place === -1 ? dirname(file) : String(place);
}

/** Writes what imports `files`. Its name begins with its place, as node:test goes by names. */
function entryOf(files: string[], place: number): string {
  const [name = ''] = files.map(file => (files.length === 1 ? file : dirname(file)));
  const entry = join(folder, `${100 + place}-${name.replaceAll('/', '-')}.mjs`);
  const urls = files.map(file => pathToFileURL(join(tests, file)).href);
  writeFileSync(entry, urls.map(url => `import ${JSON.stringify(url)};\n`).join(''));
  return entry;
}

if (files.length === 0) {
  console.error(`No test file is called ${words.join(' or ')}.`);
  process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), 'mcp-mount-tests-'));
const timeoutMs = flags.docs ? 450_000 : 300_000; // of a file, too: the gallery's starts eighty programs
const args = [
  '--import=tsx',
  '--test',
  '--test-reporter=spec',
  `--test-timeout=${timeoutMs}`, // a test that hangs says its name and ends
  `--test-concurrency=${availableParallelism() + 1}`, // many of them wait
  ...processes().map(entryOf),
];
const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
rmSync(folder, { recursive: true });
process.exit(status ?? 1);
