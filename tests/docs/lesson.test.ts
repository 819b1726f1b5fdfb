/**
 * What the lesson promises its reader: programs of a screen and a half, chapters that explain each
 * word where it is first used, figures that show what happens. What its pages print is run in
 * fences.test.ts.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { figureOf, fileOf } from '../../docs/lesson/make/figures.ts';
import { scenes } from '../../docs/lesson/make/scenes.ts';
import { markdownFiles, readPage, repositoryFiles, root, wordsOf } from './markdown.ts';

const folder = 'docs/lesson/';
const chapters = markdownFiles(folder)
  .filter(file => /\/\d/.test(file))
  .sort()
  .map(readPage);
const index = readPage(`${folder}README.md`);

const maxProgramLines = 60;
const maxWords = 700;
const sections = [
  'What you will see',
  'Run it',
  'What happened',
  'What Python calls it',
  'What is still missing',
  'A question',
];

test('there are seven chapters, and the first page links to each', () => {
  const linked = [...index.prose.matchAll(/^\d\. \[.+?\]\((.+?)\)/gm)].map(([, file]) => file);
  assert.deepEqual(
    chapters.map(({ file }) => file.slice(folder.length)),
    linked,
  );
  assert.equal(chapters.length, 7);
});

for (const [i, page] of chapters.entries())
  describe(page.file, () => {
    const { file, fences, prose } = page;
    const program = file.replace('.md', '.ts');
    const source = read(program);

    test(`its program has at most ${maxProgramLines} lines, which fit a screen`, () => {
      const lines = source.trimEnd().split('\n');
      assert.ok(lines.length <= maxProgramLines, `${lines.length} lines`);
      for (const line of lines) assert.ok(line.length <= 100, line);
    });

    test('it runs its program', () => {
      const commands = fences.filter(({ kind }) => kind === 'console').map(({ text }) => text);
      assert.ok(commands.some(text => text.includes(program)));
    });

    test(`it has at most ${maxWords} words`, () => {
      assert.ok(wordsOf(page).length <= maxWords, `${wordsOf(page).length} words`);
    });

    test('it has the sections of every chapter, in their order', () => {
      const found = [...prose.matchAll(/^## (.+)$/gm)].map(([, heading = '']) => heading);
      assert.deepEqual(
        found.filter(heading => sections.includes(heading)),
        sections,
      );
    });

    test('its figure shows what happens, and its words name no request the figure lacks', () => {
      const figure = file.replace('.md', '.svg').slice(folder.length);
      assert.match(prose, new RegExp(`!\\[.{40,}\\]\\(${figure}\\)`));
      const numbers = [...prose.matchAll(/\bat (\d)\b/gi)].map(([, number]) => Number(number));
      const drawn = [...read(folder + figure).matchAll(/class="digit"[^>]*>(\d)</g)].length;
      assert.ok(Math.max(0, ...numbers) <= drawn, `${numbers} of ${drawn}`);
    });

    test('it folds its answer', () => {
      const question = prose.slice(prose.indexOf('\n## A question'));
      assert.match(question, /\?\n[\s\S]*<details>\n<summary>The answer<\/summary>\n\n/);
    });

    test('it shows the difference to the program before', () => {
      const before = chapters[i - 1]?.file.replace('.md', '.ts');
      const diffs = fences.filter(({ kind }) => kind === 'diff').map(({ words }) => words);
      assert.deepEqual(diffs, before === undefined ? [] : [[before, program]]);
    });

    test('it says how Python says it', () => {
      assert.ok(fences.some(({ kind }) => kind === 'python'));
    });
  });

// In the order in which they are explained. Each is set in bold where that is done.
const terms = [
  'request',
  'method',
  'path',
  'status',
  'server',
  'client',
  'endpoint',
  'port',
  'uvicorn',
  'ASGI',
  'Starlette',
  'FastAPI',
  'prefix',
  'app',
  'mount',
  'root path',
  'stream',
  'event',
  'SSE',
  'session',
  'MCP',
  'agent',
  'tool',
  'transport',
  'proxy',
  'headers',
  'token',
  'middleware',
  'process',
  'signal',
  'lifespan',
];

for (const term of terms)
  test(`the word '${term}' is explained where it is first used`, () => {
    const text = chapters.map(({ prose }) => sentences(prose)).join('\n');
    const first = new RegExp(`(?:\\*\\*)?\\b${term}(?:e?s|ed)?\\b(?:\\*\\*)?`, 'i').exec(text);
    const around = text.slice(Math.max(0, (first?.index ?? 0) - 80), (first?.index ?? 0) + 40);
    assert.match(first?.[0] ?? '', /^\*\*.*\*\*$/, around);
  });

test('the first page uses none of the words that the chapters explain', () => {
  const said = sentences(index.prose).replaceAll(/^\d\. .*$/gm, '');
  for (const term of terms)
    assert.doesNotMatch(said, new RegExp(`\\b${term}s?\\b`, 'i'), `'${term}'`);
});

const put: [part: string, from: string][] = [
  ['mount', '3-root-path'],
  ['shopping', '5-mcp-at-a-prefix'],
  ['guards', '6-who-may-come-in'],
];

for (const [part, from] of put)
  test(`parts/${part}.ts is what ${from}.ts wrote, unchanged`, () => {
    const program = read(`${folder}${from}.ts`);
    const functions = functionsIn(read(`${folder}parts/${part}.ts`));
    assert.ok(functions.length > 0);
    for (const text of functions) assert.ok(program.includes(text), text);
  });

test("the lesson's stripPrefix is the router's, word for word", () => {
  const [ours, theirs] = ['docs/lesson/parts/mount.ts', 'router.ts'].map(file =>
    functionsIn(read(file)).find(text => text.startsWith('function stripPrefix')),
  );
  assert.ok(ours);
  assert.equal(ours, theirs);
});

test('what chapter 7 says of the real router is there', () => {
  const prose = chapters[6]?.prose ?? '';
  const named = [...prose.matchAll(/^\|[^|]*\|([^|]*) in `([\w./-]+)` \|/gm)];
  assert.ok(named.length > 8);
  for (const [, names = '', file = ''] of named)
    for (const [, name = ''] of names.matchAll(/`(\w+)`/g))
      assert.match(read(file), new RegExp(`function ${name}\\b`), `${name} in ${file}`);
  assert.ok(read('router.ts').split('\n').length < 200);
});

for (const scene of scenes)
  test(`${scene.name}.svg shows what happens now`, async () => {
    assert.equal(readFileSync(fileOf(scene), 'utf8'), await figureOf(scene), 'lesson:figures');
  });

test('every figure, program and chapter has its two companions', () => {
  const names = repositoryFiles().filter(file => /^docs\/lesson\/\d.*\.(?:md|ts|svg)$/.test(file));
  for (const name of names)
    for (const kind of ['.md', '.ts', '.svg'])
      assert.ok(existsSync(join(root, name.replace(/\.\w+$/, kind))), `${name}: no ${kind}`);
});

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

/** Prose without headings, code, links' targets and images' words. */
function sentences(prose: string): string {
  return prose
    .replaceAll(/^#.*$/gm, '')
    .replaceAll(/!\[[^\]]*\]\([^)]*\)/g, '')
    .replaceAll(/\]\([^)]*\)/g, ']')
    .replaceAll(/<[^>\n]+>/g, '')
    .replaceAll(/`[^`\n]*`/g, '');
}

/** Functions at the top of a file, as written there, without `export`. */
function functionsIn(source: string): string[] {
  return [...source.matchAll(/^(?:export )?(function [\s\S]*?^\})$/gm)].map(
    ([, text = '']) => text,
  );
}
