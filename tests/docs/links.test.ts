import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deadLinks } from './links.ts';
import { anchorsOf, markdownFiles, parsePage, readPage, repositoryFiles } from './markdown.ts';

const files = new Set(repositoryFiles());
const pages = new Map(markdownFiles().map(file => [file, readPage(file)]));

for (const page of pages.values())
  test(`${page.file} has no dead link`, () => {
    assert.deepEqual(deadLinks(page, pages, files), []);
  });

const cases: [link: string, fault: RegExp | undefined, reason: string][] = [
  ['[a](../README.md)', undefined, 'a file, from where the page stands'],
  ['[a](../docs/)', undefined, 'a folder'],
  ['[a](#here-mcp-is)', undefined, 'a heading of its own, as GitHub spells it'],
  ['[a](../README.md#try-it-with-a-client)', undefined, 'a heading of another page'],
  ['`[a](nowhere.md)`', undefined, 'code is no link'],
  ['[a](https://example.com/x)', undefined, 'other hosts are not asked'],
  ['[a](nowhere.md)', /not in the repository/, 'no such file'],
  ['![a](nowhere.svg)', /not in the repository/, 'no such image'],
  ['<img src="nowhere.png">', /not in the repository/, 'an image as a tag'],
  ['[a]: nowhere.md', /not in the repository/, 'a link written below'],
  ['[a](../Readme.md)', /not in the repository/, 'upper and lower case differ'],
  ['[a](../node_modules/)', /not in the repository/, 'what is installed is not in a clone'],
  ['[a](/README.md)', /\broot\b/, 'the root of another host, elsewhere'],
  ['[a](#there)', /heading/, 'no such heading'],
  ['[a](../README.md#there)', /heading/, 'no such heading in the other page'],
  ['[a](../router.ts#L10)', /no headings/, 'lines move'],
];

for (const [link, fault, reason] of cases)
  test(`${link} ${fault ? 'is dead' : 'is a link'}: ${reason}`, () => {
    const page = parsePage('docs/page.md', `# Here \`/mcp\` is\n\n${link}\n`);
    const [found = ''] = deadLinks(page, pages, files);
    if (fault) assert.match(found, fault);
    else assert.equal(found, '');
  });

test('two headings of one name have two anchors', () => {
  const page = parsePage('page.md', '# A\n\n## A\n\n```text\n# no heading\n```\n');
  assert.deepEqual([...anchorsOf(page)], ['a', 'a-1']);
});
