/**
 * Starts each host as a program of its own, and looks at it as its clients do: the SDK's over both
 * transports, two of each at a time, a browser at what is beside, and a supervisor that stops it.
 *
 *     npm run hosts [-- WORD ...]     all hosts, or those whose names or files hold a word
 *     npm run hosts -- --smoke        one row a host
 *     npm run hosts -- --record       anew, in README.md, what others' apps keep of the mount contract
 *
 * What the hosts need is installed here and nowhere else. table.ts has them.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { makeCertificate } from './certificate.ts';
import { fetchVia, type Reach } from './fetch.ts';
import { type InFront, startProxy } from './proxy.ts';
import { type Row, rows } from './table.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../..');

const { values: flags, positionals: words } = parseArgs({
  allowPositionals: true,
  options: { smoke: { type: 'boolean' }, record: { type: 'boolean' } },
});

const atOnce = 2; // a host starts in a second of one core
const stopMs = 1_000; // from SIGTERM to the exit, with streams open
const checkMs = 20_000; // it takes 1 to 3 s; what hangs must not hang CI

async function main(): Promise<void> {
  if (!existsSync(join(here, 'node_modules')))
    execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: here, stdio: 'inherit' });
  if (!flags.smoke) execFileSync('npx', ['tsc', '-p', here], { cwd: root, stdio: 'inherit' });
  if (flags.record || words.length === 0) await checkContract();
  if (flags.record) return;
  const waiting = rows.filter(isWanted);
  if (waiting.length === 0) throw new Error(`No host is called ${words.join(' or ')}.`);
  console.log(`${waiting.length} rows on Node ${process.version}`);
  const folder = await mkdtemp(join(tmpdir(), 'hosts-'));
  try {
    makeCertificate(folder);
    await Promise.all(Array.from({ length: atOnce }, () => checkAll(waiting, folder)));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The table in README.md says what is so. */
async function checkContract(): Promise<void> {
  const { contractTable } = await import('./contract.ts'); // what it needs is installed by now
  const table = await contractTable();
  const file = join(here, 'README.md');
  const page = await readFile(file, 'utf8');
  if (flags.record)
    return writeFile(
      file,
      page.replace(recorded, () => table),
    );
  const isCurrent = page.includes(table);
  console.log(`${isCurrent ? 'ok    ' : 'FAILED'}  others' apps under the mount contract`);
  if (isCurrent) return;
  console.log(`README.md is to have this: npm run hosts -- --record\n${table}`);
  process.exitCode = 1;
}

const recorded = /\| app \| breaks \|[\s\S]*?each keeps\./;

/** One after the other, of those that are left. */
async function checkAll(waiting: Row[], folder: string): Promise<void> {
  for (let row = waiting.shift(); row; row = waiting.shift()) await check(row, folder);
}

function isWanted(row: Row, index: number): boolean {
  if (flags.smoke && rows.findIndex(({ host }) => host === row.host) !== index) return false;
  const name = nameOf(row).toLowerCase();
  return words.length === 0 || words.some(word => name.includes(word.toLowerCase()));
}

function nameOf({ host, file, tls, reach, behind }: Row): string {
  const how = [tls && 'TLS', reach?.http2 && 'HTTP/2', behind?.config].filter(Boolean).join(', ');
  return `${host}, ${file}${how ? ` (${how})` : ''}`;
}

/** Where a host is, and how it is reached. */
interface Place {
  origin: string;
  fetch: typeof fetch;
  /** Of this file's own, so that a Host header can be set. */
  ask: typeof fetch;
}

