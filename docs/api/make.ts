/**
 * docs/api.md, made of the docstrings of what the package exports.
 *
 *     npm run docs:api               writes it
 *     npm run docs:api -- --check    fails where it is not what would be written
 *
 * TypeDoc reads TypeScript with the compiler's own API, which version 7 has not: so it has an older
 * one, in this folder and nowhere else.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../..');
const pageFile = join(here, '../api.md');

if (!existsSync(join(here, 'node_modules')))
  execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: here, stdio: 'inherit' });
const { apiPage } = await import('./page.ts'); // which loads what is installed by now
const page = await apiPage();
if (!process.argv.includes('--check')) {
  writeFileSync(pageFile, page);
} else {
  execFileSync('npx', ['tsc', '-p', here], { cwd: root, stdio: 'inherit' });
  if (readFileSync(pageFile, 'utf8') !== page)
    throw new Error('docs/api.md is not what the docstrings say. Run npm run docs:api');
  console.log('ok  docs/api.md');
}
