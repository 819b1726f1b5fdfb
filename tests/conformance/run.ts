/**
 * The official conformance suite against the mount, on both transports:
 *
 *     npm run conformance
 *
 * The suite is installed here and nowhere else, and needs Node 22 or newer; the server under test
 * runs in this process, whatever Node that is. A run that checks less than it should fails too.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { opened, type SessionEvent, type TransportKind } from '../../apps/mcp/channels.ts';
import { matched, type RequestEvent } from '../../http/channels.ts';
import { loopbacks } from '../../program/options.ts';
import { listen } from '../held.ts';
import { prefix, serveEverything } from './everything.ts';
import { sseBridge } from './sse-bridge.ts';

interface Run {
  /** The folder in node_modules: package.json has the version behind each name. */
  suite: 'conformance' | 'conformance-next';
  args: string[];
  transport: TransportKind;
  /** Folders of results, and checks that succeeded, at the least. */
  scenarios: number;
  passed: number;
  /** Times it came back for an answer that its own POST did not bring; just as many. */
  resumed: number;
}

// 0.1.16 says it speaks 2025-03-26 where it tests polling, in which there is no priming event: two
// warnings. 0.2.0-alpha.12 says 2025-11-25 and finds it. The bridge resumes nothing: warnings too.
const runs: Run[] = [
  {
    suite: 'conformance',
    args: ['--suite', 'all'],
    transport: 'streamable',
    scenarios: 32,
    passed: 44,
    resumed: 0,
  },
  {
    suite: 'conformance',
    args: ['--suite', 'all'],
    transport: 'sse',
    scenarios: 32,
    passed: 44,
    resumed: 0,
  },
  {
    suite: 'conformance-next',
    args: ['--requirements', '2025-11-25'],
    transport: 'streamable',
    scenarios: 33,
    passed: 84,
    resumed: 1, // where it tests polling
  },
  {
    suite: 'conformance-next',
    args: ['--requirements', '2025-11-25'],
    transport: 'sse',
    scenarios: 33,
    passed: 81,
    resumed: 0,
  },
];

const here = fileURLToPath(new URL('.', import.meta.url));

async function main(): Promise<void> {
  if (!existsSync(join(here, 'node_modules'))) await install();
  const outcomes: Outcome[] = [];
  for (const run of runs) outcomes.push(await outcomeOf(run));
  print(outcomes);
  if (outcomes.some(({ complaints }) => complaints.length > 0)) process.exitCode = 1;
}

async function install(): Promise<void> {
  const npm = spawn('npm', ['ci', '--no-audit', '--no-fund'], { cwd: here, stdio: 'inherit' });
  const code = await exitCodeOf(npm);
  if (code !== 0) throw new Error(`npm ci in ${here} failed with ${code}.`);
}

interface Outcome {
  run: Run;
  version: string;
  scenarios: number;
  /** Checks, by status. */
  counts: Record<Status, number>;
  /** MCP sessions that the server under test opened, by transport. */
  sessions: Record<TransportKind, number>;
  resumed: number;
  warnings: string[];
  /** Why the run failed; none for one that passed. */
  complaints: string[];
}

async function outcomeOf(run: Run): Promise<Outcome> {
  const results = await mkdtemp(join(tmpdir(), 'conformance-'));
  const traffic = countTraffic();
  const served = await serve(run.transport);
  try {
    const { exitCode, printed } = await runSuite(run, served.url, results);
    const { scenarios, checks } = await readResults(results);
    const outcome = {
      run,
      version: await versionOf(run.suite),
      scenarios,
      counts: countByStatus(checks),
      ...traffic.counted,
      warnings: checks.filter(({ status }) => status === 'WARNING').map(lineOf),
    };
    const failures = checks.filter(({ status }) => status === 'FAILURE').map(lineOf);
    const complaints = [...failures, ...shortfalls(outcome)];
    if (exitCode !== 0 && failures.length === 0)
      complaints.push(`It exited with ${exitCode}: ${printed.slice(-500)}`);
    return { ...outcome, complaints };
  } finally {
    await served.stop();
    traffic.stop();
    await rm(results, { recursive: true });
  }
}

/** What reaches the server under test, which runs in this process. */
function countTraffic() {
  const counted = { sessions: { sse: 0, streamable: 0 }, resumed: 0 };
  const onOpened = (event: unknown) => {
    counted.sessions[(event as SessionEvent).transport]++; // what `opened` carries
  };
  const onMatched = (event: unknown) => {
    const { req, rootPath } = event as RequestEvent; // what `matched` carries
    if (rootPath === '' && req.headers['last-event-id'] !== undefined) counted.resumed++;
  };
  opened.subscribe(onOpened);
  matched.subscribe(onMatched);
  const stop = () => {
    opened.unsubscribe(onOpened);
    matched.unsubscribe(onMatched);
  };
  return { counted, stop };
}