async function check(row: Row, folder: string): Promise<void> {
  const own = await mkdtemp(join(folder, 'row-'));
  const server = startHost(row, folder, own);
  const deadline = setTimeout(() => server.kill('SIGKILL'), checkMs);
  const clients: Client[] = [];
  let proxy: InFront | undefined;
  try {
    const said = await firstLine(server);
    const place = await placeOf(row, said, folder);
    if (row.behind) {
      proxy = await startProxy(row.behind.config, new URL(said).host, own);
      place.origin = `http://127.0.0.1:${proxy.port}${row.behind.prefix}`;
    }
    await checkWeb(row, place);
    await checkClients(row, place, clients);
    const ms = await stop(server);
    assert.ok(ms < stopMs, `it took ${ms} ms to stop, with ${clients.length} clients connected`);
    console.log(`ok      ${nameOf(row)}: ${clients.length} clients; stopped in ${ms} ms`);
  } catch (error) {
    console.log(`FAILED  ${nameOf(row)}: ${error instanceof Error ? error.stack : error}`);
    process.exitCode = 1;
  } finally {
    for (const client of clients) await client.close();
    for (const child of [server, proxy?.child]) if (child) await end(child);
    clearTimeout(deadline);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}

function startHost({ file, tls, unixSocket }: Row, folder: string, own: string): ChildProcess {
  const key = { TLS_KEY: join(folder, 'key.pem'), TLS_CERT: join(folder, 'cert.pem') };
  const socket = { SOCKET: join(own, 'mcp.sock') };
  const env = { ...process.env, PORT: '0', ...(tls && key), ...(unixSocket && socket) };
  return spawn(process.execPath, ['--import', 'tsx', join(here, file)], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Which is its URL, or its socket. */
async function firstLine({ stdout }: ChildProcess): Promise<string> {
  if (!stdout) throw new Error('It has no output to read.');
  let said = '';
  for await (const chunk of stdout.iterator({ destroyOnReturn: false })) {
    said += chunk;
    if (said.includes('\n')) break;
  }
  if (!said.includes('\n')) throw new Error('It ended before it was listening.');
  return said.trim();
}

async function placeOf(row: Row, said: string, folder: string): Promise<Place> {
  const ca = row.tls && (await readFile(join(folder, 'cert.pem'), 'utf8'));
  const reach: Reach = {
    ...row.reach,
    ...(ca && { ca }),
    ...(row.unixSocket && { socketPath: said }),
  };
  const ask = fetchVia(reach);
  const isUsual = Object.keys(reach).length === 0;
  const origin = row.unixSocket ? 'http://localhost' : said;
  return { origin, ask, fetch: isUsual ? fetch : ask };
}

/** What is beside the mount goes on as it was, and the mount keeps what is below it. */
async function checkWeb(row: Row, { origin, ask }: Place): Promise<void> {
  const plain = await ask(origin + row.plain);
  assert.equal(plain.status, 200, row.plain);
  assert.equal((await plain.text()).trim(), row.says);
  for (const [i, method] of ['HEAD', 'POST', 'OPTIONS'].entries()) {
    const answer = await ask(origin + row.plain, { method });
    await answer.text();
    assert.equal(answer.status, row.own[i], `${method} ${row.plain}`);
  }
  const nowhere = await ask(`${origin}/nowhere`);
  assert.equal(nowhere.status, 404);
  const words = await nowhere.text();
  assert.ok(words.includes(row.unknown ?? 'Nothing answers /nowhere.'), words);

  if (row.ours) assert.equal((await ask(origin + row.ours)).status, 200, row.ours);
  const below = await ask(`${origin}${row.mcp}/nowhere`);
  assert.equal(below.status, 404);
  assert.equal(below.headers.get('content-type'), 'application/problem+json');
  const post = await ask(`${origin}${row.mcp}/sse`, { method: 'POST' });
  assert.equal(post.status, 405);
  assert.equal(post.headers.get('allow'), 'GET, HEAD, OPTIONS');
  for (const path of [`${row.mcp}/sse`, row.plain]) {
    const rebound = await ask(origin + path, { headers: { host: 'evil.example' } });
    assert.equal(rebound.status, 403, `${path}: its guard`);
  }
  assert.equal(await endpoint(`${origin}${row.mcp}/sse`, ask), expectedEndpoint(row));
}

function expectedEndpoint({ mcp, behind }: Row): string {
  return behind?.prefix ? 'messages' : `${mcp}/messages`;
}

async function endpoint(url: string, ask: typeof fetch): Promise<string | undefined> {
  const gone = new AbortController();
  const stream = await ask(url, { signal: gone.signal });
  let read = '';
  for await (const chunk of stream.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    read += chunk;
    if (read.includes('\n\n')) break;
  }
  gone.abort();
  return /^event: endpoint\ndata: (.*)\?sessionId=/.exec(read)?.[1];
}

/** Leaves each of them connected, with its stream open. */
async function checkClients({ mcp, other }: Row, place: Place, clients: Client[]): Promise<void> {
  const uses: [path: string, result: string][] = [
    [`${mcp}/sse`, '5'],
    [mcp, '5'],
  ];
  if (other) uses.push([other, '6']);
  await Promise.all(
    [...uses, ...uses].map(([path, result]) => {
      const client = new Client({ name: 'check', version: '1.0.0' });
      clients.push(client);
      return use(client, place, path, result);
    }),
  );
}

/** Of 2 and 3 the server's one tool makes `result`. */
async function use(client: Client, place: Place, path: string, result: string): Promise<void> {
  const url = new URL(place.origin + path);
  const options = { fetch: place.fetch };
  const transport = path.endsWith('/sse')
    ? new SSEClientTransport(url, options)
    : new StreamableHTTPClientTransport(url, options);
  // It is one; only its sessionId is typed apart under exactOptionalPropertyTypes.
  await client.connect(transport as Transport);
  const [tool] = (await client.listTools()).tools;
  const { content } = await client.callTool({ name: tool?.name ?? '', arguments: { a: 2, b: 3 } });
  assert.deepEqual(content, [{ type: 'text', text: result }], path);
}

/** @returns ms from SIGTERM to the exit */
async function stop(server: ChildProcess): Promise<number> {
  const exited = once(server, 'exit');
  const before = performance.now();
  server.kill('SIGTERM');
  const [code, signal] = await exited;
  assert.equal(code ?? signal, 0, 'how it exited');
  return Math.round(performance.now() - before);
}

await main();
