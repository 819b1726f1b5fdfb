/**
 * The package as its users get it: packed, judged, installed into an empty folder and used.
 *
 *     npm run package
 *
 * From JavaScript and by require(); from TypeScript, today's and the oldest it supports (5.4), under
 * nodenext and bundler, strict, with exactOptionalPropertyTypes on and off. What is used wrongly
 * must not compile.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '..', '..');
const windows = process.platform === 'win32';
const maxTarball = 210_000; // bytes: 150 KB of mount, MCP app and page, 50 of the two commands, 10 of the contract

let passed = 0;
let failed = 0;

async function check(name: string, run: () => Promise<unknown>): Promise<void> {
  try {
    await run();
    passed++;
    console.log(`✔ ${name}`);
  } catch (error) {
    failed++;
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    console.log(`✖ ${name}\n${error}\n${stdout}${stderr}`);
  }
}

async function npm(args: string[], cwd: string): Promise<string> {
  const { stdout } = await promisify(execFile)('npm', args, { cwd, shell: windows });
  return stdout;
}

async function node(args: string[], cwd: string): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd, timeout: 240_000 });
  return stdout;
}

const compilers = { 'TypeScript of today': 'typescript', 'TypeScript 5.4': 'typescript-oldest' };

function tsc(compiler: string, folder: string, options: object): Promise<string> {
  const base = {
    target: 'es2022',
    strict: true,
    noEmit: true,
    types: ['node'],
    skipLibCheck: false,
  };
  const config = { compilerOptions: { ...base, ...options }, include: ['*.ts'] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  return node([join(here, 'node_modules', compiler, 'bin', 'tsc'), '-p', '.'], folder);
}

/** What must not compile, and what the compiler is to say of it. */
const wrongUses: [code: string, says: RegExp][] = [
  ["createRouter().get('/items/:id', (req) => req.params.ids);", /'ids' does not exist/],
  ["createRouter().mount('/x');", /Expected 2 arguments/],
  ["createRouter().mount('/x', { fetch() {} });", /'fetch' does not exist in type 'App'/],
  ['mcpApp(() => server, { idelMs: 5 });', /idelMs/],
  ["mcpApp(() => server, { endpoint: 'near' });", /endpoint|"near"/],
  ["hostGuard(createRouter(), { host: ['x'] });", /'host' does not exist/],
  ['bearer(createRouter(), {});', /'verify' is missing/],
  ['mcpApp(() => ({ connect() {} }));', /'close' is missing|not assignable/],
  ['mcpApp(() => server, { owner: () => 5 });', /'number' is not assignable to type 'string'/],
  [
    "listen(createRouter(), ['::1'], 0, { requestTimeOut: 1 });",
    /'?requestTimeOut'? does not exist|requestTimeOut/,
  ],
  ["cors(createRouter(), { origins: '*' });", /not assignable to type 'string\[\]'/],
];

function wrongFile([code]: [string, RegExp]): string {
  return `import { bearer, cors, createRouter, hostGuard, listen, mcpApp } from 'mcp-mount';
declare const server: never;
export const used = [bearer, cors, createRouter, hostGuard, listen, mcpApp, server];
${code}
`;
}

async function refusesWrongUses(folder: string): Promise<void> {
  for (const [i, use] of wrongUses.entries())
    writeFileSync(join(folder, `wrong${i}.ts`), wrongFile(use));
  const said = await tsc('typescript', folder, { module: 'nodenext' }).then(
    () => '',
    error => String(error.stdout),
  );
  for (const i of wrongUses.keys()) rmSync(join(folder, `wrong${i}.ts`));
  for (const [i, [code, says]] of wrongUses.entries()) {
    const lines = said.split(/\n(?=\S)/).filter(line => line.startsWith(`wrong${i}.ts(4,`));
    if (!says.test(lines.join('\n'))) throw new Error(`${code}\nwas to be refused: ${said}`);
  }
}

/** Serves `file`, drives it with real clients, stops it. */
async function serves(args: string[], folder: string): Promise<void> {
  const [child, port] = await started(args, folder);
  try {
    await node(['drive.mjs', port], folder);
  } finally {
    await stopped(child);
  }
}

