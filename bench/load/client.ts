/**
 * The load, in a process of its own: does one bounded job at a time, as the benchmark asks over
 * IPC, and answers with what it saw.
 */
import { Connection } from './connection.ts';
import { type LoadSession, openSession, type TransportKind } from './sessions.ts';

export interface Jobs {
  /** Requests one path over kept-alive connections; `*` in it is another number each time. */
  get(ask: { port: number; path: string; status: number; calls: number }): Promise<void>;
  /** Opens sessions and keeps them; returns what the first one answers to both calls. */
  open(ask: { port: number; kind: TransportKind; sessions: number }): Promise<string>;
  /** Has every open session of the last `open` call, one call at a time each. */
  call(ask: { method: 'tools/call' | 'tools/list'; calls: number }): Promise<void>;
  /** Opens and closes sessions, a few at a time. */
  churn(ask: { port: number; kind: TransportKind; calls: number }): Promise<void>;
  /** Latencies in ms of GET requests while the sessions of the last `open` are calling. */
  latency(ask: { port: number; path: string; calls: number }): Promise<number[]>;
  /** Closes every session that is open. */
  leave(ask: object): Promise<void>;
}

const width = 20; // requests at once, where sessions do not say
let asked = 0;

const opened: LoadSession[][] = [];
const posters: Connection[] = [];

const jobs: Jobs = {
  async get({ port, path, status, calls }) {
    await inParallel(width, port, calls, async connection => {
      const reply = await connection.send(getRequest(port, path.replace('*', `${++asked}`)));
      if (reply.status !== status) throw new Error(`GET ${path}: ${reply.head}`);
    });
  },

  async open({ port, kind, sessions }) {
    const wave: LoadSession[] = [];
    // A connection a session, as separate clients have, but for the crowd that only idles.
    const own = sessions <= 100;
    const shared = own ? [] : Array.from({ length: width }, () => new Connection(port));
    const workers = own ? sessions : width;
    await Promise.all(
      Array.from({ length: workers }, async (_, worker) => {
        const poster = shared[worker] ?? new Connection(port);
        posters.push(poster);
        for (let i = worker; i < sessions; i += workers) wave.push(await openSession(kind, poster));
      }),
    );
    opened.push(wave);
    if (!own) for (const poster of shared) poster.close();
    return own ? answersOf(wave[0]) : '';
  },

  async call({ method, calls }) {
    const wave = opened.at(-1) ?? [];
    await Promise.all(wave.map(session => repeat(calls / wave.length, () => ask(session, method))));
  },

  async churn({ port, kind, calls }) {
    await inParallel(width, port, calls, async poster => {
      const session = await openSession(kind, poster);
      await session.close();
    });
  },

  async latency({ port, path, calls }) {
    const connection = new Connection(port);
    const request = getRequest(port, path);
    const latencies: number[] = [];
    let calling = true;
    const load = jobs.call({ method: 'tools/call', calls }).then(() => (calling = false));
    while (calling) {
      const start = performance.now();
      await connection.send(request);
      latencies.push(performance.now() - start);
    }
    await load;
    connection.close();
    return latencies;
  },

  async leave() {
    for (const wave of opened.splice(0)) await Promise.all(wave.map(session => session.close()));
    for (const poster of posters.splice(0)) poster.close();
  },
};

async function answersOf(session: LoadSession | undefined): Promise<string> {
  if (!session) return '';
  return (await ask(session, 'tools/call')) + (await ask(session, 'tools/list'));
}

function ask(session: LoadSession, method: 'tools/call' | 'tools/list'): Promise<string> {
  return session.call(method, method === 'tools/call' ? { name: 'get_items', arguments: {} } : {});
}

function getRequest(port: number, path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
}

async function inParallel(
  connections: number,
  port: number,
  calls: number,
  one: (connection: Connection) => Promise<void>,
): Promise<void> {
  await Promise.all(
    Array.from({ length: connections }, async () => {
      const connection = new Connection(port);
      await repeat(calls / connections, () => one(connection));
      connection.close();
    }),
  );
}

async function repeat(times: number, one: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < times; i++) await one();
}

// A server's write wakes a client that waits for it, at the server's cost, and a client at work
// slows a server that shares its core: in a virtual machine each can cost as much as a call. So
// the client looks at its sockets once in a while, and between looks it sleeps where no write
// can wake it.
const napMs = 1;
const never = new Int32Array(new SharedArrayBuffer(4));
let napping = false;

function nap(): void {
  if (!napping) return;
  Atomics.wait(never, 0, 0, napMs);
  setImmediate(nap);
}

process.on('message', async ({ job, ask }: { job: keyof Jobs; ask: never }) => {
  napping = job !== 'latency';
  nap();
  const seen = await jobs[job](ask);
  napping = false;
  process.send?.(seen ?? null);
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
