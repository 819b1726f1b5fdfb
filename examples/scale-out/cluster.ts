/** Three nodes on one database, behind a proxy: what start.ts shows and check.ts drives. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Database, startDatabase } from './database.ts';
import { type Program, start } from './programs.ts';
import { type Name, names, type Ports, type StartProxy, startNginx } from './proxies.ts';

export interface Node {
  name: Name;
  origin: string;
  program: Program;
}

export interface Cluster {
  database: Database;
  nodes: Record<Name, Node>;
  /** Of the proxy. */
  origin: string;
  proxyPid: number | undefined;
  /** Starts a node anew, once the one before has ended. */
  restart(name: Name): Promise<void>;
  /** Takes all of it down, the last started first. */
  stop(): Promise<void>;
}

export interface ClusterOptions {
  ports: Ports;
  /** nginx unless told. */
  proxy?: StartProxy;
  env?: NodeJS.ProcessEnv;
  /** More flags for each node. */
  flags?: string[];
}

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../..');

/** @throws Missing */
export async function startCluster({
  ports,
  proxy: startProxy = startNginx,
  env = {},
  flags = [],
}: ClusterOptions): Promise<Cluster> {
  const undo: (() => Promise<unknown>)[] = [];
  async function stop(): Promise<void> {
    for (const step of undo.splice(0).reverse()) await step();
  }
  try {
    const database = await startDatabase();
    undo.push(database.remove);
    const launchNode = (name: Name) =>
      startNode(name, ports.nodes[name], { ...env, DATABASE_URL: database.url }, flags);
    const started = await Promise.allSettled(names.map(launchNode));
    const nodes = {} as Record<Name, Node>; // each is there below, or this throws
    undo.push(() => Promise.all(Object.values(nodes).map(({ program }) => program.end())));
    for (const one of started) if (one.status === 'fulfilled') nodes[one.value.name] = one.value;
    for (const one of started) if (one.status === 'rejected') throw one.reason;
    const proxy = await startProxy(ports);
    undo.push(proxy.stop);
    const restart = async (name: Name) => {
      nodes[name] = await launchNode(name);
    };
    return { database, nodes, origin: proxy.origin, proxyPid: proxy.pid, restart, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startNode(
  name: Name,
  port: number,
  env: NodeJS.ProcessEnv,
  flags: string[],
): Promise<Node> {
  const runner = process.features.typescript ? [] : ['--import', 'tsx']; // it starts without sooner
  const own = ['--node', name, '--port', String(port), '--xray', ...flags];
  const launch = {
    command: process.execPath,
    args: [...runner, join(here, 'server.ts'), ...own],
    cwd: root,
    env: { ...process.env, ...env },
  };
  const program = await start(launch, /^MCP client: .*$/m);
  return { name, origin: `http://localhost:${port}`, program };
}
