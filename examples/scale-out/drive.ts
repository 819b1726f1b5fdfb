/** Drives three nodes with sixty clients, and does to them what happens to nodes and databases. */
import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import pg from 'pg';
import { itemSchema } from '../../store.ts';
import { itemsUri } from '../../tools.ts';
import { Account, Agent } from './agents.ts';
import { type Cluster, type Node, startCluster } from './cluster.ts';
import { freePorts, names } from './proxies.ts';

const clients = 60;
const loadMs = 20_000;
const backMs = 5_000; // within which whoever was on a killed node is answered by another
const awayMs = 5_000; // the database
const newsMs = 1_000; // within which a change is told on every other node

export async function drive(): Promise<void> {
  const ports = await freePorts();
  const env = { MAX_ITEMS: '1000000' };
  const cluster = await startCluster({ ports, env });
  try {
    await assertNewsTravels(cluster);
    console.log(
      `ok  a change on one node is told on the others within ${newsMs} ms: agents, pages`,
    );
    const load = loadOn(cluster);
    await assertUndisturbed(load);
    await assertKilled(load, cluster);
    await assertRolling(load, cluster);
    await assertDatabaseStops(load, cluster);
    await load.close();
    await assertNewsTravels(cluster);
    console.log('ok  and changes are told again');
  } catch (error) {
    for (const { name, program } of Object.values(cluster.nodes))
      console.error(`node ${name}:\n${program.printed()}`);
    throw error;
  } finally {
    await cluster.stop();
  }
}

type Load = ReturnType<typeof loadOn>;

function loadOn({ origin, database }: Cluster) {
  const account = new Account();
  const agents = Array.from({ length: clients }, (_, i) => new Agent(i, origin, account));

  /** They call while `happen` goes on; then what they were told is compared with what is there. */
  async function during(happen: () => Promise<void>, patienceMs = 10_000): Promise<void> {
    for (const agent of agents) agent.patienceMs = patienceMs;
    const running = Promise.all(agents.map(agent => agent.run()));
    await Promise.race([running, happen()]); // an agent ends before only by what must not be
    for (const agent of agents) agent.stop();
    await running;
    account.check(await rowsIn(database.url));
  }

  /** What failed since it was last asked. */
  const failures = () => agents.flatMap(agent => agent.failures.splice(0));
  const close = () => Promise.all(agents.map(agent => agent.close()));
  return { account, agents, during, failures, close };
}

async function rowsIn(url: string) {
  const client = new pg.Client(url);
  await client.connect();
  const { rows } = await client.query('SELECT * FROM mcp_mount.items');
  await client.end();
  return rows.map(row => itemSchema.parse(row));
}

async function assertUndisturbed(load: Load): Promise<void> {
  await load.during(() => wait(loadMs));
  assert.deepEqual(load.failures(), []);
  const perNode = names.map(name => load.agents.filter(agent => agent.node === name).length);
  for (const count of perNode) assert.ok(count > 0, `clients on each node: ${perNode}`);
  const { calls, added, removed } = load.account;
  console.log(
    `ok  ${clients} clients (${perNode.join(', ')} on the nodes), ${calls} calls in ${loadMs / 1_000} s, ${added.size} added, ${removed.size} removed: no error, each item once`,
  );
}

async function assertKilled(load: Load, { nodes, restart }: Cluster): Promise<void> {
  const victims = load.agents.filter(agent => agent.node === 'b');
  assert.equal(new Set(victims.map(({ kind }) => kind)).size, 2, 'over both transports');
  await load.during(async () => {
    await wait(1_000);
    const killed = performance.now();
    await nodes.b.program.end('SIGKILL');
    await wait(backMs);
    const late = victims.filter(({ lastWellMs, node }) => lastWellMs < killed || node === 'b');
    const told = late.map(({ kind, failures }) => [kind, failures]);
    assert.deepEqual(told, [], 'all are back, on another node');
  }, backMs / 2); // else who lost a call with its node would wait for it, and not come back
  load.failures();
  await restart('b');
  console.log(
    `ok  kill -9 of a node with ${victims.length} clients: within ${backMs / 1_000} s all are back on others`,
  );
}

