/** The mount taken into somebody else's project: router.ts, guard.ts and http/, copied as they are. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const modules = join(root, 'node_modules');
const tsc = join(modules, 'typescript', 'bin', 'tsc');
const tsx = createRequire(import.meta.url).resolve('tsx/cli');

const main = `
import { hostGuard } from './guard.ts';
import { listen } from './http/listen.ts';
import { createRouter, rootPath } from './router.ts';

const inner = createRouter().get('/where/:id', (req, res) => res.end(rootPath(req) + ' ' + req.params.id));
const router = createRouter().mount('/a', inner);
const { port } = await listen(hostGuard(router), ['127.0.0.1'], 0);
console.log(port);
`;

/** What README names. `erasableSyntaxOnly` and the like are ours, not a reader's. */
const compilerOptions = {
  module: 'nodenext',
  target: 'es2023',
  types: ['node'],
  strict: true,
  noEmit: true,
  allowImportingTsExtensions: true,
};

function copied(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-mount-copy-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const name of ['router.ts', 'guard.ts', 'http'])
    cpSync(join(root, name), join(folder, name), { recursive: true });
  symlinkSync(modules, join(folder, 'node_modules'), 'junction');
  writeFileSync(join(folder, 'main.ts'), main);
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
  return folder;
}

test('router.ts, guard.ts and http/ copied into an empty project compile and serve', async t => {
  const cwd = copied(t);
  await promisify(execFile)(process.execPath, [tsc], { cwd });
  const child = spawn(process.execPath, [tsx, 'main.ts'], {
    cwd,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => stopped(child));
  const [port] = await once(child.stdout, 'data');
  const answer = await fetch(`http://127.0.0.1:${String(port).trim()}/a/where/7`);
  assert.equal(await answer.text(), '/a 7');
});

async function stopped(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit');
  child.kill();
  await exit;
}

const carried = ['router.ts', 'guard.ts', 'http', 'apps/mcp'];

test('what is carried away says in its header what it is of, and under which licence', () => {
  const files = carried.flatMap(name =>
    name.endsWith('.ts') ? [name] : readdirSync(join(root, name)).map(file => join(name, file)),
  );
  assert.ok(files.length > 20);
  for (const file of files) {
    const [header = ''] = readFileSync(join(root, file), 'utf8').split('*/', 1);
    assert.match(header, /^\/\*\*.*\n \* Of mcp-mount, MIT\.\n $/s, file);
  }
});
