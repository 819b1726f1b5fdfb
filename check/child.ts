/** A server that is started to be looked at, and its end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { Trouble } from './trouble.ts';
import { Visit } from './visit.ts';

export interface Child {
  /** Sends SIGTERM. Resolves with the ms until it was gone, or undefined if it stayed. */
  stop(): Promise<number | undefined>;
  /** How what the shell ran has ended: 'exit code 1', 'SIGKILL'. */
  ending(): string;
  /** Ends it and what it started, now. */
  kill(): void;
}

const startMs = 60_000; // a first start may compile
export const stopMs = 10_000; // what docker stop waits before it kills
const pollMs = 50;

/** Runs `command` in a shell and waits until the URL is answered. @throws Trouble if it never is */
export async function startServer(command: string, url: URL): Promise<Child> {
  if (await answers(url))
    throw new Trouble(
      'refused',
      `Something answers at ${url.host} already: stop it, or leave --start out.`,
    );
  const running = spawn(command, {
    shell: true,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = lastWords(running);
  const child = childOf(running, url);
  const deadline = performance.now() + startMs;
  while (!(await answers(url))) {
    if (hasEnded(running) || performance.now() > deadline) {
      child.kill();
      const why = hasEnded(running) ? `ended (${child.ending()})` : `did not answer at ${url.host}`;
      throw new Trouble('unreachable', `'${command}' ${why}. It said: ${said() || 'nothing'}`);
    }
    await wait(pollMs);
  }
  return child;
}

function childOf(running: ChildProcess, url: URL): Child {
  // Not 'exit': the shell may go first. What it started holds on to the pipes for as long as it lives.
  const closed = new Promise<boolean>(done => running.once('close', () => done(true)));
  async function stop(): Promise<number | undefined> {
    const begun = performance.now();
    signal(running, 'SIGTERM');
    const isGone = await Promise.race([closed, wait(stopMs, false, { ref: false })]);
    if (!isGone || (await answers(url))) return undefined;
    return performance.now() - begun;
  }
  return {
    stop,
    ending: () => running.signalCode ?? `exit code ${running.exitCode}`,
    kill: () => signal(running, 'SIGKILL'),
  };
}

/** To the whole group: a shell or npm in between does not pass signals on. */
function signal({ pid }: ChildProcess, name: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch {
    // it has gone already
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

/** Read throughout, so that it never waits for a reader. */
function lastWords({ stdout, stderr }: ChildProcess): () => string {
  let text = '';
  for (const output of [stdout, stderr])
    output?.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(-300);
    });
  return () => text.trim().replaceAll(/\s+/g, ' ');
}

async function answers(url: URL): Promise<boolean> {
  const visit = new Visit({ origin: new URL(url.origin), patienceMs: 2_000 });
  const came = await visit.ask('/mcp-mount-check').then(
    () => true,
    (error: unknown) => !(error instanceof Trouble) || error.kind !== 'unreachable',
  );
  await visit.end();
  return came;
}
