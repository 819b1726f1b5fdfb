/** docs/ as a whole: each page can be found, and says what no other says. */
import assert from 'node:assert/strict';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { markdownFiles, type Page, readPage, targetsOf, wordsOf } from './markdown.ts';

const pages = markdownFiles('docs/').map(readPage);

test('the map leads to each page, those of the lesson by way of its first', () => {
  const map = readPage('docs/README.md');
  const linked = targetsOf(map).map(target => target.split('#', 1)[0] ?? '');
  const reached = new Set(linked.map(target => normalize(join(dirname(map.file), target))));
  const missing = pages
    .map(({ file }) => file)
    .filter(file => file !== map.file && !/^docs\/lesson\/\d/.test(file))
    .filter(file => !reached.has(file));
  assert.deepEqual(missing, []);
});

test('the glossary has at most 25 words, in their order', () => {
  const { prose } = readPage('docs/glossary.md');
  const words = [...prose.matchAll(/^\| \*\*(.+?)\*\*/gm)].map(([, word = '']) => word);
  assert.ok(words.length > 15 && words.length <= 25, `${words.length}`);
  assert.deepEqual(
    words,
    words.toSorted((a, b) => a.toLowerCase().localeCompare(b.toLowerCase(), 'en')),
  );
});

const written = pages.filter(({ file }) => file !== 'docs/api.md'); // that one is made of docstrings
const others = [readPage('README.md'), readPage('CONTRIBUTING.md'), ...written];

for (const page of written)
  test(`${page.file} says nothing that another page says`, () => {
    const said = runsOf(page);
    for (const other of others) {
      if (other.file === page.file || (isLesson(page) && isLesson(other))) continue;
      const again = [...runsOf(other)].filter(run => said.has(run));
      assert.deepEqual(again, [], other.file);
    }
  });

/** Its chapters are read in a row, and repeat what holds for each. */
function isLesson({ file }: Page): boolean {
  return file.startsWith('docs/lesson/');
}

/** Each ten words that follow one another. */
function runsOf(page: Page): Set<string> {
  const words = wordsOf(page);
  return new Set(words.map((_, i) => words.slice(i, i + 10).join(' ')).slice(0, -9));
}
