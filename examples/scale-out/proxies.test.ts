/**
 * Each proxy's configuration, driven: three nodes behind it, each with a list in its own memory, and
 * the SDK's clients over both transports.
 *
 *     npm run proxies          here
 *
 * Needs Debian's packages nginx-light, haproxy and caddy; without one of them its tests fail, and say so.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { type Program, start } from './programs.ts';
import {
  freePorts,
  type Name,
  names,
  type Ports,
  type StartProxy,
  startCaddy,
  startHaproxy,
  startNginx,
} from './proxies.ts';

interface Behaviour {
  start: StartProxy;
  /** Whether it asks the nodes for /readyz. */
  asksReadiness: boolean;
  /** Whether it keeps the body of a POST, and so can send it again. */
  keepsBodies: boolean;
}

const proxies: Record<string, Behaviour> = {
  nginx: { start: startNginx, asksReadiness: false, keepsBodies: true },
  HAProxy: { start: startHaproxy, asksReadiness: true, keepsBodies: true },
  Caddy: { start: startCaddy, asksReadiness: true, keepsBodies: false },
};
const kinds = ['streamable', 'sse'] as const; // in this order: a stream counts with those that choose by what is open
type Kind = (typeof kinds)[number];

for (const [name, { start: startProxy, asksReadiness, keepsBodies }] of Object.entries(proxies))
  describe(`behind ${name}`, () => {
    let stage: Stage;
    before(async () => {
      stage = await setUp(startProxy);
    });
    after(() => stage.tearDown());

    for (const kind of kinds)
      test(`each call over ${kind} reaches the node that has its session`, async t => {
        const before = stage.counts(isCall);
        const agents: Agent[] = []; // some on each node; Caddy throws dice between those that have as many
        await until(async () => {
          agents.push(...(await agentsOn(t, stage.origin, kind, 3)));
          return names.every(name => agents.some(agent => agent.node === name));
        });
        for (const agent of agents) for (let call = 0; call < 3; call++) await agent.call();
        const perNode = names.map(node => agents.filter(agent => agent.node === node).length);
        await stage.settled();
        const expected = names.map((_, i) => (before[i] ?? 0) + 3 * (perNode[i] ?? 0));
        assert.deepEqual(stage.counts(isCall), expected);
      });

    test('an answer on a stream is not held back, and a client that leaves is gone', async t => {
      const agent = await agentOn(t, stage.origin, 'sse', 'a');
      const before = stage.nodes.a.count(isEndOfStream);
      const times: number[] = [];
      for (let call = 0; call < 5; call++) {
        const called = performance.now();
        await agent.call();
        times.push(performance.now() - called);
      }
      const [fastest = 0] = times.sort((one, other) => one - other);
      assert.ok(fastest < heldBackMs, `${times}`);
      await agent.close();
      await until(() => stage.nodes.a.count(isEndOfStream) > before);
    });

    test('what names no node goes to any, and so does a name that is none', async () => {
      const before = stage.counts(isList);
      for (let turn = 0; turn < 6; turn++)
        for (const query of ['', '?node=d', '?node=A', '?anode=a'])
          assert.equal((await fetch(`${stage.origin}/items/${query}`)).status, 200);
      await stage.settled();
      const counts = stage.counts(isList);
      for (const [i] of names.entries()) assert.ok((counts[i] ?? 0) > (before[i] ?? 0));
    });

    test('a 503 to POST /items/ is the client’s: it is sent once', async () => {
      const before = sum(stage.counts(isAdding));
      for (let time = 0; time < 6; time++) {
        const answer = await post(`${stage.origin}/items/`, { name: 'busy' });
        assert.equal(answer.status, 503);
        assert.match(await answer.text(), /Nothing was written: busy/);
      }
      await stage.settled();
      assert.equal(sum(stage.counts(isAdding)), before + 6);
    });

    if (asksReadiness)
      test('a node that is not ready is given no new session, and keeps those it has', async t => {
        const { nodes, origin } = stage;
        const kept = await agentOn(t, origin, 'streamable', 'a');
        t.after(() => post(`${nodes.a.origin}/items/`, { name: 'back' }));
        await post(`${nodes.a.origin}/items/`, { name: 'away' });
        const before = nodes.a.count(isUnready);
        await until(() => nodes.a.count(isUnready) > before + 1); // the proxy has heard the first by then
        for (const kind of kinds) {
          const agents = await agentsOn(t, origin, kind, 6);
          assert.equal(agents.filter(agent => agent.node === 'a').length, 0);
        }
        await kept.call();
        assert.equal(kept.node, 'a');
      });

    if (asksReadiness)
      test('while no node is ready, the proxy says so', async t => {
        const { nodes, origin } = stage;
        const tell = async (name: string) => {
          for (const node of Object.values(nodes)) await post(`${node.origin}/items/`, { name });
        };
        t.after(async () => {
          await tell('back');
          const asked = stage.counts(isReady);
          await until(() => stage.counts(isReady).every((count, i) => count > (asked[i] ?? 0) + 1));
        });
        await tell('away');
        await until(async () => {
          const answer = await fetch(`${origin}/items/`);
          const text = await answer.text();
          return answer.status === 503 && /No node is ready/.test(text);
        });
      });

    for (const kind of kinds)
      if (kind === 'sse' || keepsBodies)
        test(`a 503 to what opens a session over ${kind}: another node takes it`, async t => {
          const { nodes, origin } = stage;
          t.after(await fill(nodes.a));
          const isRefused = kind === 'sse' ? isRefusedStream : isRefusedInitialize;
          const before = nodes.a.count(isRefused);
          await until(async () => {
            const [agent] = await agentsOn(t, origin, kind, 1);
            assert.notEqual(agent?.node, 'a');
            return nodes.a.count(isRefused) > before;
          });
        });

    for (const signal of ['SIGKILL', 'SIGTERM'] as const)
      test(`${signal} of a node: who is on it goes on at another; back, it has its own at once`, async t => {
        const { origin, nodes } = stage;
        const agents = [];
        for (const kind of kinds) agents.push(await agentOn(t, origin, kind, 'b'));
        const { sse, streamable } = await sessionsAt(nodes.b);
        await nodes.b.program.end(signal);
        assert.equal((await post(`${origin}${sse}`, getItems)).status, 404);
        assert.equal((await post(`${origin}/mcp`, getItems, streamable)).status, 404);
        for (const agent of agents) {
          await agent.callUntilAnswered();
          assert.notEqual(agent.node, 'b');
        }
        await stage.startAnew('b');
        const fresh = await sessionsAt(nodes.b);
        assert.equal((await post(`${origin}/mcp`, getItems, fresh.streamable)).status, 200);
        assert.equal((await post(`${origin}${fresh.sse}`, getItems)).status, 202);
      });

    test('what names no node, and is refused the connection, goes to another', async () => {
      const url = `${stage.origin}/items/`;
      await stage.nodes.c.program.end('SIGKILL');
      const statuses = [];
      for (let time = 0; time < 6; time++) {
        statuses.push((await fetch(url)).status);
        if (keepsBodies) statuses.push((await post(url, { name: 'Tea' })).status);
      }
      assert.deepEqual(
        statuses,
        Array(6)
          .fill(keepsBodies ? [200, 201] : 200)
          .flat(),
      );
    });
  });

