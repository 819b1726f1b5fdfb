/** The clients of every era, each at the one URL: what it negotiates, what it adds, what it hears. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  Client as NewClient,
  StreamableHTTPClientTransport as NewTransport,
} from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { mcpApp } from '../../apps/mcp/app.ts';
import { bearer, cors, hostGuard, staticTokens } from '../../guard.ts';
import { type Breach, contract } from '../../http/contract.ts';
import { listen } from '../../http/listen.ts';
import { createRouter } from '../../router.ts';
import { memoryStore } from '../../store.ts';
import { itemsUri, shoppingServer } from '../../tools.ts';
import { everyEra } from './every-era.ts';
import { shop } from './shop.ts';

const newest = '2026-07-28';
const withSessions = ['2025-03-26', '2025-06-18', '2025-11-25'];
const page = 'https://app.example';
const stopMs = 1_000; // with a client of each kind connected
const patienceMs = 10_000; // the machine may be busy

/** What is asked of a client, of whichever version. */
interface Connected {
  version: string | undefined;
  /** Adds an item and returns its name. */
  add(name: string): Promise<unknown>;
  close(): Promise<void>;
}

type Connect = (url: string) => Promise<Connected>;

const clients: [name: string, path: string, version: string | undefined, connect: Connect][] = [
  [
    'version 1, over SSE',
    '/mcp/sse',
    undefined,
    url => connectOld(new SSEClientTransport(new URL(url))),
  ],
  [
    'version 1, over Streamable HTTP',
    '/mcp',
    '2025-11-25',
    url => connectOld(new StreamableHTTPClientTransport(new URL(url))),
  ],
  ['version 2, left to itself', '/mcp', '2025-11-25', url => connectNew(url)],
  ['version 2, asking first', '/mcp', newest, url => connectNew(url, 'auto')],
  ['version 2, pinned', '/mcp', newest, url => connectNew(url, { pin: newest })],
];

export async function checkClients(): Promise<void> {
  const store = memoryStore();
  const broken: Breach[] = [];
  const onBreach = (breach: Breach) => void broken.push(breach);
  const router = createRouter().mount('/mcp', contract(shop(store), { onBreach, patienceMs }));
  const app = hostGuard(cors(router, { origins: [page] }), { origins: [page] });
  const running = await listen(app, ['127.0.0.1', '::1'], 0);
  const origin = `http://localhost:${running.port}`;
  const open: Pick<Connected, 'close'>[] = [];
  let ms = 0;
  try {
    let first: Connected | undefined;
    for (const [name, path, version, connect] of clients) {
      const client = await connect(origin + path);
      first ??= client;
      open.push(client);
      assert.equal(client.version, version, name);
      assert.equal(await client.add(name), name);
      console.log(`ok  ${name}: ${version ?? 'the legacy transport'}`);
    }
    const names = (await store.list()).map(item => item.name);
    assert.deepEqual(
      names.slice(-clients.length),
      clients.map(([name]) => name),
      'one list',
    );
    for (const version of withSessions) await checkVersion(`${origin}/mcp`, version);
    const listener = await checkNews(`${origin}/mcp`, first);
    open.push(listener); // its stream is open as the server stops
    await checkPage(`${origin}/mcp`);
    await checkRefusals(`${origin}/mcp`);
  } finally {
    const before = performance.now();
    await running.stop();
    ms = Math.round(performance.now() - before);
    for (const client of open) await client.close();
    await store.close();
  }
  assert.ok(ms < stopMs, `it took ${ms} ms to stop`);
  assert.deepEqual(broken, [], 'of the mount contract');
  console.log(`ok  stopped in ${ms} ms, with ${open.length} clients connected`);
}

/** One guard in front of both, and version 2 is told whom it let in. */
export async function checkToken(): Promise<void> {
  const token = 'a-token-for-this-check';
  const seen = new Set<string | undefined>();
  const without = createMcpHandler(
    ({ authInfo }) => {
      seen.add(authInfo?.clientId);
      return new McpServer({ name: 'eras', version: '1.0.0' }, { capabilities: { tools: {} } });
    },
    { legacy: 'reject' },
  );
  const both = everyEra(
    mcpApp(() => shoppingServer(memoryStore())),
    without,
  );
  const guarded = bearer(both, { verify: staticTokens([token]) });
  await using running = await listen(createRouter().mount('/mcp', guarded), ['127.0.0.1'], 0);
  const url = new URL(`http://127.0.0.1:${running.port}/mcp`);
  const pinned = negotiating({ pin: newest });
  const headers = { Authorization: `Bearer ${token}` };
  const stranger = new NewClient({ name: 'eras', version: '1.0.0' }, pinned);
  await assert.rejects(stranger.connect(new NewTransport(url)), /401/);
  const client = new NewClient({ name: 'eras', version: '1.0.0' }, pinned);
  await client.connect(new NewTransport(url, { requestInit: { headers } }));
  await client.close();
  assert.deepEqual([...seen], ['token-1']);
  console.log('ok  a token is asked for in front of both');
}

