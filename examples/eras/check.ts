/**
 * Drives the one URL as clients of every era do, and then has the official suite look at what it
 * requires of 2026-07-28:
 *
 *     npm run eras
 *
 * What the example needs is installed here and nowhere else.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../..');

if (!existsSync(join(here, 'node_modules')))
  execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: here, stdio: 'inherit' });
execFileSync('npx', ['tsc', '-p', here], { cwd: root, stdio: 'inherit' });

// They need what has just been installed.
const { checkClients, checkProgram, checkToken } = await import('./clients.ts');
const { checkRequirements } = await import('./conformance.ts');

await checkClients();
await checkToken();
await checkProgram();
await checkRequirements();