describe('without sessions, behind nginx that takes turns', () => {
  let stage: Stage;
  before(async () => {
    const startProxy = (ports: Ports) => startNginx(ports, 'stateless.conf');
    stage = await setUp(startProxy, { STATELESS: 'yes' });
  });
  after(() => stage.tearDown());

  test('the calls of one client go to all nodes, and a node that is gone is not missed', async t => {
    const [agent] = await agentsOn(t, stage.origin, 'streamable', 1);
    for (let call = 0; call < 12; call++) await agent?.call();
    await stage.settled();
    for (const count of stage.counts(isCall)) assert.ok(count > 2, `${count} of 12`);
    await stage.nodes.b.program.end('SIGKILL');
    for (let call = 0; call < 12; call++) await agent?.call();
  });

  test('there is no SSE, no stream to listen on, and no session to name', async () => {
    const { origin } = stage;
    assert.equal((await fetch(`${origin}/mcp/sse`)).status, 404);
    const accept = { Accept: 'text/event-stream' };
    assert.equal((await fetch(`${origin}/mcp`, { headers: accept })).status, 405);
    assert.equal((await post(`${origin}/mcp`, initialize)).headers.get('mcp-session-id'), null);
  });
});

interface Entry {
  method: string;
  path: string;
  status?: number;
  rpc?: string;
  stream?: string;
}

