/** Whatever a client writes where the target stands, it gets an answer, and only its own mount. */
import assert from 'node:assert/strict';
import { posix } from 'node:path';
import test from 'node:test';
import { listen } from '../http/listen.ts';
import type { App } from '../router.ts';
import { createApp } from '../server.ts';
import { memoryStore } from '../store.ts';
import { random } from './random.ts';
import { sendRaw } from './support.ts';

const count = 800;
const atOnce = 16; // connections, which a small machine takes without a queue

test('no target on a raw socket reaches a mount wrongly, stays unanswered or ends the process', async t => {
  const reached = new Set<number>();
  const probe: App = (req, res) => {
    reached.add(Number(req.headers['x-number']));
    res.end();
  };
  const app = createApp(memoryStore(), { mount: '/tools/mcp' });
  app.router.mount('/mcp', probe);
  const { port, stop } = await listen(app, ['127.0.0.1'], 0);
  t.after(stop);

  const requests = generate(count, 20_261_101);
  const statuses = new Map<number, number>();
  await inParallel(requests, async ({ method, target }, number) => {
    const line = `${method} ${target} HTTP/1.1`;
    const head = `${line}\r\nHost: localhost\r\nX-Number: ${number}\r\nConnection: close\r\n\r\n`;
    const { status } = await sendRaw(port, head).catch(cause => {
      throw new Error(`No answer to ${JSON.stringify(line)}`, { cause });
    });
    assert.ok(status >= 200 && status < 500, `${status} to ${JSON.stringify(line)}`);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  });

  for (const [number, { method, target }] of requests.entries()) {
    const line = `${method} ${JSON.stringify(target)}`;
    if (reached.has(number)) assert.ok(isBelow('/mcp', target), `${line} reached the mount`);
    else assert.ok(method === 'CONNECT' || !isPlain(target), `${line} did not reach the mount`);
  }
  t.diagnostic(`${reached.size} of ${count} reached the mount; answers: ${shown(statuses)}`);
  assert.ok(reached.size > 50, 'the fuzzer hits the mount');
  for (const status of [200, 400, 403, 404]) assert.ok(statuses.has(status), `some got ${status}`);
  assert.equal((await fetch(`http://127.0.0.1:${port}/items/`)).status, 200, 'and it still serves');
});

/** What must reach the mount, since nobody can read it in two ways. */
function isPlain(target: string): boolean {
  return /^\/mcp(?:\/[a-z]*)?(?:\?[a-zA-Z=]*)?$/.test(target);
}

/**
 * The oracle, which shares no code with the router: the path begins with the prefix and ends or
 * goes on with a slash or a query there, in the bytes that were sent and in each other way that
 * a proxy or framework might read them.
 */
function isBelow(prefix: string, target: string): boolean {
  const word = target.replace(/^ +| +$/g, ''); // spaces around it belong to the request line
  const sent = word.replace(/^https?:\/\/[^/?#]*/i, '');
  const path = sent.split('?', 1)[0] ?? '';
  const decoded = decodeURIComponent(path);
  const readings = [
    path,
    decoded,
    posix.normalize(decoded),
    new URL(`http://host${path}`).pathname,
  ];
  return readings.every(reading => reading === prefix || reading.startsWith(`${prefix}/`));
}

const methods = words('GET GET GET POST HEAD OPTIONS DELETE CONNECT');

const seeds = words(`
  /mcp /mcp/sse /mcp/messages?sessionId=1 /mcp?x=/items/ /tools/mcp/sse /items/ /items/1 /
`);

/** Put anywhere into a seed: what parsers are known to disagree on, and what none should take. */
const pieces = [
  ...words(String.raw`
    / // . .. /. /.. /../ /./ /../mcp /../items \ \..\ ? # % %2 %2f %2F %5c %2e %2e%2e /%2e%2E/
    %00 %0d%0a %6d %zz %ff %c0%af %252f ; ;v=1 : @ * + & = ~ [ ] < " | x mcp MCP __proto__
  `),
  ...[' ', '\0', '\x01', '\t', '\n', '\r', '\x7f', '\x80', '\xc3\xa9', '\xff'],
];

/** Sent as they are. */
const wholes = [
  ...words(String.raw`
    * / // /// ? # . .. % : mcp mcp/sse //mcp //mcp/sse //localhost/mcp /\mcp /http://localhost/mcp
    http: http:/mcp http:// http:///mcp localhost:80 [::1]:80 javascript:alert(1)
  `),
  ...['', '\0', '\xff', `/${'a'.repeat(20_000)}`, `/mcp/${'../'.repeat(2_000)}`],
  ...[`/${'%2e/'.repeat(2_000)}`, `/mcp?${'%'.repeat(8_000)}`],
];

/** Put in front, for absolute forms good and bad. */
const origins = words(String.raw`
  http://localhost HTTP://LOCALHOST:80 https://127.0.0.1:1 http://[::1] http:// http://evil.example
  http://u:p@localhost http://localhost\@evil http://[ ftp://localhost ws://localhost //localhost
  http: http:/ http://localhost: http://localhost:99999999
`);

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}

interface Sent {
  method: string;
  target: string;
}

function generate(amount: number, seed: number): Sent[] {
  const { pick, below, chance } = random(seed);

  function mutate(target: string): string {
    const at = below(target.length + 1);
    if (chance(0.2)) return target.slice(0, at) + respelt(target[at]) + target.slice(at + 1);
    const end = at + (chance(0.3) ? below(3) : 0);
    const piece = chance(0.15) ? String.fromCharCode(below(256)) : pick(pieces);
    return target.slice(0, at) + piece + target.slice(end);
  }

  function respelt(char = ''): string {
    if (chance(0.3) || char === '') return char.toUpperCase();
    return `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
  }

  function oneTarget(): string {
    if (chance(0.08)) return pick(wholes);
    let target = pick(seeds);
    for (let left = below(4); left > 0; left--) target = mutate(target);
    return chance(0.12) ? pick(origins) + target : target;
  }

  return Array.from({ length: amount }, () => ({ method: pick(methods), target: oneTarget() }));
}

async function inParallel<T>(list: T[], work: (entry: T, index: number) => Promise<void>) {
  const entries = list.entries();
  const workers = Array.from({ length: atOnce }, async () => {
    for (const [index, entry] of entries) await work(entry, index);
  });
  await Promise.all(workers);
}

function shown(statuses: Map<number, number>): string {
  return [...statuses]
    .sort(([a], [b]) => a - b)
    .map(([status, n]) => `${n} x ${status}`)
    .join(', ');
}
