/** Plays an act: starts the program, sends the requests one after the other, collects the notes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import type { Note } from './recorder.ts';
import { type Act, type Request, type Step, tokens } from './scenes.ts';

/** What the recorder told, and the end of the process. */
export type Event = Note | { is: 'signal'; signal: string } | { is: 'exit'; code: number | null };

/** `port` must be free. The session's id, which differs each time, is written `…`. */
export async function record({ program, args = [], steps }: Act, port: number): Promise<Event[]> {
  const child = start(program, args, port);
  const events: Event[] = [];
  child.on('message', (note: Event | 'all told') => {
    if (note !== 'all told') events.push(note);
  });
  child.once('exit', code => events.push({ is: 'exit', code }));
  try {
    await once(child.stdout ?? child, 'data'); // it says that it listens
    const client = new Client(port);
    for (const step of steps) await take(step, client, child, events);
    await allTold(child);
  } finally {
    child.kill('SIGKILL');
  }
  return withoutIds(events);
}

function start(program: string, args: string[], port: number): ChildProcess {
  const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const loaders = ['tsx', new URL('recorder.ts', import.meta.url).href];
  return spawn(
    process.execPath,
    [...loaders.flatMap(loader => ['--import', loader]), file(`../${program}.ts`), ...args],
    {
      env: { ...process.env, PORT: String(port), TOKENS: Object.values(tokens).join() },
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    },
  );
}

async function take(
  step: Step,
  client: Client,
  child: ChildProcess,
  events: Event[],
): Promise<void> {
  if (!('stop' in step)) return client.send(step);
  await allTold(child);
  events.push({ is: 'signal', signal: step.stop });
  child.kill(step.stop);
  await Promise.all([once(child, 'exit'), once(child, 'disconnect')]);
}

function allTold(child: ChildProcess): Promise<void> {
  if (!child.connected) return Promise.resolve();
  return new Promise(done => {
    child.on('message', note => {
      if (note === 'all told') done();
    });
    child.send('all told');
  });
}

class Client {
  private readonly port: number;
  private endpoint = '';
  private stream = '';
  private onevent = () => {};

  constructor(port: number) {
    this.port = port;
  }

  /** Resolves with the whole answer; of a stream with its first event; of a call with its result. */
  async send({ method, path, headers, body }: Request): Promise<void> {
    const options = {
      port: this.port,
      method,
      path: path ?? this.endpoint,
      headers: { ...headers },
    };
    const sent = request({ host: '127.0.0.1', agent: false, ...options });
    sent.end(body);
    const [res] = (await once(sent, 'response')) as [IncomingMessage]; // as Node documents it
    if (res.headers['content-type'] === 'text/event-stream') return this.follow(res);
    await once(res.resume(), 'end');
    if (res.statusCode === 202) await this.until(/"id":1\b/);
  }

  private async follow(res: IncomingMessage): Promise<void> {
    res.setEncoding('utf8').on('data', chunk => {
      this.stream += chunk;
      this.onevent();
    });
    res.on('error', () => {}); // the program is ended when the act is over
    [, this.endpoint = ''] = await this.until(/^data: (.*)$/m);
  }

  private until(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise(done => {
      this.onevent = () => {
        const found = pattern.exec(this.stream);
        if (found) done(found);
      };
      this.onevent();
    });
  }
}

function withoutIds(events: Event[]): Event[] {
  const text = JSON.stringify(events).replaceAll(/sessionId=[\w-]+/g, 'sessionId=…');
  return JSON.parse(text);
}