async function serve(transport: TransportKind): Promise<{ url: string; stop(): Promise<void> }> {
  const server = await serveEverything();
  const url = `http://localhost:${server.port}${prefix}`;
  if (transport === 'streamable') return { url, stop: server.stop };
  const bridge = await listen(sseBridge(new URL(`${url}/sse`)), loopbacks, 0);
  const stop = async () => {
    await bridge.stop();
    await server.stop();
  };
  return { url: `http://localhost:${bridge.port}/`, stop };
}

const suiteMs = 60_000; // a run takes 3 s; one that hangs must not hang CI

async function runSuite(run: Run, url: string, results: string) {
  const script = join(here, 'node_modules', run.suite, 'dist/index.js');
  const args = [script, 'server', '--url', url, '-o', results, ...run.args];
  const suite = spawn(nodeForSuite(), args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: suiteMs,
  });
  const [exitCode, out, errors] = await Promise.all([
    exitCodeOf(suite),
    text(suite.stdout),
    text(suite.stderr),
  ]);
  return { exitCode, printed: out + errors };
}

function nodeForSuite(): string {
  if (Number(process.versions.node.split('.')[0]) >= 22) return process.execPath;
  const { platform, arch } = process;
  const node = join(here, 'node_modules', `node-${platform}-${arch}`, 'bin/node');
  if (existsSync(node)) return node;
  throw new Error(`The suite needs Node 22 or newer; this is ${process.version}. Use a newer one.`);
}

const statuses = ['SUCCESS', 'FAILURE', 'WARNING', 'SKIPPED', 'INFO'] as const;
type Status = (typeof statuses)[number];

const checkSchema = z.object({
  id: z.string(),
  status: z.enum(statuses),
  errorMessage: z.string().optional(),
});
type Check = z.output<typeof checkSchema>;

/** Each scenario that ran has left a folder with its checks. */
async function readResults(folder: string): Promise<{ scenarios: number; checks: Check[] }> {
  const scenarios = await readdir(folder); // one that was cut short has left no checks
  const files = scenarios.map(scenario => join(folder, scenario, 'checks.json')).filter(existsSync);
  const texts = await Promise.all(files.map(file => readFile(file, 'utf8')));
  const checks = texts.flatMap(text => checkSchema.array().parse(JSON.parse(text)));
  return { scenarios: files.length, checks };
}

async function versionOf(suite: string): Promise<string> {
  const file = await readFile(join(here, 'node_modules', suite, 'package.json'), 'utf8');
  return z.object({ version: z.string() }).parse(JSON.parse(file)).version;
}

function countByStatus(checks: Check[]): Record<Status, number> {
  const counts = { SUCCESS: 0, FAILURE: 0, WARNING: 0, SKIPPED: 0, INFO: 0 };
  for (const { status } of checks) counts[status]++;
  return counts;
}

/** What a suite that skipped its work, or worked on something else, would pass unseen. */
function shortfalls(outcome: Omit<Outcome, 'complaints'>): string[] {
  const { run, scenarios, counts, sessions, resumed } = outcome;
  const other = run.transport === 'sse' ? 'streamable' : 'sse';
  const found: [boolean, string][] = [
    [scenarios < run.scenarios, `${scenarios} scenarios ran of ${run.scenarios}`],
    [counts.SUCCESS < run.passed, `${counts.SUCCESS} checks passed of ${run.passed}`],
    [sessions[run.transport] === 0, `no session was opened over ${run.transport}`],
    [resumed !== run.resumed, `${resumed} streams were resumed, not ${run.resumed}`],
    [sessions[other] > 0, `${sessions[other]} sessions were opened over ${other}`],
  ];
  return found.filter(([short]) => short).map(([, line]) => line);
}

function lineOf({ id, errorMessage = '' }: Check): string {
  return `${id}: ${errorMessage}`;
}

function print(outcomes: Outcome[]): void {
  console.table(
    outcomes.map(({ run, version, scenarios, counts, sessions, resumed }) => ({
      suite: `${version} ${run.args.join(' ')}`,
      transport: run.transport,
      sessions: sessions[run.transport],
      scenarios,
      passed: counts.SUCCESS,
      failed: counts.FAILURE,
      warnings: counts.WARNING,
      resumed,
    })),
  );
  for (const { run, version, warnings, complaints } of outcomes) {
    for (const line of warnings) console.log(`${version} ${run.transport}  warning: ${line}`);
    for (const line of complaints) console.log(`${version} ${run.transport}  FAILED: ${line}`);
  }
}

function exitCodeOf(child: ReturnType<typeof spawn>): Promise<number | string> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'nothing'));
  });
}

await main();
