/** What is measured as CPU time per call, and what ../bench promises of each. */
import type { Load } from './child.ts';
import type { TransportKind } from './load/sessions.ts';

export interface Metric {
  name: string;
  /** Which of a peer's ports. */
  door: 'stream' | 'json';
  /** Sessions that are open while it runs; opening them is not counted. */
  sessions?: { kind: TransportKind; count: number };
  /** In one round: few, so that rounds are short and all peers meet the same machine. */
  calls: number;
  run(load: Load, port: number, calls: number): Promise<void>;
  /** Peers that know this call only. */
  also?: string[];
  /** CPU of bare node:http + SDK divided by ours: what must hold, and what is hoped for. */
  atLeast: number;
  aim: string;
}

export const metrics: Metric[] = [
  {
    name: 'GET /items/',
    door: 'stream',
    calls: 1_000,
    run: get('/items/', 200),
    atLeast: 0.95,
    aim: 'floor + 5 %',
  },
  {
    name: 'GET, 404, a new path each',
    door: 'stream',
    calls: 1_000,
    run: get('/nothing/*', 404),
    atLeast: 0.5, // it says what was meant; the bare one says nothing
    aim: '1',
  },
  {
    name: 'SSE tools/call',
    door: 'stream',
    sessions: { kind: 'sse', count: 50 },
    calls: 500,
    run: call('tools/call'),
    atLeast: 1.3,
    aim: '2',
  },
  {
    name: 'Streamable tools/call, SSE answer',
    door: 'stream',
    sessions: { kind: 'streamable', count: 50 },
    calls: 500,
    run: call('tools/call'),
    atLeast: 4,
    aim: '5',
    also: ['least'],
  },
  {
    name: 'Streamable tools/call, JSON answer',
    door: 'json',
    sessions: { kind: 'streamable', count: 50 },
    calls: 500,
    run: call('tools/call'),
    atLeast: 4,
    aim: '5',
    also: ['least'],
  },
  {
    name: 'SSE tools/list',
    door: 'stream',
    sessions: { kind: 'sse', count: 50 },
    calls: 500,
    run: call('tools/list'),
    atLeast: 2.5,
    aim: '3.5',
  },
  {
    name: 'SSE open, initialize, close',
    door: 'stream',
    calls: 80,
    run: churn('sse'),
    atLeast: 2.3,
    aim: '3.2',
  },
  {
    name: 'Streamable open, initialize, close',
    door: 'stream',
    calls: 80,
    run: churn('streamable'),
    atLeast: 3,
    aim: '7',
  },
];

function get(path: string, status: number): Metric['run'] {
  return (load, port, calls) => load.run('get', { port, path, status, calls });
}

function call(method: 'tools/call' | 'tools/list'): Metric['run'] {
  return (load, _port, calls) => load.run('call', { method, calls });
}

function churn(kind: TransportKind): Metric['run'] {
  return (load, port, calls) => load.run('churn', { port, kind, calls });
}