const isCall = ({ rpc, stream }: Entry) => rpc === 'tools/call get_items' && stream === undefined;
const isEndOfStream = ({ path, stream }: Entry) => path === '/mcp/sse' && stream === 'closes';
const isList = ({ method, path }: Entry) => method === 'GET' && path.startsWith('/items/');
const isAdding = ({ method, path }: Entry) => method === 'POST' && path === '/items/';
const isReady = ({ path, status }: Entry) => path === '/readyz' && status === 200;
const isUnready = ({ path, status }: Entry) => path === '/readyz' && status === 503;
const isRefusedStream = ({ path, status }: Entry) => path === '/mcp/sse' && status === 503;
const isRefusedInitialize = ({ path, status }: Entry) => path === '/mcp' && status === 503;

interface Node {
  name: Name;
  origin: string;
  program: Program;
  /** How many lines of its log are such. */
  count(is: (entry: Entry) => boolean): number;
}

const here = fileURLToPath(new URL('.', import.meta.url));
const maxSessions = 60;

async function startNode(name: Name, port: number, env: NodeJS.ProcessEnv): Promise<Node> {
  const own = ['--node', name, '--port', `${port}`, '--max-sessions', `${maxSessions}`];
  const args = ['--import', 'tsx', join(here, 'memory-node.ts'), ...own];
  const cwd = join(here, '../..');
  const launch = { command: process.execPath, args, cwd, env: { ...process.env, ...env } };
  const program = await start(launch, /^MCP client: .*$/m);
  const entries: Entry[] = [];
  let rest = '';
  program.child.stdout?.on('data', chunk => {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    entries.push(...lines.filter(line => line.startsWith('{')).map(line => JSON.parse(line)));
  });
  const count = (is: (entry: Entry) => boolean) => entries.filter(is).length;
  return { name, origin: `http://localhost:${port}`, program, count };
}

type Stage = Awaited<ReturnType<typeof setUp>>;

/** Three nodes and the proxy. */
async function setUp(startProxy: StartProxy, env: NodeJS.ProcessEnv = {}) {
  const ports = await freePorts();
  const nodes = {} as Record<Name, Node>; // each is there below, or this throws
  async function startAnew(name: Name): Promise<void> {
    nodes[name] = await startNode(name, ports.nodes[name], env);
  }
  async function tearDown(): Promise<void> {
    await stopProxy();
    await Promise.all(names.map(name => nodes[name]?.program.end('SIGKILL')));
  }
  let stopProxy = async () => {};
  try {
    await Promise.all(names.map(startAnew));
    const { origin, stop } = await startProxy(ports);
    stopProxy = stop;
    const counts = (is: (entry: Entry) => boolean) => names.map(name => nodes[name].count(is));
    return { origin, nodes, startAnew, counts, settled: () => settled(nodes), tearDown };
  } catch (error) {
    await tearDown();
    throw error;
  }
}

/** Resolves once all has been read of their logs that was written by now. */
async function settled(nodes: Record<Name, Node>): Promise<void> {
  for (const node of Object.values(nodes)) {
    const path = `/healthz?${performance.now()}`;
    await fetch(`${node.origin}${path}`);
    await until(() => node.count(entry => entry.path === path) > 0);
  }
}

/** A client of the SDK that says which node its last call went to. */
class Agent {
  node = '';
  private readonly url: string;
  private readonly kind: Kind;
  private client: Client | undefined;

  constructor(origin: string, kind: Kind) {
    this.url = kind === 'sse' ? `${origin}/mcp/sse` : `${origin}/mcp`;
    this.kind = kind;
  }

