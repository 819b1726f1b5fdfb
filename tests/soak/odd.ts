/** Clients that say what they should not: no HTTP, no JSON-RPC, nothing that makes sense. */
import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import fc from 'fast-check';
import { type Kind, kind } from './kinds.ts';
import { openSession, openSse, posted } from './mcp.ts';
import { ask, openWire, type Visitor } from './visitor.ts';
import { bytesOf } from './wire.ts';

const oddTargets = words(`
  / // * /mcp /mcp/ /mcp/sse /mcp/messages /mcp/messages?sessionId=x /mcp%2fsse /items/../mcp
  /items/ /items/9999999 /items/__proto__ /live/events /docs /?%c%s
  http://localhost/mcp http://evil.example/ localhost:80
`);

const oddTarget = fc.oneof(
  fc.constantFrom(...oddTargets, '', `/${'a'.repeat(20_000)}`),
  fc.array(fc.nat(255), { maxLength: 30 }).map(codes => `/${String.fromCharCode(...codes)}`),
);

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}

const oddHeaders: Record<string, string>[] = [
  {},
  { Host: '[' },
  { Host: 'evil.example' },
  { Origin: 'http://evil.example' },
  { Accept: 'text/html' },
  { Accept: 'image/png' },
  { 'Content-Length': '5' },
  { 'Content-Length': '-1' },
  { 'Content-Length': '999999999' },
  { 'Transfer-Encoding': 'chunked' },
  { 'Transfer-Encoding': 'gzip' },
  { Expect: '100-continue' },
  { Expect: 'the best' },
  { Connection: 'Upgrade', Upgrade: 'websocket' },
  { 'Mcp-Session-Id': '__proto__' },
  { 'Last-Event-ID': '1.1' },
  { 'X-Forwarded-Prefix': '\xff' },
  { 'Content-Type': 'application/json', 'Content-Length': '1' },
  { 'X-Long': 'x'.repeat(20_000) },
  { 'no name': 'x' },
];

const oddMethods = ['', ...words('GET POST PATCH DELETE HEAD OPTIONS CONNECT PURGE get')];

const oddRequest = kind(
  {
    name: 'odd request',
    does: 'sends what may be no HTTP, and no more behind it: an answer below 500 or the end, soon',
    weight: 8,
  },
  fc.record({
    method: fc.constantFrom(...oddMethods),
    target: oddTarget,
    headers: fc.array(fc.constantFrom(...oddHeaders), { maxLength: 3 }),
    body: fc.constantFrom('', '{', '{}', '\xff', '5\r\nhello\r\n'),
  }),
  async (visitor, { method, target, headers, body }) => {
    const wire = await openWire(visitor);
    wire.send(bytesOf(method, target, Object.assign({}, ...headers)) + body);
    const answer = wire.next(method);
    await wait(20); // else most would be cut before they are answered
    wire.socket.end();
    assert.ok(isFine((await answer)?.status), `${(await answer)?.status}`);
    await wire.over();
  },
);

/** 501 and 505 are Node's own. */
function isFine(status = 400): boolean {
  return status < 500 || status === 501 || status === 505;
}

const oddValue = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom<unknown>('\u2028', 1e308, '%c', '__proto__', 'x'.repeat(5_000)),
);

const methods = ['initialize', 'tools/call', 'tools/list', 'resources/subscribe', 'prompts/get'];
const notices = ['notifications/cancelled', 'notifications/initialized', 'logging/setLevel', 'x'];

const oddMessage = fc.oneof(
  oddValue,
  fc.record(
    {
      jsonrpc: fc.oneof(
        { weight: 9, arbitrary: fc.constant<unknown>('2.0') },
        { weight: 1, arbitrary: oddValue },
      ),
      id: fc.oneof(fc.nat(3), oddValue),
      method: fc.oneof(fc.constantFrom<unknown>(...methods, ...notices), oddValue),
      params: fc.oneof(
        oddValue,
        fc.record({ name: oddValue, arguments: oddValue, _meta: oddValue }),
      ),
      result: oddValue,
      error: oddValue,
    },
    { requiredKeys: ['jsonrpc'] },
  ),
);

const oddCaller = kind(
  {
    name: 'odd message',
    does: 'posts JSON that is mostly no JSON-RPC; each is answered',
    weight: 8,
  },
  fc.record({
    messages: fc.array(fc.oneof(oddMessage, fc.array(oddMessage, { maxLength: 4 })), {
      minLength: 1,
      maxLength: 5,
    }),
    door: fc.constantFrom('none', '2025-03-26', '2025-11-25', 'sse', '/items/'),
  }),
  async (visitor, { messages, door }) => {
    const { path, headers } = await doorOf(visitor, door);
    for (const message of messages) {
      const { status } = await ask(visitor, posted(JSON.stringify(message), headers, path));
      assert.ok(status < 500, `${status} to ${JSON.stringify(message)}`);
    }
  },
);

async function doorOf(visitor: Visitor, door: string) {
  if (door === '/items/') return { path: door };
  if (door === 'none') return { path: '/mcp' };
  if (door === 'sse') return { path: (await openSse(visitor)).messages };
  return { path: '/mcp', headers: await openSession(visitor, door) };
}

export const oddKinds: Kind[] = [oddRequest, oddCaller];
