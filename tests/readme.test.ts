/**
 * The README's fences, run; a `ts` or `text` fence stands in a file that is compiled.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { fencesIn, pattern, stepsOf } from './fences.ts';
import { installedPackages, loadedPackages } from './module-graph.ts';

const readme = await readFile('README.md', 'utf8');
const fences = fencesIn(readme);

let port = 0;
let server: ChildProcess | undefined;
before(async () => {
  port = await freePort();
});
after(stopServer);

test('every fence of the README has a language this file checks', () => {
  const languages = new Set(fences.map(({ language }) => language));
  assert.deepEqual([...languages].sort(), ['console', 'text', 'ts']);
});

for (const [i, fence] of fences.filter(({ language }) => language === 'console').entries()) {
  test(`console fence ${i + 1} of the README prints what it says: ${fence.text.split('\n', 1)[0]}`, async () => {
    for (const { command, expected } of stepsOf(fence)) {
      const printed = await run(command.replaceAll('localhost:3000', `localhost:${port}`));
      assert.match(
        printed.trimEnd(),
        pattern(expected.replaceAll('localhost:3000', `localhost:${port}`)),
      );
    }
  });
}

test('what the README shows of the code is in files that are compiled and run', async () => {
  const sources = await Promise.all(
    ['router.ts', 'examples/embed.ts'].map(file => readFile(file, 'utf8')),
  );
  const plain = sources.join('\n').replaceAll(/^ \* {5}/gm, '');
  for (const { language, text } of fences)
    if (language !== 'console') assert.ok(plain.includes(text), `in no source file:\n${text}`);
});

test('the embedding that the README shows serves', async t => {
  const embedPort = await freePort();
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/embed.ts'], {
    env: { ...process.env, PORT: String(embedPort) },
  });
  t.after(() => child.kill());
  assert.equal(await fetchOnceUp(`http://127.0.0.1:${embedPort}/hello`), 'Hello\n');
});

test('every file the README names is there', async () => {
  const table = readme.slice(
    readme.indexOf('## What is where'),
    readme.indexOf('## What is left out'),
  );
  const names = [...table.matchAll(/`([\w./-]+)`/g)].map(([, name = '']) => name);
  const paths = names.filter(name => /^\w[\w/-]*(\.ts|\/)$/.test(name));
  assert.ok(paths.length > 8);
  const { stdout } = await promisify(execFile)('git', ['ls-files', '-co', '--exclude-standard']);
  for (const path of paths)
    assert.ok(
      stdout.split('\n').some(file => file.startsWith(path)),
      path,
    );
});

test('the README counts the packages right', async () => {
  const [, installed, loaded] = /(\d+) packages are installed, .*? loads (\d+)/.exec(readme) ?? [];
  assert.equal(Number(installed), (await installedPackages()).length);
  assert.equal(Number(loaded), (await loadedPackages('server.ts')).length);
});

async function run(command: string): Promise<string> {
  if (command.includes('npm start')) return startServer(command.replace('npm ci && ', ''));
  const shown =
    command === 'npm run -s client' ? `${command} -- http://localhost:${port}/mcp/sse` : command;
  const ended = await promisify(execFile)('bash', ['-c', shown], { env: plainEnv() }).catch(
    timedOut,
  );
  return ended.stdout.replaceAll('\r\n', '\n'); // as a terminal shows a header's end
}

// `timeout 1 curl` is how a stream is looked at: its exit code says only that it was still open.
function timedOut(error: { code?: number; stdout: string }): { stdout: string } {
  if (error.code === 124) return error;
  throw error;
}

async function startServer(command: string): Promise<string> {
  await stopServer();
  // A group of its own: npm does not pass signals on, so the group is told.
  const env = { ...plainEnv(), PORT: String(port), npm_config_loglevel: 'silent' };
  const child = spawn('bash', ['-c', command], {
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  server = child;
  let printed = '';
  for await (const chunk of child.stdout) {
    printed += chunk;
    if (/^MCP client: .*\n/m.test(printed)) break;
  }
  return printed;
}

async function stopServer(): Promise<void> {
  const child = server;
  server = undefined;
  if (!child?.pid || child.exitCode !== null) return;
  const gone = new Promise(done => child.once('exit', done));
  process.kill(-child.pid, 'SIGTERM');
  await gone;
}

/** Without what would set the program's own options, or colour what it prints. */
function plainEnv(): NodeJS.ProcessEnv {
  const { MCP_PATH, MCP_TOKEN, DATA_FILE, FORCE_COLOR, NODE_TEST_CONTEXT, ...env } = process.env;
  return env;
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>(done => probe.listen(0, done));
  const address = probe.address();
  await new Promise(done => probe.close(done));
  assert.ok(typeof address === 'object' && address);
  return address.port;
}

async function fetchOnceUp(url: string): Promise<string> {
  for (let tries = 0; tries < 100; tries++) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer) return answer.text();
    await new Promise(done => setTimeout(done, 100)); // it prints nothing that could be awaited
  }
  throw new Error(`${url} did not come up`);
}
