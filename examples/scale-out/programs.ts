/** Starting a program and ending it, each with its last words at hand should it fail. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Program {
  child: ChildProcess;
  /** What it has printed on both outputs; of much, the end. */
  printed(): string;
  /** Sends the signal and waits until it has exited. Resolves to its code, or the signal it died of. */
  end(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals>;
}

export interface Launch {
  command: string;
  args: string[];
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Of whom it runs as: root may choose. */
  uid?: number;
  gid?: number;
}

const keptChars = 20_000;
const startMs = 30_000; // it takes a second, and several on a busy machine

/**
 * Resolves once it has printed what shows that it is up. In a group of its own, so that Ctrl-C reaches
 * this process alone, which ends the others in their order.
 */
export async function start(launch: Launch, isUp: RegExp): Promise<Program> {
  const { command, args, ...options } = launch;
  const child = spawn(command, args, {
    ...options,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kill = () => killGroup(child);
  process.prependListener('exit', kill); // nothing is left behind; before the folders go that it works in
  let text = '';
  let hear = () => {};
  for (const output of [child.stdout, child.stderr])
    output.setEncoding('utf8').on('data', chunk => {
      text = (text + chunk).slice(-keptChars);
      hear();
    });
  const exited = once(child, 'exit').finally(() => process.off('exit', kill));
  const up = new Promise<boolean>(done => {
    hear = () => isUp.test(text) && done(true);
  });
  const over = exited.then(() => false);
  const late = AbortSignal.timeout(startMs);
  const isLate = once(late, 'abort').then(() => false);
  if (!(await Promise.race([up, over, isLate]))) {
    kill();
    throw new Error(`${command} ${args.join(' ')} did not start:\n${text}`);
  }
  hear = () => {};
  async function end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals> {
    child.kill(signal);
    const [code, killed] = await exited;
    return code ?? killed;
  }
  return { child, printed: () => text, end };
}

/** With what it has started: nginx's workers outlive a master that is killed. */
function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return; // there is no such program
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {} // all of them have exited
}
