/** Attacks on memory, against a server in a process of its own, whose memory is then measured. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, get, request } from 'node:http';
import test, { type TestContext } from 'node:test';
import {
  ask,
  type Headers,
  initialize,
  openRaw,
  openSession,
  post,
  postHeaders,
  type Raw,
  toolCall,
} from './apps/mcp/wire.ts';
import type { Memory } from './fixtures/heavy-server.ts';

const soon = { timeout: 180_000 }; // a test that waits for what never comes fails

const fixture = 'tests/fixtures/heavy-server.ts';

async function startHeavy(t: TestContext, ...options: string[]): Promise<string> {
  const args = ['--expose-gc', '--import', 'tsx', fixture, ...options];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const [line] = await once(child.stdout, 'data');
  return String(line).trim();
}

async function memoryAt(origin: string, when: 'memory' | 'settled' = 'memory'): Promise<Memory> {
  return JSON.parse((await ask(`${origin}/${when}`)).body);
}

async function assertServes(origin: string): Promise<void> {
  const begun = performance.now();
  assert.match((await ask(`${origin}/items/`)).body, /"Apples"/);
  assert.ok(performance.now() - begun < 2_000);
}

const calls = 200;
const maxGrowth = 150 * 1024 * 1024;

/** Has `calls` answers of 2 MB made and reads none. */
type Overrun = (t: TestContext, origin: string, watch: Watch) => Promise<void>;

/** Reads the server's memory again and again, and keeps the most. */
interface Watch {
  /** Until this many answers more have been made than when it began. */
  made(answers: number): Promise<void>;
  /** Until no more are being made. */
  still(): Promise<void>;
  /** Bytes of its process at the most, over those it began with. */
  growth(): number;
}

async function watchMemory(origin: string): Promise<Watch> {
  const { answers: first, ...start } = await memoryAt(origin);
  let [peak, last] = [start.rss, 0];
  async function look(): Promise<number> {
    const { rss, answers } = await memoryAt(origin);
    peak = Math.max(peak, rss);
    const more = answers - first - last;
    last += more;
    return more;
  }
  return {
    async made(answers) {
      while (last < answers) await look();
    },
    async still() {
      while ((await look()) > 0) {}
    },
    growth: () => peak - start.rss,
  };
}

const overruns: [reader: string, overrun: Overrun][] = [
  ['the SSE stream', overrunSse],
  ['a stream for each Streamable call', overrunEach(calls, {})],
  [
    'a JSON answer for each Streamable call',
    overrunEach(calls / 2, { Accept: 'application/json' }),
  ],
  ['a JSON answer for each batch of five', overrunBatches],
  ['calls that are pipelined on one connection', overrunPipeline],
];

test(`readers that never read ${calls} answers of 2 MB can't fill the memory`, soon, async t => {
  const origin = await startHeavy(t);
  const session = await openSession(`${origin}/mcp`);
  await post(`${origin}/mcp`, toolCall('warm', 'big'), session);
  for (const [reader, overrun] of overruns) {
    await t.test(reader, async t => {
      const watch = await watchMemory(origin);
      await overrun(t, origin, watch);
      await watch.still();
      await assertServes(origin);
      const growth = watch.growth();
      t.diagnostic(`grew by ${mib(growth)} MiB`);
      assert.ok(growth < maxGrowth, `${growth} bytes`);
    });
  }
});

