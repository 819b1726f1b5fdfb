/** What the README says of the repository, held to it: its fences, its files, its figures. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { after, test } from 'node:test';
import { freePort } from '../docs/lesson/make/free-port.ts';
import { readPage, repositoryFiles } from './docs/markdown.ts';
import { check, isTyped } from './docs/rules.ts';
import { stepsOf, Terminal } from './docs/terminal.ts';
import { installedPackages, loadedPackages } from './module-graph.ts';

const readme = await readFile('README.md', 'utf8');
const { fences } = readPage('README.md');
const terminal = new Terminal();
after(() => terminal.close());

for (const [i, { text }] of fences.filter(isTyped).entries())
  test(`console fence ${i + 1} of the README prints what it says: ${text.split('\n', 1)[0]}`, async () => {
    for (const step of stepsOf(text)) await terminal.take(step);
  });

for (const fence of fences.filter(fence => !isTyped(fence)))
  test(`README.md:${fence.line} shows ${fence.kind} that is so`, () => check(fence));

test('the embedding that the README shows serves', async t => {
  const embedPort = await freePort();
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/embed.ts'], {
    env: { ...process.env, PORT: String(embedPort) },
  });
  t.after(() => child.kill());
  assert.equal(await fetchOnceUp(`http://127.0.0.1:${embedPort}/hello`), 'Hello\n');
});

test('every file the README names is there', () => {
  const table = readme.slice(
    readme.indexOf('## What is where'),
    readme.indexOf('## What is left out'),
  );
  const names = [...table.matchAll(/`([\w./-]+)`/g)].map(([, name = '']) => name);
  const paths = names.filter(name => /^\w[\w/-]*(\.ts|\/)$/.test(name));
  assert.ok(paths.length > 8);
  const files = repositoryFiles();
  for (const path of paths)
    assert.ok(
      files.some(file => file.startsWith(path)),
      path,
    );
});

test('the README counts the packages right', async () => {
  const [, installed, loaded] = /(\d+) packages are installed, .*? loads (\d+)/.exec(readme) ?? [];
  assert.equal(Number(installed), (await installedPackages()).length);
  assert.equal(Number(loaded), (await loadedPackages('server.ts')).length);
});

async function fetchOnceUp(url: string): Promise<string> {
  for (let tries = 0; tries < 100; tries++) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer) return answer.text();
    await new Promise(done => setTimeout(done, 100)); // it prints nothing that could be awaited
  }
  throw new Error(`${url} did not come up`);
}
