/** A process of the benchmark's own that answers what it is asked, one thing at a time. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Jobs } from './load/client.ts';
import type { Question, Usage } from './peers/host.ts';

const flags = ['--expose-gc', '--import', 'tsx']; // the same for all: memory is measured too

export interface Peer {
  name: string;
  ports: Record<string, number>;
  ask<Q extends Question>(question: Q): Promise<Usage[Q]>;
  stop(): Promise<void>;
}

export async function startPeer(name: string, args: string[] = []): Promise<Peer> {
  const child = start(`./peers/${name}.ts`, args);
  const ports = (await answerOf(child)) as Record<string, number>; // peers/host.ts sends it first
  return {
    name,
    ports,
    // peers/host.ts answers each question with what Usage says
    ask: question => askOf(child, question) as never,
    stop: () => stop(child),
  };
}

export interface Load {
  run<J extends keyof Jobs>(job: J, ask: Parameters<Jobs[J]>[0]): ReturnType<Jobs[J]>;
  stop(): Promise<void>;
}

export async function startLoad(): Promise<Load> {
  const child = start('./load/client.ts');
  await answerOf(child);
  return {
    // load/client.ts answers each job with what Jobs says
    run: (job, ask) => askOf(child, { job, ask }) as never,
    stop: () => stop(child),
  };
}

function start(file: string, args: string[] = []): ChildProcess {
  return fork(fileURLToPath(new URL(file, import.meta.url)), args, { execArgv: flags });
}

function askOf(child: ChildProcess, question: Question | object): Promise<unknown> {
  const answer = answerOf(child);
  child.send(question);
  return answer;
}

function answerOf(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const ended = () => reject(new Error(`${child.spawnargs.join(' ')} ended early.`));
    child.once('exit', ended);
    child.once('message', answer => {
      child.off('exit', ended);
      resolve(answer);
    });
  });
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise(done => {
    child.once('exit', () => done());
    child.disconnect();
  });
}
