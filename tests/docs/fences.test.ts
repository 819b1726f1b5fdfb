/**
 * Every fence of every page below docs/ and examples/, page by page in its own terminals, from its
 * first to its last. README has a test of its own; the exercises have checks that run.
 */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { type Fence, markdownFiles, readPage } from './markdown.ts';
import { check, isTyped } from './rules.ts';
import { stepsOf, Terminal } from './terminal.ts';

const pages = ['docs/', 'examples/'].flatMap(markdownFiles).map(readPage);

for (const { file, fences } of pages.filter(page => page.fences.length > 0))
  describe(file, () => {
    const terminal = new Terminal();
    after(() => terminal.close());
    for (const fence of fences) test(nameOf(fence), () => checkFence(fence, terminal));
  });

test('there are pages with fences', () => {
  assert.ok(pages.some(({ fences }) => fences.some(isTyped)));
});

async function checkFence(fence: Fence, terminal: Terminal): Promise<void> {
  if (!isTyped(fence)) return check(fence);
  for (const step of stepsOf(fence.text)) await terminal.take(step);
}

function nameOf({ file, line, kind, text }: Fence): string {
  const first = kind === 'console' ? text.split('\n', 1)[0] : 'is what it says';
  return `${file}:${line} ${kind}: ${first}`;
}
