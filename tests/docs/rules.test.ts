/** The checks of the documentation, checked: what is wrong in a page makes them fail, and says so. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parsePage } from './markdown.ts';
import { check, isTyped } from './rules.ts';
import { type Step, stepsOf, Terminal } from './terminal.ts';

const typed: [fence: string, fault: RegExp | undefined, reason: string][] = [
  ['$ echo a', /prints:\na\n/, 'nothing is shown, and something is printed'],
  ['$ echo a\na', undefined, 'as shown'],
  ['$ echo a\nb', /prints:\na\n/, 'another thing is shown'],
  ['$ echo a b c\na … c', undefined, '… stands for what differs'],
  ['$ echo a b c\na … d', /prints:\na b c\n/, '… does not stand for the rest'],
  ['$ echo a; echo b >&2\na\nb', undefined, 'a terminal shows errors too'],
  ['$ true', undefined, 'nothing is shown, and nothing printed'],
  ['$ false', /exits with 1/, 'what prints nothing has to succeed'],
  ['$ echo a \\\n  b\na b', undefined, 'a command of two lines'],
  ['$ echo sessionId=1f\nsessionId=…\n$ echo sessionId=…\nsessionId=1f', undefined, 'pasted'],
  ['$ echo sessionId=1f\nsessionId=…\n$ echo sessionId=…\nsessionId=2', /1f/, 'not that one'],
  ['a', /No terminal is left running/, 'nothing could go on'],
  ['^C', /No server is running/, 'nothing could be stopped'],
];

for (const [fence, fault, reason] of typed)
  test(`${JSON.stringify(fence)} ${fault ? 'fails' : 'passes'}: ${reason}`, async () => {
    const terminal = new Terminal();
    const taken = takeAll(terminal, stepsOf(fence));
    if (fault) await assert.rejects(taken, fault);
    else await taken;
  });

const shown: [fence: string, fault: RegExp | undefined, reason: string][] = [
  ['```\na\n```', /kind '' has no rule/, 'a fence says what it is'],
  ['```brainfuck\n+\n```', /kind 'brainfuck' has no rule/, 'and it is something known'],
  ['```ts\nexport function stripPrefix(\n```', /in no source/, 'a line that is nowhere so'],
  ['```sh .ci/run\nset -euo pipefail\n```', undefined, 'but for what names its file'],
  ['```sh .ci/run\nset +e\n```', /in no .ci\/run/, 'and stands there'],
  ['```sh nowhere.sh\nset +e\n```', /kind 'sh' has no rule/, 'no such file'],
  ['```ts router.ts\nexport function createRouter(', /does not end/, 'it does not end'],
  ['```python\nx = 1\n```', /shown-beside/, 'nothing runs it, so it has to say so'],
  ['```python shown-beside\nx = 1\n```', undefined, 'it says so'],
  ['```json\n{"a":1}\n```', undefined, 'JSON'],
  ['```json\n{a:1}\n```', /JSON/, 'no JSON'],
  ['```diff docs/lesson/4-mcp-at-the-root.ts\n```', /two files/, 'a diff has two sides'],
  [
    '```diff docs/lesson/parts/mount.ts docs/lesson/parts/mount.ts\n```',
    undefined,
    'no difference, none shown',
  ],
  [
    '```diff docs/lesson/parts/mount.ts docs/lesson/parts/guards.ts\n+new\n```',
    /lesson:diffs/,
    'another difference than there is',
  ],
];

describe('a fence that is not typed', () => {
  for (const [source, fault, reason] of shown)
    test(`${JSON.stringify(source)} ${fault ? 'fails' : 'passes'}: ${reason}`, () => {
      const look = () => parsePage('page.md', `${source}\n`).fences.forEach(check);
      if (fault) assert.throws(look, fault);
      else look();
    });
});

test('a console fence is typed, with or without a word behind its kind', () => {
  const { fences } = parsePage('page.md', '```console\n```\n\n```console x\n```\n\n```ts\n```\n');
  assert.deepEqual(fences.map(isTyped), [true, true, false]);
});

async function takeAll(terminal: Terminal, steps: Step[]): Promise<void> {
  for (const step of steps) await terminal.take(step);
}
