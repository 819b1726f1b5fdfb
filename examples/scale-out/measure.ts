/**
 * What docs/scale.md says in figures: CPU time per call, what a change costs, memory per session.
 *
 *     npm ci && npm run measure          here; needs PostgreSQL and nginx; two minutes
 *
 * On loopback, with the x-ray on, as `npm run scale-out` starts them. CPU time is what the system
 * counts for each process, so it is much the same on a machine that is busy.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { type Cluster, type Node, startCluster } from './cluster.ts';
import { freePorts } from './proxies.ts';

const callers = 30;
const callsEach = 40;
const rounds = 5;
const streams = 900;
const changesApart = 20;
const changesAtOnce = 1_000;
const pagesPerNode = 5;

async function main(): Promise<void> {
  const cluster = await startCluster({ ports: await freePorts(), env: { MAX_ITEMS: '100000' } });
  try {
    await measureMemory(cluster);
    await measureCalls(cluster);
    await measureChanges(cluster);
  } finally {
    await cluster.stop();
  }
}

async function measureMemory(cluster: Cluster): Promise<void> {
  const { origin, proxyPid } = cluster;
  const before = memoryOf(cluster);
  const left = new AbortController();
  for (let opened = 0; opened < streams; opened += callers)
    await Promise.all(Array.from({ length: callers }, () => openStream(origin, left.signal)));
  const after = memoryOf(cluster);
  const proxyKb = sum(familyOf(proxyPid).map(rssKb)) - before.proxyKb;
  console.log(`\n${streams} SSE sessions through nginx, on three nodes\n
| | KB of RSS before | KB of RSS a session |
|---|---:|---:|
| the three nodes together | ${before.nodesKb} | ${((after.nodesKb - before.nodesKb) / streams).toFixed(1)} |
| nginx | ${before.proxyKb} | ${(proxyKb / streams).toFixed(1)} |`);
  left.abort();
  await wait(settleMs);
}

const settleMs = 1_000;

function memoryOf({ nodes, proxyPid }: Cluster) {
  const nodesKb = sum(Object.values(nodes).map(({ program }) => rssKb(program.child.pid)));
  return { nodesKb, proxyKb: sum(familyOf(proxyPid).map(rssKb)) };
}

/** An SSE session that has begun, and then is silent. */
async function openStream(origin: string, signal: AbortSignal): Promise<void> {
  const stream = await fetch(`${origin}/mcp/sse`, { signal });
  const reader = stream.body?.getReader();
  const { value } = (await reader?.read()) ?? {};
  const [, place = ''] = /data: (\S+)/.exec(new TextDecoder().decode(value)) ?? [];
  await post(`${origin}${place}`, initialize);
  await post(`${origin}${place}`, { jsonrpc: '2.0', method: 'notifications/initialized' });
}

async function measureCalls(cluster: Cluster): Promise<void> {
  const all = Object.values(cluster.nodes);
  const everywhere = await sessionsOn(all);
  for (const calling of [read, addAndRemove, read]) await callAll(cluster, everywhere, calling); // warm
  const rows = new Map<string, number[][]>();
  for (let round = 0; round < rounds; round++)
    for (const count of [1, 2, 3]) {
      const sessions = await sessionsOn(all.slice(0, count));
      for (const [what, calling, calls] of kindsOfCalls) {
        const row = `| ${what} | ${count}`;
        const cpu = await cpuOf(cluster, () => callAll(cluster, sessions, calling), calls);
        rows.set(row, [...(rows.get(row) ?? []), cpu]);
      }
    }
  console.log(`\nms of CPU a call, ${callers} Streamable sessions through nginx, one call each at a time:
the median of ${rounds} rounds, and the least and the most\n
| | nodes in use | the nodes | nginx | PostgreSQL |
|---|---:|---:|---:|---:|`);
  for (const [row, cpus] of rows)
    console.log(
      `${row} | ${[0, 1, 2].map(i => spreadOf(cpus.map(cpu => cpu[i] ?? 0))).join(' | ')} |`,
    );
}

function spreadOf(numbers: number[]): string {
  const sorted = numbers.toSorted((one, other) => one - other).map(number => number.toFixed(2));
  return `${sorted[sorted.length >> 1]} (${sorted[0]} to ${sorted.at(-1)})`;
}

async function sessionsOn(nodes: Node[]): Promise<string[]> {
  const sessions: string[] = [];
  for (let made = 0; made < callers; made++) {
    const node = nodes[made % nodes.length];
    const answer = await post(`${node?.origin}/mcp`, initialize);
    const session = answer.headers.get('mcp-session-id') ?? '';
    await post(
      `${node?.origin}/mcp`,
      { jsonrpc: '2.0', method: 'notifications/initialized' },
      session,
    );
    sessions.push(session);
  }
  return sessions;
}

type Calling = (url: string, session: string) => Promise<unknown>;

async function callAll({ origin }: Cluster, sessions: string[], calling: Calling): Promise<void> {
  await Promise.all(
    sessions.map(async session => {
      for (let call = 0; call < callsEach; call++) await calling(`${origin}/mcp`, session);
    }),
  );
}

const read: Calling = (url, session) => call(url, session, 'get_items', {});

async function addAndRemove(url: string, session: string): Promise<void> {
  const { id } = await call(url, session, 'add_item', { name: 'Tea' });
  await call(url, session, 'remove_item', { id });
}

const kindsOfCalls: [what: string, calling: Calling, calls: number][] = [
  ['get_items', read, 1],
  ['add_item, remove_item', addAndRemove, 2],
];

