/** Builds what npm gets, into dist/: ES modules, their types and source maps. `npm run build`. */
import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));

rmSync(join(root, 'dist'), { recursive: true, force: true }); // what a file left behind is no longer there
compile('--emitDeclarationOnly'); // with the docstrings, which editors show
compile('--declaration', 'false', '--removeComments'); // which nobody reads there: a tenth of the tarball
// What the command alone loads is imported by nobody: its types and maps would be a seventh of the tarball.
for (const room of ['check', 'program', 'proxy']) leaveBare(join(root, 'dist', room));

function leaveBare(folder: string): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const file = join(folder, name);
    if (/\.d\.ts$|\.map$/.test(name)) rmSync(file);
    if (!name.endsWith('.js')) continue;
    const code = readFileSync(file, 'utf8');
    writeFileSync(file, code.replace(/\n\/\/# sourceMappingURL=.*/, ''));
  }
}

function compile(...flags: string[]): void {
  const tsc = join(typescript, 'bin', 'tsc');
  const args = [tsc, '-p', join(root, 'package'), ...flags];
  execFileSync(process.execPath, args, { stdio: 'inherit' });
}

// The page's own files are served as they are.
cpSync(join(root, 'apps/xray/page'), join(root, 'dist/apps/xray/page'), {
  recursive: true,
  filter: file => !/\.ts$|tsconfig\.json$/.test(file),
});
