/** Whatever a client writes where the target stands, it gets an answer, and only its own mount. */
import assert from 'node:assert/strict';
import { posix } from 'node:path';
import test from 'node:test';
import fc from 'fast-check';
import type { App } from '../router.ts';
import { createApp } from '../server.ts';
import { memoryStore } from '../store.ts';
import { listen } from './held.ts';
import { sendRaw } from './support.ts';

const count = 800;

test('no target on a raw socket reaches a mount wrongly, stays unanswered or ends the process', async t => {
  let sent = 0;
  let reached = false;
  const probe: App = (req, res) => {
    reached = Number(req.headers['x-number']) === sent;
    res.end();
  };
  const app = createApp(memoryStore(), { mount: '/tools/mcp' });
  app.router.mount('/mcp', probe);
  const { port, stop } = await listen(app, ['127.0.0.1'], 0);
  t.after(stop);

  const reaches = { yes: 0, no: 0 };
  const statuses = new Map<number, number>();
  const law = fc.asyncProperty(fc.constantFrom(...methods), anyTarget, async (method, target) => {
    reached = false;
    const line = `${method} ${target} HTTP/1.1`;
    const head = `${line}\r\nHost: localhost\r\nX-Number: ${++sent}\r\nConnection: close\r\n\r\n`;
    const { status } = await sendRaw(port, head).catch(cause => {
      throw new Error(`No answer to ${JSON.stringify(line)}`, { cause });
    });
    assert.ok(status >= 200 && status < 500, `${status} to ${JSON.stringify(line)}`);
    if (reached) assert.ok(isBelow('/mcp', target), 'it reached the mount');
    else assert.ok(method === 'CONNECT' || !isPlain(target), 'it did not reach the mount');
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    reaches[reached ? 'yes' : 'no']++;
  });
  await fc.assert(law, { seed: 20_261_101, numRuns: count });

  t.diagnostic(`${reaches.yes} of ${count} reached the mount; answers: ${shown(statuses)}`);
  assert.ok(reaches.yes > 50, 'the fuzzer hits the mount');
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

/** A plain target with up to three changes, most of them small, some behind an origin. */
const changed = fc
  .tuple(
    fc.constantFrom(...seeds),
    fc.array(oneChange(), { maxLength: 3 }),
    rarely(12, fc.constantFrom(...origins), ''),
  )
  .map(([seed, changes, origin]) => origin + changes.reduce((target, put) => put(target), seed));

const anyTarget = fc.oneof(
  { weight: 92, arbitrary: changed },
  { weight: 8, arbitrary: fc.constantFrom(...wholes) },
);

function oneChange(): fc.Arbitrary<(target: string) => string> {
  const place = fc.nat(40);
  const latin1 = fc.nat(255).map(code => String.fromCharCode(code));
  const piece = fc.oneof(
    { weight: 85, arbitrary: fc.constantFrom(...pieces) },
    { weight: 15, arbitrary: latin1 },
  );
  const put = fc.tuple(place, rarely(30, fc.nat(2), 0), piece);
  const respell = fc.tuple(place, fc.boolean());
  return fc.oneof(
    { weight: 80, arbitrary: put.map(([at, cut, text]) => replacing(at, cut, () => text)) },
    { weight: 20, arbitrary: respell.map(([at, up]) => replacing(at, 1, up ? upper : escaped)) },
  );
}

function rarely<T>(percent: number, odd: fc.Arbitrary<T>, plain: T): fc.Arbitrary<T> {
  return fc.oneof(
    { weight: 100 - percent, arbitrary: fc.constant(plain) },
    { weight: percent, arbitrary: odd },
  );
}

/** `place` counts round and round, so that each is one in every target. */
function replacing(place: number, cut: number, by: (text: string) => string) {
  return (target: string) => {
    const at = place % (target.length + 1);
    return target.slice(0, at) + by(target.slice(at, at + cut)) + target.slice(at + cut);
  };
}

const upper = (text: string) => text.toUpperCase();
const escaped = (char: string) => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`;

function shown(statuses: Map<number, number>): string {
  return [...statuses]
    .sort(([a], [b]) => a - b)
    .map(([status, n]) => `${n} x ${status}`)
    .join(', ');
}
