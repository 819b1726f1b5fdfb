/**
 * Starts the example, uses the server as clients do, and reads what was counted:
 *
 *     npx tsx examples/metrics/check.ts
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../..');

const patienceMs = 20_000; // the machine may be busy

async function main(): Promise<void> {
  if (!existsSync(join(here, 'node_modules'))) must('npm', ['ci', '--no-audit', '--no-fund'], here);
  must('npx', ['tsc', '-p', here], root);
  checkFlags();
  const env = { ...process.env, PORT: '0', METRICS_PORT: '0' };
  const server = spawn(process.execPath, ['--import', 'tsx', join(here, 'server.ts')], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(server, 'exit');
  try {
    const [line] = await once(server.stdout, 'data', { signal: AbortSignal.timeout(patienceMs) });
    const [, origin = '', metrics = ''] = /^(\S+), (\S+)\n/.exec(String(line)) ?? [];
    await checkCounts(origin, metrics);
  } finally {
    server.kill();
    await exited;
  }
  assert.equal(server.exitCode, 0, 'it stops when it is told to');
  console.log('ok  examples/metrics');
}

function must(command: string, args: string[], cwd: string): void {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${status}\n${stdout}${stderr}`);
}

/** What is not heeded is refused, and the network is opened by nobody without a token. */
function checkFlags(): void {
  const rows: [flags: string, status: number, said: RegExp][] = [
    ['--version', 0, /^\d+\.\d+\.\d+\n$/],
    ['--explain GET /items/', 2, /^--explain: this only serves/],
    ['--host 0.0.0.0', 2, /opens the list to the network/],
    ['--host 0.0.0.0 --explain GET /items/', 2, /^--explain: this only serves/],
  ];
  const env = { ...process.env, PORT: '0', METRICS_PORT: '0', MCP_TOKEN: '' };
  for (const [flags, expected, said] of rows) {
    const args = ['--import', 'tsx', join(here, 'server.ts'), ...flags.split(' ')];
    const limits = { cwd: root, env, encoding: 'utf8', timeout: patienceMs } as const;
    const { status, stdout, stderr } = spawnSync(process.execPath, args, limits);
    assert.equal(status, expected, `${flags}: ${stdout}${stderr}`);
    assert.match(stdout + stderr, said);
  }
}

async function checkCounts(origin: string, metrics: string): Promise<void> {
  await fetch(`${origin}/items/`);
  await fetch(`${origin}/items/1`);
  await fetch(`${origin}/items/2`);
  await fetch(`${origin}/${'x'.repeat(50)}`);
  await fetch(`${origin}/items/`, { headers: { Origin: 'https://evil.example' } });
  const sse = await connected(new SSEClientTransport(new URL(`${origin}/mcp/sse`)));
  const streamable = await connected(new StreamableHTTPClientTransport(new URL(`${origin}/mcp`)));
  for (const client of [sse, streamable]) await client.callTool({ name: 'get_items' });
  await assert.rejects(sse.request({ method: 'made/up' } as never, {} as never)); // no such method

  const during = await read(metrics);
  const rows: [sample: string, value: number, reason: string][] = [
    ['mcp_mount_requests_total{method="GET",to="/items/",status="200"}', 1, 'a route'],
    ['mcp_mount_requests_total{method="GET",to="/items/:id",status="200"}', 2, 'as registered'],
    ['mcp_mount_requests_total{method="GET",to="none",status="404"}', 1, 'not by its path'],
    ['mcp_mount_request_seconds_count{to="/items/:id"}', 2, 'timed'],
    ['mcp_mount_refused_total{by="hostGuard",status="403"}', 1, 'a foreign page'],
    ['mcp_mount_sessions{transport="sse"}', 1, 'open'],
    ['mcp_mount_sessions{transport="streamable"}', 1, 'open'],
    ['mcp_mount_messages_total{method="tools/call"}', 2, 'one each'],
    ['mcp_mount_messages_total{method="other"}', 1, 'what nobody knows has one name'],
    ['mcp_mount_streams', 2, 'the stream of the one, and the GET of the other'],
  ];
  for (const [sample, value, reason] of rows) assert.equal(during.get(sample), value, reason);
  assert.ok((during.get('process_resident_memory_bytes') ?? 0) > 1_000_000, 'the process’s own');

  checkNames([...during.keys()]);

  await streamable.transport?.close();
  await sse.close();
  const after = await readUntil(metrics, samples => samples.get('mcp_mount_streams') === 0);
  assert.equal(after.get('mcp_mount_sessions{transport="sse"}'), 0, 'it ended with its stream');
  assert.equal(after.get('mcp_mount_sessions_opened_total{transport="sse"}'), 1);
}

/** docs/operate.md tells each name, and no other. */
function checkNames(samples: string[]): void {
  const page = readFileSync(join(root, 'docs/operate.md'), 'utf8');
  const told = [...page.matchAll(/^\| `(mcp_mount_\w+)` /gm)].map(([, name]) => name);
  const counted = samples.map(
    sample => /^(mcp_mount_\w+?)(?:_bucket|_sum|_count)?(?:\{|$)/.exec(sample)?.[1],
  );
  assert.deepEqual(new Set(told), new Set(counted.filter(name => name !== undefined)));
}

async function connected(transport: SSEClientTransport | StreamableHTTPClientTransport) {
  const client = new Client({ name: 'check', version: '1.0.0' });
  // It is one; only its sessionId is typed apart under exactOptionalPropertyTypes.
  await client.connect(transport as Transport);
  return client;
}

/** By name and labels. Each line is a comment or a sample, or it is not Prometheus's text format. */
async function read(url: string): Promise<Map<string, number>> {
  const answer = await fetch(url);
  assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  const lines = (await answer.text()).split('\n').filter(line => line !== '');
  const samples = lines.filter(line => !/^# (?:HELP|TYPE) /.test(line));
  return new Map(
    samples.map(line => {
      const [, name = '', value = ''] = /^(\w+(?:\{.*\})?) (\S+)$/.exec(line) ?? [];
      assert.ok(name, line);
      return [name, Number(value)];
    }),
  );
}

/** What the server hears of a connection's end comes a moment after the client let it go. */
async function readUntil(url: string, isSo: (samples: Map<string, number>) => boolean) {
  for (let tries = 100; tries > 0; tries--) {
    const samples = await read(url);
    if (isSo(samples)) return samples;
  }
  throw new Error('It does not come to that.');
}

await main();