async function call(url: string, session: string, name: string, args: object) {
  const body = {
    jsonrpc: '2.0',
    id: ++lastId,
    method: 'tools/call',
    params: { name, arguments: args },
  };
  const [, answer = ''] =
    /^data: (\{.*)$/m.exec(await (await post(url, body, session)).text()) ?? [];
  const { structuredContent, isError } = JSON.parse(answer).result;
  if (isError) throw new Error(answer);
  return structuredContent;
}

let lastId = 0;

/** Of the nodes, nginx and PostgreSQL, in ms a call. */
async function cpuOf(cluster: Cluster, work: () => Promise<void>, callsPerTurn: number) {
  const before = cpuTicks(cluster);
  await work();
  const calls = callers * callsEach * callsPerTurn;
  return cpuTicks(cluster).map((ticks, i) => ((ticks - (before[i] ?? 0)) * tickMs) / calls);
}

const tickMs = 10; // of Linux, whatever the machine

function cpuTicks({ nodes, proxyPid, database }: Cluster): number[] {
  const nodePids = Object.values(nodes).map(({ program }) => program.child.pid);
  return [nodePids, familyOf(proxyPid), familyOf(database.pid())].map(pids =>
    sum(pids.map(ticksOf)),
  );
}

/** What a change comes to where pages are open, on one node and on more. */
async function measureChanges(cluster: Cluster): Promise<void> {
  console.log(`\nchanges made on node a, ${pagesPerNode} pages open on each node in use\n
| | nodes with pages | NOTIFY | reads of the list, by all nodes | s |
|---|---:|---:|---:|---:|`);
  const all = Object.values(cluster.nodes);
  for (const count of [1, 2, 3])
    for (const [what, change] of [
      [`${changesApart} changes, 300 ms apart`, apart],
      [`${changesAtOnce} changes, as fast as one client can`, atOnce],
    ] as const) {
      const { notified, reads, ms } = await hearOf(all.slice(0, count), cluster, change);
      console.log(`| ${what} | ${count} | ${notified} | ${reads} | ${(ms / 1_000).toFixed(1)} |`);
    }
}

async function hearOf(
  nodes: Node[],
  cluster: Cluster,
  change: (cluster: Cluster) => Promise<void>,
) {
  const left = new AbortController();
  const opening = nodes.flatMap(node =>
    Array.from({ length: pagesPerNode }, () => openPage(node, left.signal)),
  );
  const pages = await Promise.all(opening);
  const notified = await countNotifications(cluster.database.url);
  await wait(settleMs);
  for (const page of pages) page.told = 0;
  const started = performance.now();
  await change(cluster);
  const ms = performance.now() - started;
  await wait(settleMs);
  left.abort();
  const reads = sum(pages.map(({ told }) => told)) / pagesPerNode;
  return { notified: await notified(), reads, ms };
}

async function apart(cluster: Cluster): Promise<void> {
  for (let made = 0; made < changesApart; made++) {
    await changeOnce(cluster);
    await wait(300);
  }
}

async function atOnce(cluster: Cluster): Promise<void> {
  for (let made = 0; made < changesAtOnce; made++) await changeOnce(cluster);
}

async function changeOnce({ nodes }: Cluster): Promise<void> {
  const quantity = (++lastId % 999) + 1;
  const headers = { 'Content-Type': 'application/json' };
  const change = { method: 'PATCH', headers, body: JSON.stringify({ quantity }) };
  const answer = await fetch(`${nodes.a.origin}/items/1`, change);
  if (!answer.ok) throw new Error(await answer.text());
  await answer.text();
}

/** Each event 'panel' is one reading of the list by the node, for all its pages together. */
async function openPage({ origin }: Node, signal: AbortSignal) {
  const page = { told: 0 };
  const { body } = await fetch(`${origin}/live/events`, { signal });
  const text = body?.pipeThrough(new TextDecoderStream());
  const count = async () => {
    if (text) for await (const chunk of text) page.told += chunk.split('event: panel').length - 1;
  };
  count().catch(() => {}); // it was left
  return page;
}

/** @returns how many there were, once there are no more */
async function countNotifications(url: string): Promise<() => Promise<number>> {
  const client = new pg.Client(url);
  await client.connect();
  let count = 0;
  client.on('notification', () => count++);
  await client.query('LISTEN mcp_mount');
  return async () => {
    await client.end();
    return count;
  };
}

const initialize = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: {
    protocolVersion: '2025-06-18',
    capabilities: {},
    clientInfo: { name: 'measure', version: '1.0.0' },
  },
};

async function post(url: string, body: object, session?: string): Promise<Response> {
  const accept = { Accept: 'application/json, text/event-stream' };
  const headers = { 'Content-Type': 'application/json', ...accept };
  const named = { ...headers, ...(session && { 'Mcp-Session-Id': session }) };
  const answer = await fetch(url, { method: 'POST', headers: named, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  return answer;
}

/** A process and its children. */
function familyOf(pid: number | undefined): number[] {
  const all = readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number);
  return all.filter(one => one === pid || fieldsOf(one)[1] === String(pid));
}

function ticksOf(pid: number | undefined): number {
  const fields = fieldsOf(pid);
  return sum(fields.slice(11, 15).map(Number)); // utime, stime, and of children that have ended: proc(5)
}

/** Of /proc/PID/stat, from its state on; none of a process that has gone. */
function fieldsOf(pid: number | undefined): string[] {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
  } catch {
    return [];
  }
}

function rssKb(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

await main();