async function overrunSse(...[t, origin, watch]: Parameters<Overrun>): Promise<void> {
  const raw = openRaw(t, portOf(origin));
  raw.send('GET /mcp/sse HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const messages = await endpointOf(raw);
  raw.socket.pause();
  const statuses: number[] = [];
  for (let id = 0; id < calls; id++)
    statuses.push((await post(origin + messages, toolCall(id, 'big'))).status);
  await watch.made(statuses.filter(status => status === 202).length);
  assert.equal(statuses[0], 202);
  assert.equal(statuses.at(-1), 404, 'its stream has been ended by then');
}

function overrunEach(count: number, headers: Headers): Overrun {
  return async (t, origin, watch) => {
    const session = await openSession(`${origin}/mcp`);
    for (let id = 0; id < count; id++) {
      unread(t, origin).send(postOf([id], { ...session, ...headers }));
      await watch.made(id + 1);
    }
  };
}

async function overrunBatches(...[t, origin, watch]: Parameters<Overrun>): Promise<void> {
  const session = { ...(await openSession(`${origin}/mcp`)), Accept: 'application/json' };
  for (let first = 0; first < calls / 2; first += 5) {
    const ids = Array.from({ length: 5 }, (_, i) => first + i);
    unread(t, origin).send(postOf(ids, session));
    await watch.made(first + 5);
  }
}

/** Node stops reading a connection that has too much to write, so not all are called. */
async function overrunPipeline(...[t, origin, watch]: Parameters<Overrun>): Promise<void> {
  const session = await openSession(`${origin}/mcp`);
  const raw = unread(t, origin);
  for (let id = 0; id < calls; id++) raw.send(postOf([id], session));
  await watch.made(1);
}

function unread(t: TestContext, origin: string): Raw {
  const raw = openRaw(t, portOf(origin));
  raw.socket.pause();
  return raw;
}

function endpointOf({ socket }: Raw): Promise<string> {
  return new Promise(done => {
    socket.on('data', text => {
      const [, path] = /data: (\S+)/.exec(String(text)) ?? [];
      if (path) done(path);
    });
  });
}

function postOf(ids: number[], headers: Headers): string {
  const messages = ids.map(id => toolCall(id, 'big'));
  const body = JSON.stringify(messages.length === 1 ? messages[0] : messages);
  const fields = { Host: 'localhost', ...postHeaders, 'Content-Length': body.length, ...headers };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST /mcp HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}

function portOf(origin: string): number {
  return Number(new URL(origin).port);
}

const drops = 5_000;
const atOnce = 32;
const idleMs = '400'; // the readers above have as long as they need, on a busy machine too

test(`${drops} sessions opened and dropped leave nothing behind`, soon, async t => {
  const origin = await startHeavy(t, idleMs);
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
  t.after(() => agent.destroy());
  await openAndDrop(origin, agent, 1_000);
  const before = await memoryAt(origin, 'settled');
  await openAndDrop(origin, agent, drops);
  await assertServes(origin);
  const after = await memoryAt(origin, 'settled');
  t.diagnostic(`heap ${mib(before.heapUsed)} MiB before, ${mib(after.heapUsed)} MiB after`);
  assert.equal(after.sessions, 0);
  assert.ok(after.heapUsed < before.heapUsed * 1.1, `${after.heapUsed} of ${before.heapUsed}`);
});

/** By turns a stream that is cut, a session that is deleted, and one never heard of again. */
async function openAndDrop(origin: string, agent: Agent, times: number): Promise<void> {
  let left = times;
  const worker = async () => {
    while (left-- > 0) {
      if (left % 2 === 0) await dropSse(origin);
      else await dropStreamable(origin, agent, left % 4 === 1);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

function mib(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(1);
}

function dropSse(origin: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const req = get(`${origin}/mcp/sse`, { agent: false }, res => {
      res.once('data', () => res.destroy()).on('error', () => {}); // it is cut, as is meant
      res.once('close', resolve);
    });
    req.on('error', reject);
  });
}

async function dropStreamable(origin: string, agent: Agent, politely: boolean): Promise<void> {
  const { id } = await send(origin, agent, 'POST', postHeaders, JSON.stringify(initialize()));
  if (politely) await send(origin, agent, 'DELETE', { 'Mcp-Session-Id': id });
}

function send(
  origin: string,
  agent: Agent,
  method: string,
  headers: Headers,
  body?: string,
): Promise<{ id: string }> {
  return new Promise((resolve, reject) => {
    const req = request(`${origin}/mcp`, { agent, method, headers }, res => {
      const id = String(res.headers['mcp-session-id']);
      res.once('end', () => resolve({ id })).resume();
    });
    req.end(body).on('error', error => {
      // On a slow machine a kept connection may have been idle for as long as the server keeps one.
      if (req.reusedSocket) resolve(send(origin, agent, method, headers, body));
      else reject(error);
    });
  });
}
