/**
 * Three nodes on one PostgreSQL behind nginx, under load, and what may happen to them:
 *
 *     npx tsx examples/scale-out/check.ts
 *
 * Needs Debian's packages postgresql and nginx-light, or says so. Some two minutes.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../..');

async function main(): Promise<void> {
  if (!existsSync(join(here, 'node_modules'))) must('npm', ['ci', '--no-audit', '--no-fund'], here);
  must('npx', ['tsc', '-p', here], root); // the root's tsc leaves out what needs these packages
  const tests = ['store.test.ts', 'start.test.ts'].map(file => join(here, file));
  must(
    process.execPath,
    ['--import', 'tsx', '--test', '--test-reporter=spec', '--test-timeout=120000', ...tests],
    root,
  );
  console.log('ok  the store keeps the contract of all stores; npm run scale-out starts and ends');
  const { drive } = await import('./drive.ts'); // it imports what is installed by now
  await drive();
  console.log('ok  examples/scale-out');
}

function must(command: string, args: string[], cwd: string): void {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${status}\n${stdout}${stderr}`);
}

await main();
