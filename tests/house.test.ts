/** The house: which room knows which, and how large the file is that people learn the mount from. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.ts'], { cwd: root })
  .toString()
  .split('\n')
  .filter(file => file !== '' && !/^(tests|examples|exercises|docs)\//.test(file));
const imports = new Map(files.map(file => [file, importsOf(file)]));

/** Of types, too: paths below the root, or names of packages. */
function importsOf(file: string): string[] {
  const source = readFileSync(join(root, file), 'utf8');
  const named = source.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g);
  return [...named].map(([, name = '']) =>
    name.startsWith('.') ? normalize(join(dirname(file), name)) : name,
  );
}

function importsBelow(folder: string): [file: string, imported: string][] {
  const inside = [...imports].filter(([file]) => file.startsWith(folder));
  return inside.flatMap(([file, names]) => names.map((name): [string, string] => [file, name]));
}

test('six files stand at the top, each an idea', () => {
  const top = files.filter(file => !file.includes('/')).sort();
  const ideas = ['guard', 'items', 'router', 'server', 'store', 'tools'];
  assert.deepEqual(
    top,
    ideas.map(name => `${name}.ts`),
  );
});

test('what the mount stands on imports Node and itself, so that it can be copied', () => {
  const found = importsBelow('http/');
  assert.ok(found.length > 10);
  for (const [file, imported] of found) assert.match(imported, /^(node:|http\/)/, file);
  for (const file of ['router.ts', 'guard.ts'])
    for (const imported of imports.get(file) ?? [])
      assert.match(imported, /^(node:|http\/|router\.ts$)/, file);
});

test('apps know no shopping list, and the list knows neither HTTP nor MCP', () => {
  const found = importsBelow('apps/');
  assert.ok(found.length > 30);
  for (const [file, imported] of found)
    assert.doesNotMatch(imported, /^(store|items|tools|server)\.ts$|^program\//, file);
  for (const imported of imports.get('store.ts') ?? [])
    assert.doesNotMatch(
      imported,
      /node:http|modelcontextprotocol|^(apps|http)\/|^(router|guard)\.ts/,
    );
});

test('the contract that is run in tests is loaded by nothing that serves', () => {
  for (const [file, names] of imports)
    if (file !== 'package/contract.ts') assert.ok(!names.includes('http/contract.ts'), file);
});

/** Where an app is served as it is, and why. */
const asTheyAre = [
  /^tests\/held\.ts$/, // the one way
  /^tests\/http\/contract\.test\.ts$/, // what breaks it
  /^tests\/http\/(listen|options)\.test\.ts$/, // of listen itself
  /^tests\/check\//, // servers with faults; ours is held
  /^tests\/apps\/proxy\/passes\.test\.ts$/, // one that answers nothing, behind the proxy
  /^tests\/fixtures\/(edge|heavy|unread)-server\.ts$/, // whose memory is measured
  /^tests\/(exercises|copy)\.test\.ts$/, // programs of others
  /^tests\/docs\/gallery/, // mistakes, on purpose
  /^tests\/program\/program\.test\.ts$/, // a port that is taken
  /^tests\/apps\/xray\/screenshots\.ts$/, // no test
  /^tests\/(package|soak)\//, // programs as their users have them
];

test('every app of every test is held to the mount contract, or stands here with its reason', () => {
  const serves = /\bcreateServer\b[^;]*from 'node:http|\blisten\b[^;]*from '[./]+http\/listen\.ts'/;
  const found = execFileSync('git', ['ls-files', '-co', '--exclude-standard', 'tests'], {
    cwd: root,
  });
  const tests = found
    .toString()
    .split('\n')
    .filter(file => file.endsWith('.ts'));
  for (const file of tests.filter(file => !asTheyAre.some(known => known.test(file)))) {
    const source = readFileSync(join(root, file), 'utf8');
    if (serves.test(source)) assert.match(source, /from '[./]+held\.ts'/, file);
  }
});

test('the gallery of mistakes is there to be looked at: nothing imports it', () => {
  for (const [file, names] of imports)
    if (!file.startsWith('gallery/'))
      for (const imported of names) assert.doesNotMatch(imported, /^gallery\//, file);
  assert.ok(importsBelow('gallery/breaks/').length > 50);
});

test('no import goes in a circle, not even of a type', () => {
  const done = new Set<string>();
  function walk(file: string, path: string[]): void {
    assert.ok(!path.includes(file), [...path, file].join(' -> '));
    if (done.has(file)) return;
    for (const imported of imports.get(file) ?? []) walk(imported, [...path, file]);
    done.add(file);
  }
  for (const file of files) walk(file, []);
});

test('the proxy is an App like any other, in at most 120 lines, and its command is no App', () => {
  const lines = readFileSync(join(root, 'apps/proxy/app.ts'), 'utf8').trimEnd().split('\n');
  assert.ok(lines.length <= 120, `${lines.length} lines`);
  for (const [file, imported] of importsBelow('apps/proxy/'))
    assert.doesNotMatch(imported, /^(apps\/xray|proxy|check|package)\//, file);
  for (const [file, names] of imports)
    if (!/^(proxy|package)\//.test(file))
      for (const imported of names) assert.doesNotMatch(imported, /^proxy\//, file);
});

test('router.ts can be read in five minutes', () => {
  const lines = readFileSync(join(root, 'router.ts'), 'utf8').trimEnd().split('\n');
  assert.ok(lines.length <= 200, `${lines.length} lines`);
  const sizes = functionsIn(lines).sort((a, b) => a.size - b.size);
  assert.ok(sizes.length > 8);
  assert.ok((sizes[Math.floor(sizes.length / 2)]?.size ?? 99) <= 8, 'the median function');
  for (const { name, size } of sizes)
    if (name !== 'createRouter') assert.ok(size <= 25, `${name} has ${size} lines`);
});

/** With the lines between their braces. The formatter closes each at its own indent. */
function functionsIn(lines: string[]): { name: string; size: number }[] {
  return lines.flatMap((line, start) => {
    const [, indent = '', name = ''] =
      /^( *)(?:export )?(?:async )?function (\w+)/.exec(line) ?? [];
    if (name === '') return [];
    const end = lines.findIndex((other, i) => i > start && other === `${indent}}`);
    return [{ name, size: end - start - 1 }];
  });
}
