/**
 * What each kind of fence must hold. `console` is typed at a terminal (terminal.ts); all others
 * are here. A kind that has no rule and names no file fails: add its rule in the commit that first
 * writes one.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { diffOf } from '../../docs/lesson/make/diffs.ts';
import { type Fence, repositoryFiles, root } from './markdown.ts';

type Rule = (fence: Fence) => void;

/** Whether a fence of this kind is checked by a terminal and not by a rule. */
export function isTyped({ kind }: Fence): boolean {
  return kind === 'console';
}

/** @throws AssertionError naming what to do */
export function check(fence: Fence): void {
  const rule = rules[fence.kind] ?? (namesFile(fence) ? standsInSource : undefined);
  assert.ok(rule, `a fence of the kind '${fence.kind}' has no rule: see tests/docs/rules.ts`);
  rule(fence);
}

const rules: Record<string, Rule> = {
  ts: standsInSource,
  text: standsInSource,
  diff: isTheDifference,
  python: isShownBeside,
  json: isJson,
};

/** ```` ```nginx examples/proxy/nginx.conf ````: of that file, whatever its kind. */
function namesFile({ words: [file] }: Fence): boolean {
  return file !== undefined && existsSync(join(root, file));
}

/** It stands, word for word, in the file it names (```` ```ts server.ts ````) or in some source. */
function standsInSource({ words: [file], text }: Fence): void {
  const files = file === undefined ? sourceFiles() : [file];
  const isThere = files.some(source => plainText(source).includes(text));
  assert.ok(isThere, `in no ${file ?? 'source file'}:\n${text}`);
}

function sourceFiles(): string[] {
  return repositoryFiles().filter(file => file.endsWith('.ts'));
}

/** A picture in a header comment stands there four deep. */
function plainText(file: string): string {
  return readFileSync(join(root, file), 'utf8').replaceAll(/^ \* {5}/gm, '');
}

/** ```` ```diff a.ts b.ts ````: what `npm run lesson:diffs` makes of the two files. */
function isTheDifference({ words, text }: Fence): void {
  const [before, after] = words;
  assert.ok(before && after, 'a diff names its two files: ```diff a.ts b.ts');
  assert.equal(text, diffOf(before, after), 'run npm run lesson:diffs');
}

/** Python is there for those who know it, and nothing here runs it: it says so, and is short. */
function isShownBeside({ words, text }: Fence): void {
  assert.deepEqual(words, ['shown-beside'], 'Python is not run here: write ```python shown-beside');
  assert.ok(text.split('\n').length <= 12, 'Python shown beside is a glance: at most 11 lines');
}

function isJson({ text }: Fence): void {
  JSON.parse(text);
}