  async connect(): Promise<Client> {
    const client = new Client({ name: 'check', version: '1.0.0' });
    client.onerror = () => {}; // each call tells of its own
    const options = { fetch: this.fetch };
    const url = new URL(this.url);
    const transport =
      this.kind === 'sse'
        ? new SSEClientTransport(url, options)
        : new StreamableHTTPClientTransport(url, options);
    // It is one; only its sessionId is typed apart under exactOptionalPropertyTypes.
    await client.connect(transport as Transport);
    this.client = client;
    return client;
  }

  async call(): Promise<void> {
    const client = this.client ?? (await this.connect());
    await client.callTool(getItems.params, undefined, { timeout: 1_000 });
  }

  /** As its transport has it: over SSE the SDK comes back by itself, over Streamable HTTP at 404. */
  async callUntilAnswered(): Promise<void> {
    await until(async () => {
      try {
        await this.call();
        return true;
      } catch (error) {
        const isUnknown = error instanceof Error && 'code' in error && error.code === 404;
        if (this.kind === 'streamable' && isUnknown) await this.close();
        return false;
      }
    });
  }

  /** Over Streamable HTTP its session ends only if it says so. */
  async close(): Promise<void> {
    const transport = this.client?.transport;
    if (transport instanceof StreamableHTTPClientTransport)
      await transport.terminateSession().catch(() => {}); // it has ended with its node
    await this.client?.close();
    this.client = undefined;
  }

  private readonly fetch = (input: string | URL, init: RequestInit = {}): Promise<Response> => {
    if (init.method === 'POST') {
      const id = new Headers(init.headers).get('mcp-session-id') ?? '';
      this.node = new URL(input).searchParams.get('node') ?? id.split('.', 1)[0] ?? '';
    }
    return fetch(input, init);
  };
}

async function agentsOn(t: TestContext, origin: string, kind: Kind, count: number) {
  const agents: Agent[] = [];
  for (let made = 0; made < count; made++) {
    const agent = new Agent(origin, kind);
    t.after(() => agent.close());
    await agent.connect();
    agents.push(agent);
  }
  return agents;
}

/** One whose session is on that node. */
async function agentOn(t: TestContext, origin: string, kind: Kind, name: Name): Promise<Agent> {
  let found: Agent | undefined;
  await until(async () => {
    const [agent] = await agentsOn(t, origin, kind, 1);
    if (agent?.node === name) found = agent;
    return found !== undefined;
  });
  assert.ok(found);
  return found;
}

const getItems = {
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'get_items', arguments: {} },
};

const initialize = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: {
    protocolVersion: '2025-06-18',
    capabilities: {},
    clientInfo: { name: 'check', version: '1.0.0' },
  },
};

function post(url: string, body: object, session?: string): Promise<Response> {
  const accept = { Accept: 'application/json, text/event-stream' };
  const headers = { 'Content-Type': 'application/json', ...accept };
  const named = { ...headers, ...(session && { 'Mcp-Session-Id': session }) };
  return fetch(url, { method: 'POST', headers: named, body: JSON.stringify(body) });
}

/** Opened at the node itself: the place to post to of one, and the id of the other. */
async function sessionsAt({ origin }: Node): Promise<Record<Kind, string>> {
  const stream = await fetch(`${origin}/mcp/sse`);
  const { value } = (await stream.body?.getReader().read()) ?? {};
  const [, sse = ''] = /data: (\S+)/.exec(new TextDecoder().decode(value)) ?? [];
  return { sse, streamable: await openedAt(origin) };
}

async function openedAt(origin: string): Promise<string> {
  const answer = await post(`${origin}/mcp`, initialize);
  await answer.text();
  return answer.headers.get('mcp-session-id') ?? '';
}

/** Takes all its places, and returns how to give them back. */
async function fill({ origin }: Node): Promise<() => Promise<void>> {
  const ids: string[] = [];
  for (let made = 0; made < maxSessions; made++) ids.push(await openedAt(origin));
  return async () => {
    for (const id of ids.filter(Boolean))
      await fetch(`${origin}/mcp`, { method: 'DELETE', headers: { 'Mcp-Session-Id': id } });
  };
}

const heldBackMs = 100; // a call takes some ms; what is held back, 200
const withinMs = 5_000;

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const late = performance.now() + withinMs;
  while (!(await holds())) {
    assert.ok(performance.now() < late, `not within ${withinMs} ms`);
    await wait(50);
  }
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
