/** The learner's file as a program of its own, on a port that is free. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Answer, ask, type Question } from './ask.ts';
import { atEnd, type Subject, teach } from './check.ts';
import { explainTrouble } from './trouble.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const startMs = 10_000; // it takes half a second

export interface Program {
  origin: string;
  /** As ask(), and explains a program that ends meanwhile. */
  ask(path: string, question?: Question): Promise<Answer>;
  /** All that it printed, once `pattern` is in it; undefined when that takes longer than `ms`. */
  printed(pattern: RegExp, ms: number): Promise<string | undefined>;
  /** All that it has printed. */
  output(): string;
  /** Sends SIGTERM, as a supervisor does. Returns its exit code, or undefined after `ms`. */
  terminate(ms: number): Promise<{ code: number | null } | undefined>;
}

/** Resolves once it accepts connections; ends the check where it never does. */
export async function startProgram({ file, name }: Subject): Promise<Program> {
  const port = await freePort();
  const args = ['--import', 'tsx', '--import', sigterm, file];
  const child = spawn(process.execPath, args, {
    cwd: root, // where tsx is found
    env: { ...process.env, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  atEnd(() => child.kill('SIGKILL'));
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', chunk => {
      if (text.length < maxText) text += chunk;
    });
  const ended = once(child, 'close');
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;

  const deadline = Date.now() + startMs;
  while (!(await accepts(port))) {
    if (hasEnded()) await ended.then(() => endedEarly(name, text));
    if (Date.now() > deadline) neverListens(name, port);
    await wait(50);
  }

  return {
    origin: `http://localhost:${port}`,
    output: () => text,
    async ask(path, question) {
      try {
        return await ask(`http://localhost:${port}`, path, question);
      } catch (error) {
        const over = await Promise.race([ended, wait(1_000, 'late')]); // printing why takes a while
        if (over !== 'late') teach(explainTrouble(text, name));
        throw error;
      }
    },
    async printed(pattern, ms) {
      const until = Date.now() + ms;
      while (!pattern.test(text) && !hasEnded() && Date.now() < until) await wait(20);
      return pattern.test(text) ? text : undefined;
    },
    async terminate(ms) {
      if (process.platform === 'win32') child.send('SIGTERM');
      else child.kill('SIGTERM');
      const over = await Promise.race([ended, wait(ms, 'late')]);
      return over === 'late' ? undefined : { code: child.exitCode };
    },
  };
}

const maxText = 20_000; // characters; a loop that prints must not fill memory

// Windows has no SIGTERM to send. There a message stands for it, which this turns into the event.
const onMessage = `process.on('message', name => process.emit(name)); process.channel.unref();`;
const sigterm = `data:text/javascript,${encodeURIComponent(onMessage)}`;

function endedEarly(name: string, printed: string): never {
  if (/Error|ERROR/.test(printed)) teach(explainTrouble(printed, name));
  return teach({
    did: `the check started ${name}`,
    seen: printed.trim() === '' ? 'it ended at once.' : `it ended, having printed: ${printed}`,
    so: 'Node ends a program that waits for nothing, so none of it listens for requests.',
    look: 'for createServer(…).listen(…), usually the last lines: is it there, and is it called?',
  });
}

function neverListens(name: string, port: number): never {
  return teach({
    did: `the check started ${name} with PORT=${port}`,
    seen: `after ${startMs / 1_000} s it runs, and nothing listens on port ${port}.`,
    so: 'the client is refused: no server is where it was told to look.',
    look: 'at listen(…): listen on Number(process.env.PORT ?? 3000), and before anything that waits.',
  });
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0);
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo; // it listens on TCP
  await new Promise(done => probe.close(done));
  return port;
}

function accepts(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, 'localhost');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