/** A program that prints where it listens: the port is its first number. */
async function started(args: string[], cwd: string): Promise<[child: ChildProcess, port: string]> {
  const env = { ...process.env, PORT: '0' };
  const child = spawn(process.execPath, args, { cwd, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const [printed] = await once(child.stdout, 'data');
  const [port = ''] = /\d+/.exec(String(printed)) ?? [];
  return [child, port];
}

/** `use` gets the port of the README's server, and a folder with nothing but the package. */
async function besideServer(
  folder: string,
  use: (port: string, empty: string) => Promise<void>,
): Promise<void> {
  const [server, port] = await started(['embed.js'], folder);
  try {
    await use(port, join(folder, 'empty'));
  } finally {
    await stopped(server);
  }
}

/** Drives real clients through `mcp-mount xray`, and asks for the page and all that it loads. */
async function seenThrough(bin: string, url: string, folder: string): Promise<void> {
  const [proxy, port] = await started([bin, 'xray', url], folder);
  try {
    await node(['drive.mjs', port], folder);
    const page = await fetch(`http://localhost:${port}/xray`);
    const files = [...(await page.text()).matchAll(/(?:src|href)="(\/xray\/[^"]+)"/g)];
    if (files.length < 5) throw new Error('The page names no files.');
    for (const [, path = ''] of files) {
      const { status } = await fetch(`http://localhost:${port}${path}`);
      if (status !== 200) throw new Error(`${path}: ${status}`);
    }
  } finally {
    await stopped(proxy);
  }
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const exit = once(child, 'exit');
  child.kill();
  await exit;
}

/** What a built file loads, its own files followed; names of packages and of Node's modules. */
function loadedBy(file: string, seen = new Set<string>()): string[] {
  if (seen.has(file)) return [];
  seen.add(file);
  const named = readFileSync(file, 'utf8').matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g);
  return [...named].flatMap(([, name = '']) =>
    name.startsWith('.') ? loadedBy(join(dirname(file), name), seen) : [name],
  );
}

async function main(): Promise<void> {
  if (!existsSync(join(here, 'node_modules'))) await npm(['ci', '--no-audit', '--no-fund'], here);
  const folder = mkdtempSync(join(tmpdir(), 'mcp-mount-package-'));
  try {
    const packed = await npm(['pack', '--json', '--silent', '--pack-destination', folder], root);
    const [{ filename, files }] = JSON.parse(packed.slice(packed.indexOf('[\n')));
    await judge(join(folder, filename), files);
    await use(join(folder, filename), folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

async function judge(tarball: string, files: { path: string }[]): Promise<void> {
  await check(`the tarball is under ${maxTarball / 1_000} KB and holds what is built`, async () => {
    const { size } = statSync(tarball);
    console.log(`  ${relative(dirname(tarball), tarball)}: ${size} bytes, ${files.length} files`);
    if (size > maxTarball) throw new Error(`${size} bytes`);
    const odd = files.filter(
      ({ path }) => !/^(dist\/|README|LICENSE|CHANGELOG|package\.json)/.test(path),
    );
    if (odd.length > 0) throw new Error(`also ${odd.map(({ path }) => path)}`);
  });
  await check('publint finds nothing', () =>
    node(
      [join(here, 'node_modules', 'publint', 'src', 'cli.js'), 'run', tarball, '--strict'],
      root,
    ),
  );
  await check('attw finds nothing', () => {
    const attw = join(here, 'node_modules', '@arethetypeswrong', 'cli', 'dist', 'index.js');
    return node([attw, tarball, '--profile', 'esm-only'], root);
  });
  for (const entry of ['router', 'guard', 'serve', 'contract'])
    await check(`mcp-mount/${entry} loads no other package`, async () => {
      const loaded = loadedBy(join(root, 'dist', 'package', `${entry}.js`));
      const packages = loaded.filter(name => !name.startsWith('node:'));
      if (loaded.length === 0 || packages.length > 0) throw new Error(`loads ${packages}`);
    });
}

/** What its users have as well: types of Node, and servers of the SDK's version 2. */
const beside = ['@types/node@22', '@modelcontextprotocol/server@2.4.0'];

async function use(tarball: string, folder: string): Promise<void> {
  cpSync(join(here, 'consumer'), folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "type": "module", "private": true }');
  await check('it installs into an empty folder', () =>
    npm(['install', '--no-audit', '--no-fund', tarball, ...beside], folder),
  );
  const empty = join(folder, 'empty');
  mkdirSync(empty);
  writeFileSync(join(empty, 'package.json'), '{ "private": true }');
  await check('alone in another', () =>
    npm(['install', '--no-audit', '--no-fund', tarball], empty),
  );
  for (const [name, compiler] of Object.entries(compilers))
    for (const module of ['nodenext', 'bundler'])
      for (const exactOptionalPropertyTypes of [true, false])
        await check(
          `${name}, ${module}, exactOptionalPropertyTypes ${exactOptionalPropertyTypes}`,
          () =>
            tsc(compiler, folder, {
              exactOptionalPropertyTypes,
              ...(module === 'nodenext'
                ? { module }
                : { module: 'esnext', moduleResolution: 'bundler' }),
            }),
        );
  await check('what is used wrongly does not compile', () => refusesWrongUses(folder));
  await check('compiled, it serves real clients from plain JavaScript', async () => {
    await tsc('typescript', folder, { module: 'nodenext', noEmit: false });
    await serves(['main.js'], folder);
  });
  await check('the ten lines of the README serve, as TypeScript and as JavaScript', async () => {
    await serves(['embed.js'], folder);
    // What the README shows has no types in it, so a project without a compiler takes it as it is.
    copyFileSync(join(here, 'consumer', 'embed.ts'), join(folder, 'as-it-is.mjs'));
    await serves(['as-it-is.mjs'], folder);
  });
  await check("a server of the SDK's version 2 serves the same clients", () =>
    serves(['v2.js'], folder),
  );
  await check('npx mcp-mount check finds no fault in that server, in a project of its own', () =>
    besideServer(folder, async (port, empty) => {
      const url = `http://localhost:${port}/mcp`;
      const said = await npm(['exec', '--', 'mcp-mount', 'check', url, '--json'], empty);
      const { counts } = JSON.parse(said);
      if (counts.fault !== 0 || counts.pass < 20) throw new Error(said);
    }),
  );
  await check('npx mcp-mount xray serves the same clients through its proxy, and its page', () =>
    besideServer(folder, async (port, empty) => {
      const bin = join(empty, 'node_modules', 'mcp-mount', 'dist', 'package', 'bin.js');
      await seenThrough(bin, `http://localhost:${port}/mcp/sse`, folder);
    }),
  );
  await check('require() gives the same', async () => {
    writeFileSync(join(folder, 'main.cjs'), "console.log(typeof require('mcp-mount').mcpApp);\n");
    const said = await node(['main.cjs'], folder);
    if (said.trim() !== 'function') throw new Error(said);
  });
}

await main();
