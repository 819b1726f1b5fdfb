/** The server under test: the program itself, in a process of its own, with little memory. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Measure } from './probe.ts';

const heapMiB = 256;
const idleSeconds = 10; // of clients that vanished; no other pauses for as long

const root = fileURLToPath(new URL('../..', import.meta.url));
const nodeArgs = [
  `--max-old-space-size=${heapMiB}`,
  '--expose-gc',
  ...['--import', 'tsx'],
  ...['--import', './tests/soak/probe.ts'],
];

export interface Program {
  port: number;
  /** Says how it ended. */
  ended: Promise<string>;
  isGone(): boolean;
  /** What it wrote to stderr so far. */
  log(): string;
  measure(): Promise<Measure>;
  /** SIGTERM. Says how it ended, or that it did not. */
  stop(): Promise<string>;
}

/** @param file of the list; undefined keeps it in memory */
export async function startProgram(file: string | undefined): Promise<Program> {
  const data = file === undefined ? [] : ['--data', file];
  const options = ['--port', '0', '--session-idle', String(idleSeconds), ...data];
  const child = spawn(process.execPath, [...nodeArgs, 'server.ts', ...options], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  }) as ChildProcessByStdio<null, Readable, Readable>; // which of its streams are pipes
  process.once('exit', () => child.kill('SIGKILL')); // nothing is left behind
  const ended = once(child, 'exit').then(([code, signal]) => `it exited with ${code ?? signal}`);
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });

  async function measure(): Promise<Measure> {
    const measured = once(child, 'message');
    child.send('measure');
    const [measure] = await Promise.race([measured, failed(ended)]);
    return measure; // the probe sends nothing else
  }

  async function stop(): Promise<string> {
    child.kill('SIGTERM');
    const how = await Promise.race([ended, after(stopMs, `it ran on for ${stopMs} ms`)]);
    child.kill('SIGKILL');
    return how;
  }

  const lines = createInterface(child.stdout);
  const [banner] = await Promise.race([once(lines, 'line'), failed(ended.then(how => how + log))]);
  const port = Number(/:(\d+)$/.exec(String(banner))?.[1]);
  const isGone = () => child.exitCode !== null || child.signalCode !== null;
  return { port, ended, isGone, log: () => log, measure, stop };
}

const stopMs = 8_000; // less than its own deadline of 12 s: nobody is there to be waited for

async function failed(how: Promise<string>): Promise<never> {
  throw new Error(`The server is gone: ${await how}`);
}

function after<T>(ms: number, value: T): Promise<T> {
  return new Promise(done => setTimeout(done, ms, value).unref());
}
