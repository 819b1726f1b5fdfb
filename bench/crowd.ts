/** What a crowd of sessions costs: memory while they idle, memory once they left, latency beside them. */
import { type Load, type Peer, startPeer } from './child.ts';

/** KB for each idle session; MB above the start once all have left. */
export interface Memory {
  rssPerSession: number;
  heapPerSession: number;
  rssLeft: number;
  heapLeft: number;
}

/** In a process of its own: memory that others have used and freed would hide what this takes. */
export async function measureMemory(name: string, load: Load, sessions: number): Promise<Memory> {
  const peer = await startPeer(name);
  const port = peer.ports['stream'] ?? 0;
  await load.run('churn', { port, kind: 'sse', calls: 200 });
  await allGone(peer);

  const start = await peer.ask('memory');
  await load.run('open', { port, kind: 'sse', sessions });
  const full = await peer.ask('memory');
  await load.run('leave', {});
  await allGone(peer);
  const left = await peer.ask('memory');
  await peer.stop();
  return {
    rssPerSession: (full.rss - start.rss) / sessions / 1_024,
    heapPerSession: (full.heap - start.heap) / sessions / 1_024,
    rssLeft: (left.rss - start.rss) / 1_024 ** 2,
    heapLeft: (left.heap - start.heap) / 1_024 ** 2,
  };
}

const idle = 1_000;
const calling = 20;

/** ms of each GET /items/ beside idle and calling sessions. */
export async function measureLatency(name: string, load: Load, calls: number): Promise<number[]> {
  const peer = await startPeer(name);
  const port = peer.ports['stream'] ?? 0;
  await load.run('open', { port, kind: 'sse', sessions: idle });
  await load.run('open', { port, kind: 'sse', sessions: calling });
  await load.run('latency', { port, path: '/items/', calls: calls / 2 }); // for the compiler
  const latencies = await load.run('latency', { port, path: '/items/', calls });
  await load.run('leave', {});
  await peer.stop();
  return latencies;
}

async function allGone(peer: Peer): Promise<void> {
  while ((await peer.ask('sockets')) > 0) await new Promise(done => setTimeout(done, 20));
}
