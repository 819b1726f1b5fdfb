/** What the official suite requires of a server of each era, looked for at one URL. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { createMcpHandler } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { mcpApp } from '../../apps/mcp/app.ts';
import { hostGuard } from '../../guard.ts';
import { listen } from '../../http/listen.ts';
import { createRouter } from '../../router.ts';
import { everythingServer } from '../../tests/conformance/everything.ts';
import { everyEra } from './every-era.ts';
import { everything } from './everything.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const suiteMs = 120_000; // it takes some 15 s; one that hangs must not hang CI

/** With the checks that pass, at the least: a suite that skips its work would pass unseen. */
const revisions: [revision: string, leastPassed: number][] = [
  ['2025-11-25', 70],
  ['2026-07-28', 120],
];

/** Prints what came of it; `process.exitCode` says whether that is as it should be. */
export async function checkRequirements(): Promise<void> {
  const without = createMcpHandler(() => everything(without.notify), { legacy: 'reject' });
  const router = createRouter().mount('/deep/mcp', everyEra(mcpApp(everythingServer), without));
  const running = await listen(hostGuard(router), ['127.0.0.1', '::1'], 0);
  try {
    for (const [revision, leastPassed] of revisions)
      await check(`http://localhost:${running.port}/deep/mcp`, revision, leastPassed);
  } finally {
    await running.stop();
  }
}

async function check(url: string, revision: string, leastPassed: number): Promise<void> {
  const results = await mkdtemp(join(tmpdir(), 'eras-'));
  try {
    const printed = await runSuite(url, revision, results);
    const scenarios = await readResults(results);
    const passed = report(scenarios, revision, await requiredBy(revision));
    if (passed >= leastPassed) return;
    console.log(`FAILED  ${passed} of at least ${leastPassed} checks passed:\n${printed}`);
    process.exitCode = 1;
  } finally {
    await rm(results, { recursive: true });
  }
}

async function runSuite(url: string, revision: string, results: string): Promise<string> {
  const script = join(here, 'node_modules/conformance/dist/index.js');
  const args = [script, 'server', '--url', url, '-o', results, '--requirements', revision];
  const suite = spawn(nodeForSuite(), args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: suiteMs,
  });
  const [out, errors] = await Promise.all([text(suite.stdout), text(suite.stderr)]);
  return out + errors;
}

/** It needs Node 22 or newer; what it looks at runs in this process, whatever Node that is. */
function nodeForSuite(): string {
  if (Number(process.versions.node.split('.')[0]) >= 22) return process.execPath;
  const { platform, arch } = process;
  const node = join(here, 'node_modules', `node-${platform}-${arch}`, 'bin/node');
  if (existsSync(node)) return node;
  throw new Error(`The suite needs Node 22 or newer; this is ${process.version}. Use a newer one.`);
}

const checkSchema = z.object({
  id: z.string(),
  status: z.enum(['SUCCESS', 'FAILURE', 'WARNING', 'SKIPPED', 'INFO']),
  errorMessage: z.string().optional(),
});
type Scenario = { name: string; checks: z.output<typeof checkSchema>[] };

/** Each scenario that ran has left a folder: `server-<name>-<time>`. */
async function readResults(folder: string): Promise<Scenario[]> {
  const folders = await readdir(folder);
  return Promise.all(
    folders.map(async name => ({
      name: name.replace(/^server-|-\d{4}-\d\d-\d\dT.*$/g, ''),
      checks: checkSchema
        .array()
        .parse(JSON.parse(await readFile(join(folder, name, 'checks.json'), 'utf8'))),
    })),
  );
}

/** The suite's own list: those of its section `server`. */
async function requiredBy(revision: string): Promise<string[]> {
  const file = join(here, 'node_modules/conformance/requirements', `${revision}.yaml`);
  const [, server = ''] = /\nserver:\n((?: {2}- .*\n)+)/.exec(await readFile(file, 'utf8')) ?? [];
  return server
    .trim()
    .split('\n')
    .map(line => line.replace(/^ *- /, ''));
}

/** @returns how many checks of what is required passed; none when something failed */
function report(scenarios: Scenario[], revision: string, required: string[]): number {
  const scored = scenarios.filter(({ name }) => required.includes(name));
  const missing = required.filter(name => !scored.some(scenario => scenario.name === name));
  const failed = scenarios.filter(({ name }) => !known.test(name)).flatMap(failures);
  const wrong = [...failed, ...missing.map(name => `${name} did not run`)];
  const passed = scored.flatMap(({ checks }) => checks.filter(isPassed)).length;
  console.log(`    ${revision}: of ${scored.length} required scenarios ${passed} checks passed`);
  for (const { name, checks } of scenarios.filter(({ name }) => !required.includes(name)))
    console.log(`    not scored: ${name}: ${checks.filter(isPassed).length} of ${checks.length}`);
  for (const line of wrong) console.log(`FAILED  ${line}`);
  return wrong.length > 0 ? 0 : passed;
}

const known = /^tasks-/; // an extension that neither of the two servers has

function failures({ name, checks }: Scenario): string[] {
  const failed = checks.filter(({ status }) => status === 'FAILURE' || status === 'WARNING');
  return failed.map(({ id, errorMessage = '' }) => `${name}: ${id}: ${errorMessage}`);
}

function isPassed({ status }: Scenario['checks'][number]): boolean {
  return status === 'SUCCESS';
}