async function assertRolling(load: Load, { nodes, restart }: Cluster): Promise<void> {
  await load.during(async () => {
    for (const name of names) {
      await wait(1_000);
      assert.equal(await nodes[name].program.end(), 0, `node ${name} exits with 0`);
      await restart(name);
      await wait(2_000);
    }
  });
  const failures = load.failures();
  assert.deepEqual(
    failures.filter(({ unanswered }) => unanswered),
    [],
  );
  console.log(
    `ok  rolling restart: ${failures.length} calls refused, none accepted and left unanswered`,
  );
}

async function assertDatabaseStops(load: Load, { database, nodes }: Cluster): Promise<void> {
  let readyMs = 0;
  await load.during(async () => {
    await wait(1_000);
    await database.stop('crash');
    await Promise.all([wait(awayMs), ...Object.values(nodes).map(node => untilReady(node, 503))]);
    await database.start();
    const started = performance.now();
    for (const node of Object.values(nodes)) await untilReady(node, 200);
    readyMs = performance.now() - started;
    await wait(1_000);
  });
  const failures = load.failures();
  assert.ok(failures.length > 0);
  for (const { message } of failures) assert.match(message, clearError);
  await load.during(() => wait(2_000));
  assert.deepEqual(load.failures(), [], 'all is well again');
  console.log(
    `ok  PostgreSQL away for ${awayMs / 1_000} s: ${failures.length} clear errors; ready again ${Math.round(readyMs)} ms after it is`,
  );
}

const clearError =
  /^(Nothing was written: the database is away|The list can’t be read: the database is away|The database went away before it answered)/;

const withinMs = 10_000;

async function untilReady({ name, origin }: Node, status: number): Promise<void> {
  const until = performance.now() + withinMs;
  for (;;) {
    const res = await fetch(`${origin}/readyz`);
    const text = await res.text();
    if (res.status === status) return;
    assert.ok(performance.now() < until, `node ${name} still answers ${res.status} ${text}`);
    await wait(50);
  }
}

/** A change made on each node is told on the two others: to an agent, and to a page that is open. */
async function assertNewsTravels({ nodes }: Cluster): Promise<void> {
  const listeners = await Promise.all(Object.values(nodes).map(listenAt));
  for (const { origin, name } of Object.values(nodes)) {
    const others = listeners.filter(listener => listener.name !== name);
    const heard = others.map(listener => listener.hears(`News from ${name}`));
    const { id } = await added(origin, `News from ${name}`);
    await Promise.all(heard);
    assert.equal((await fetch(`${origin}/items/${id}`, { method: 'DELETE' })).status, 204);
  }
  for (const listener of listeners) await listener.close();
}

async function added(origin: string, name: string) {
  const res = await fetch(`${origin}/items/`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ name }),
  });
  assert.equal(res.status, 201);
  return itemSchema.parse(await res.json());
}

/** An agent that subscribed on this node, and a page that is open there. */
async function listenAt({ name, origin }: Node) {
  const client = new Client({ name: 'listener', version: '1.0.0' });
  let told = () => {};
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, () => told());
  await client.connect(new SSEClientTransport(new URL(`${origin}/mcp/sse`)));
  await client.subscribeResource({ uri: itemsUri });
  const leaving = new AbortController();
  const page = await fetch(`${origin}/live/events`, { signal: leaving.signal });
  const text = textOf(page);

  /** Both, within the time there is. */
  async function hears(what: string): Promise<void> {
    const agent = new Promise<void>(done => {
      told = () => {
        void client.readResource({ uri: itemsUri }).then(
          ({ contents }) => JSON.stringify(contents).includes(what) && done(),
          () => {}, // it is being closed
        );
      };
    });
    const late = wait(newsMs, 'late');
    assert.notEqual(await Promise.race([agent, late]), 'late', `node ${name}: the agent`);
    assert.notEqual(await Promise.race([text.until(what), late]), 'late', `node ${name}: the page`);
  }

  async function close(): Promise<void> {
    leaving.abort();
    await client.close();
  }
  return { name, hears, close };
}

/** What has come on a stream so far, and a wait until something has. */
function textOf({ body }: Response) {
  let text = '';
  let check = () => {};
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
  async function read(): Promise<void> {
    for (;;) {
      const chunk = await reader?.read();
      if (!chunk || chunk.done) return;
      text += chunk.value;
      check();
    }
  }
  read().catch(() => {}); // it was left
  const until = (what: string) =>
    new Promise<void>(done => {
      check = () => text.includes(what) && done();
      check();
    });
  return { until };
}
