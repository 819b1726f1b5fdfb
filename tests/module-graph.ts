/** What an install brings and what a running server loads of it, as packages. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Packages that `npm ci --omit=dev` installs, as paths below node_modules. */
export async function installedPackages(): Promise<string[]> {
  const { packages } = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8'));
  return Object.entries<{ dev?: boolean }>(packages)
    .filter(([path, { dev = false }]) => path !== '' && !dev)
    .map(([path]) => path.replace(/^node_modules\//, ''));
}

/**
 * Packages whose code ran when `file` was imported. The loader that runs TypeScript is not
 * counted: from Node 22.18 on the server does without it.
 */
export async function loadedPackages(file: string): Promise<string[]> {
  const names = (await loadedScripts(file)).map(packageOf).filter(name => name !== undefined);
  const loader = new Set(['tsx', 'esbuild', 'get-tsconfig', 'resolve-pkg-maps']);
  return [...new Set(names)].filter(name => !loader.has(name)).sort();
}

/** URLs of all that ran, ES modules and CommonJS alike: V8's coverage lists both. */
async function loadedScripts(file: string): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'module-graph-'));
  try {
    const args = ['--import', 'tsx', '--input-type=module', '-e', `await import('./${file}')`];
    const env = { ...process.env, NODE_V8_COVERAGE: folder };
    await promisify(execFile)(process.execPath, args, { cwd: root, env });
    const reports = (await readdir(folder)).map(name => readFile(join(folder, name), 'utf8'));
    return (await Promise.all(reports)).flatMap(scriptsIn);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function scriptsIn(report: string): string[] {
  const { result }: { result: { url: string }[] } = JSON.parse(report);
  return result.map(({ url }) => url);
}

// 'file:///…/node_modules/@a/b/node_modules/c/d.js' -> '@a/b/node_modules/c', as the lock has it
function packageOf(url: string): string | undefined {
  return /\/node_modules\/((?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1];
}
