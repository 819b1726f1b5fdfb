/** The gallery's program and page. What each break shows is tried in tests/docs/gallery.test.ts. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { breaks } from '../gallery/breaks.ts';
import { failuresPage } from '../gallery/page.ts';

const root = new URL('..', import.meta.url);

test('docs/failures.md is what the gallery says now', () => {
  const page = readFileSync(new URL('docs/failures.md', root), 'utf8');
  assert.equal(page, failuresPage(), 'run npm run docs:failures');
});

test('every file of the gallery is a break of its name', () => {
  const files = readdirSync(new URL('gallery/breaks', root)).sort();
  assert.deepEqual(breaks.map(({ name }) => `${name}.ts`).sort(), files);
});

const triedApart = ['format-string', 'stream-per-tab']; // what shows in the log alone, or in seven tabs

test('every break shows something that the real server does not', () => {
  for (const { name, tries, check } of breaks) {
    const differs = tries.some(({ alike }) => !alike) || Object.keys(check.faults).length > 0;
    assert.equal(differs, !triedApart.includes(name), name);
  }
});

test('npm run break lists them all', () => {
  const { stdout, status } = run();
  assert.equal(status, 0);
  for (const { name, sees } of breaks)
    assert.match(stdout, new RegExp(`^  ${name} +\\S`, 'm'), sees);
});

const refused: [args: string[], says: RegExp, reason: string][] = [
  [['one-srver'], /^There is no break one-srver\. Did you mean one-server\?$/m, 'a slip'],
  [['prefix'], /Did you mean endpoint-without-prefix\?$/m, 'a part of a name'],
  [['nonsense'], /npm run break lists them\.$/m, 'nothing is near'],
  [['one-server', 'no-cap'], /^Name one break/, 'one port, one break'],
];

for (const [args, says, reason] of refused)
  test(`npm run break -- ${args.join(' ')} is a mistake: ${reason}`, () => {
    const { stderr, status } = run(...args);
    assert.match(stderr, says);
    assert.equal(status, 2);
  });

function run(...args: string[]) {
  const command = ['--import', 'tsx', 'gallery/run.ts', ...args];
  return spawnSync(process.execPath, command, { cwd: root, encoding: 'utf8' });
}