/** server.ts, as a program: a client of each end of the table, and a supervisor that stops it. */
export async function checkProgram(): Promise<void> {
  const file = fileURLToPath(new URL('server.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', file], {
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [said] = await once(child.stdout, 'data', patience());
    const [url = ''] = /^http:\S+(?=,)/.exec(String(said)) ?? [];
    const first = await connectOld(new SSEClientTransport(new URL(`${url}/sse`)));
    const last = await connectNew(url, { pin: newest });
    assert.deepEqual([await first.add('Rye'), await last.add('Figs')], ['Rye', 'Figs']);
    const exit = once(child, 'exit', patience());
    child.kill('SIGTERM');
    assert.deepEqual(await exit, [0, null]);
    await first.close();
    await last.close();
    console.log('ok  server.ts serves both, and stops');
  } finally {
    child.kill('SIGKILL');
  }
}

/** For what may never come. */
function patience() {
  return { signal: AbortSignal.timeout(patienceMs) };
}

async function connectOld(transport: SSEClientTransport | StreamableHTTPClientTransport) {
  const client = new Client({ name: 'eras', version: '1.0.0' });
  // It is one; only its sessionId is typed apart under exactOptionalPropertyTypes.
  await client.connect(transport as Transport);
  return {
    version: 'protocolVersion' in transport ? transport.protocolVersion : undefined,
    add: async (name: string) => {
      const { structuredContent } = await client.callTool({
        name: 'add_item',
        arguments: { name },
      });
      return nameIn(structuredContent);
    },
    close: () => client.close(),
  };
}

type Mode = 'auto' | { pin: string };

async function connectNew(url: string, mode?: Mode): Promise<Connected> {
  const client = new NewClient({ name: 'eras', version: '1.0.0' }, negotiating(mode));
  await client.connect(new NewTransport(new URL(url)));
  return {
    version: client.getNegotiatedProtocolVersion(),
    add: async name => {
      const { structuredContent } = await client.callTool({
        name: 'add_item',
        arguments: { name },
      });
      return nameIn(structuredContent);
    },
    close: () => client.close(),
  };
}

function negotiating(mode: Mode | undefined) {
  return mode === undefined ? {} : { versionNegotiation: { mode } };
}

function nameIn(item: unknown): unknown {
  return (item as { name?: unknown }).name; // the tool's output schema has been looked at
}

/** A client of a version that no SDK here begins with. */
async function checkVersion(url: string, protocolVersion: string): Promise<void> {
  const params = { protocolVersion, capabilities: {}, clientInfo: { name: 'eras', version: '1' } };
  const answer = await post(url, { jsonrpc: '2.0', id: 1, method: 'initialize', params });
  assert.equal(answer.status, 200);
  assert.ok(answer.headers.get('mcp-session-id'), 'it has a session');
  assert.match(await answer.text(), new RegExp(`"protocolVersion":"${protocolVersion}"`));
  console.log(`ok  ${protocolVersion}, as it is spoken`);
}

function post(url: string, message: unknown, headers: Record<string, string> = {}) {
  const accept = { Accept: 'application/json, text/event-stream' };
  return fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...accept, ...headers },
    body: typeof message === 'string' ? message : JSON.stringify(message),
  });
}

/** What one adds in an old session, another hears of without one: it is returned. */
async function checkNews(
  url: string,
  old: Connected | undefined,
): Promise<Pick<Connected, 'close'>> {
  const client = new NewClient({ name: 'eras', version: '1.0.0' }, negotiating({ pin: newest }));
  await client.connect(new NewTransport(new URL(url)));
  const heard = new Promise<string>(done => {
    client.setNotificationHandler('notifications/resources/updated', ({ params }) =>
      done(params.uri),
    );
  });
  await client.listen({ resourceSubscriptions: [itemsUri] });
  await old?.add('Heard of');
  const late = wait(patienceMs, `nothing in ${patienceMs} ms`, { ref: false });
  assert.equal(await Promise.race([heard, late]), itemsUri);
  console.log('ok  a change made over SSE is heard of without a session');
  return client;
}

/** All that a client sends has to stand in the answer to a page's preflight. */
async function checkPage(url: string): Promise<void> {
  const sent = new Set<string>();
  const noting: typeof fetch = (input, init) => {
    for (const [name] of new Headers(init?.headers)) sent.add(name);
    return fetch(input, init);
  };
  const client = new NewClient({ name: 'eras', version: '1.0.0' }, negotiating({ pin: newest }));
  await client.connect(new NewTransport(new URL(url), { fetch: noting }));
  await client.callTool({ name: 'get_items', arguments: {} });
  await client.close();
  assert.ok(sent.has('mcp-method') && sent.has('mcp-name'), `it sends ${[...sent]}`);
  const asked = { Origin: page, 'Access-Control-Request-Method': 'POST' };
  const { headers } = await fetch(url, { method: 'OPTIONS', headers: asked });
  const allowed = (headers.get('access-control-allow-headers') ?? '').toLowerCase().split(/, */);
  assert.deepEqual(
    [...sent].filter(name => !allowed.includes(name)),
    [],
    'what a page may not send',
  );
  console.log(`ok  a page may send ${[...sent].sort().join(', ')}`);
}

/** Which of the two answers what is neither's. */
async function checkRefusals(url: string): Promise<void> {
  const discover = { jsonrpc: '2.0', id: 1, method: 'server/discover', params: {} };
  const call = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
  const rows: [
    reason: string,
    message: unknown,
    headers: Record<string, string>,
    status: number,
  ][] = [
    ['no JSON', '{', {}, 400],
    ['no JSON type', '{}', { 'Content-Type': 'text/plain' }, 415],
    ['more than a message may have', 'x'.repeat(5_000_000), {}, 413],
    ['the newest version in a header alone', discover, { 'MCP-Protocol-Version': newest }, 400],
    ['an unknown session', call, { 'Mcp-Session-Id': 'none' }, 404],
    ['no session, and no version', call, {}, 400],
  ];
  for (const [reason, message, headers, status] of rows)
    assert.equal((await post(url, message, headers)).status, status, reason);
  console.log('ok  what is no client’s of either era is refused');
}
