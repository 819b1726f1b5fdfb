/**
 * What every peer does beside serving: it tells the benchmark its ports, and, when asked, what
 * it has used so far. A peer is a process of its own, so its CPU time and memory are its own.
 */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Asked over IPC, answered with what `Usage` says. */
export type Question = 'cpu' | 'memory' | 'sockets';

export interface Usage {
  /** ms of CPU, all threads: what the operating system counts for the process. */
  cpu: number;
  /** Bytes, after a full collection. */
  memory: { rss: number; heap: number };
  /** Connections open. */
  sockets: number;
}

/** `start` binds a free port and returns it; each gets a name the benchmark asks for. */
export async function host(starts: Record<string, () => Promise<number>>): Promise<void> {
  const ports: Record<string, number> = {};
  for (const [name, start] of Object.entries(starts)) ports[name] = await start();
  process.on('message', (question: Question) => process.send?.(answers[question]()));
  process.on('disconnect', () => process.exit());
  process.send?.(ports);
}

/** A bare server on a free port of loopback. */
export function bare(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  return new Promise(done => {
    // bound to a port, so its address is no pipe's name
    server.listen(0, '127.0.0.1', () => done((server.address() as AddressInfo).port));
  });
}

const answers: { [Q in Question]: () => Usage[Q] } = {
  cpu() {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000;
  },
  memory() {
    for (let i = 0; i < 4; i++) globalThis.gc?.(); // what one finds dead, the next gives back
    const { rss, heapUsed } = process.memoryUsage();
    return { rss, heap: heapUsed };
  },
  sockets: () => process.getActiveResourcesInfo().filter(name => name === 'TCPSocketWrap').length,
};
