/**
 * A reader's terminals. What a `console` fence shows is typed here and must print what it says:
 *
 *     $ command        is typed; a line that ends in '\' goes on in the next
 *     what it prints   with … for what differs from run to run
 *     ^C               is pressed in the terminal whose server was started last
 *     no $ before it   what one of the terminals that were left running goes on with
 *
 * A server, and a stream that is looked at with `curl -N`, is left running, each in a terminal of
 * its own; a server until the next one takes its port. The ports that a page writes, such as 3000,
 * stand for free ones here. `sessionId=…` in a command is the last one printed: a reader pastes it.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';
import { freePort } from '../../docs/lesson/make/free-port.ts';
import { root } from './markdown.ts';

export interface Step {
  /** `'^C'` for the keys, `''` for a terminal that goes on. */
  command: string;
  expected: string;
}

export function stepsOf(fence: string): Step[] {
  const steps: Step[] = [];
  for (const line of fence.trimEnd().split('\n')) {
    const last = steps.at(-1);
    if (line.startsWith('$ ')) steps.push({ command: line.slice(2), expected: '' });
    else if (line === '^C') steps.push({ command: line, expected: '' });
    else if (!last) steps.push({ command: '', expected: `${line}\n` });
    else if (last.command.endsWith('\\')) last.command += `\n${line}`;
    else last.expected += `${line}\n`;
  }
  return steps;
}

const waitMs = 60_000; // npx, a start from cold and a machine that does other things

const left = [
  /^(?:[A-Z_]+=\S+ )*npm (?:ci && npm )?(?:start|run dev|run -s xray)\b/,
  /^(?:[A-Z_]+=\S+ )*npx tsx (?:watch )?(?:server|docs\/lesson\/\d|examples\/embed)\S*(?!.* --(?:help|version|explain))/,
];
const leftStream = /^curl -\w*N/;

export class Terminal {
  /** By the port the page writes. */
  private readonly servers = new Map<string, Program>();
  private readonly streams: Program[] = [];
  private readonly ports = new Map<string, number>();
  private lastServer: Program | undefined;
  private sessionId = 'none-was-printed';

  /** @throws AssertionError with what was printed instead */
  async take({ command, expected }: Step): Promise<void> {
    const printed = await this.print(command, expected);
    this.sessionId = [...printed.matchAll(/sessionId=([\w-]+)/g)].at(-1)?.[1] ?? this.sessionId;
  }

  async close(): Promise<void> {
    await Promise.all([...this.streams, ...this.servers.values()].map(program => program.stop()));
  }

  private async print(command: string, expected: string): Promise<string> {
    if (command === '') return this.goOn(expected);
    if (command === '^C') return this.interrupt(expected);
    if (left.some(pattern => pattern.test(command))) return this.serve(command, expected);
    const program = this.start(command);
    if (!leftStream.test(command)) return program.ended(expected);
    this.streams.push(program);
    return program.until(expected);
  }

  private async goOn(expected: string): Promise<string> {
    const left = [...this.streams, ...this.servers.values()];
    assert.ok(left.length > 0, 'No terminal is left running, so none goes on.');
    const first = Promise.race(left.map(program => program.prints(expected)));
    const program = await within(first, () => left.map(other => other.soFar()).join('\n'));
    return program.taken(expected);
  }

  private async interrupt(expected: string): Promise<string> {
    assert.ok(this.lastServer, 'No server is running, so there is nothing to press ^C for.');
    this.lastServer.signal('SIGINT');
    return this.lastServer.ended(expected);
  }

  private async serve(command: string, expected: string): Promise<string> {
    const [, written = '3000'] = /(?:PORT=|--port )(\d+)/.exec(command) ?? [];
    await this.servers.get(written)?.stop();
    const port = await freePort();
    this.ports.set(written, port);
    const server = this.start(command.replace('npm ci && ', '')); // they are installed
    this.servers.set(written, server);
    this.lastServer = server;
    const printed = await server.until(expected);
    while (server.isRunning() && !(await answers(port))) await new Promise(setImmediate);
    return printed; // a page may show '…' only, which says nothing of when it listens
  }

  private start(command: string): Program {
    const typed = command
      .replaceAll('sessionId=…', `sessionId=${this.sessionId}`)
      .replaceAll(
        /(localhost:|127\.0\.0\.1:|PORT=|--port )(\d+)/g,
        (_, before, port) => `${before}${this.ports.get(port) ?? port}`,
      );
    const port = this.ports.get('3000');
    return new Program(command, typed, port, text => this.asWritten(text));
  }

  /** As the page has it: with its own ports, and as a terminal shows the ends of lines. */
  private asWritten(printed: string): string {
    let text = printed.replaceAll('\r\n', '\n');
    for (const [written, port] of this.ports) text = text.replaceAll(`:${port}`, `:${written}`);
    return text.trim();
  }
}

class Program {
  private readonly command: string;
  private readonly child: ChildProcess;
  private readonly asWritten: (printed: string) => string;
  private readonly closed: Promise<void>;
  private printed = '';
  private onprint = () => {};

  constructor(
    command: string,
    typed: string,
    port: number | undefined,
    asWritten: (printed: string) => string,
  ) {
    this.command = command;
    this.asWritten = asWritten;
    const env = { ...plainEnv(), ...(port !== undefined && { PORT: String(port) }) };
    // A group of its own: npm does not pass signals on, so the group is told.
    this.child = spawn('bash', ['-c', `exec 2>&1\n${typed}`], { cwd: root, env, detached: true });
    this.child.stdin?.end();
    this.child.stdout?.setEncoding('utf8').on('data', chunk => {
      this.printed += chunk;
      this.onprint();
    });
    this.closed = new Promise(done => this.child.once('close', () => done()));
  }

  /** Resolves as soon as it has printed what is expected; what it prints then is for the next. */
  async until(expected: string): Promise<string> {
    await this.within(Promise.race([this.prints(expected), this.closed]));
    return this.taken(expected);
  }

  /** Resolves with itself once it has printed that. */
  prints(expected: string): Promise<this> {
    const pattern = patternOf(expected);
    return new Promise(done => {
      this.onprint = () => {
        if (pattern.test(this.asWritten(this.printed))) done(this);
      };
      this.onprint();
    });
  }

  /** What it printed since it was last asked. @throws AssertionError when that is not expected */
  taken(expected: string): string {
    const printed = this.asWritten(this.printed);
    assert.match(printed, patternOf(expected), `$ ${this.command}\nprints:\n${printed}\n`);
    this.printed = '';
    return printed;
  }

  soFar(): string {
    return `$ ${this.command}\nhas printed, and goes on:\n${this.printed}`;
  }

  async ended(expected: string): Promise<string> {
    await this.within(this.closed);
    const printed = this.taken(expected);
    const code = this.child.exitCode; // 124: `timeout 1 curl`, which looks at a stream for a second
    if (expected.trim() === '' && code !== 124)
      assert.equal(code, 0, `$ ${this.command}\nprints nothing and exits with ${code}.`);
    return printed;
  }

  isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  signal(signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL'): void {
    if (this.child.pid === undefined || !this.isRunning()) return;
    try {
      process.kill(-this.child.pid, signal);
    } catch {} // it ended by itself meanwhile
  }

  async stop(): Promise<void> {
    this.signal('SIGTERM');
    await this.within(this.closed).catch(() => this.signal('SIGKILL'));
  }

  private within<T>(event: Promise<T>): Promise<T> {
    return within(event, () => this.soFar());
  }
}

async function within<T>(event: Promise<T>, complaint: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const fail = () => reject(new assert.AssertionError({ message: complaint() }));
    timer = setTimeout(fail, waitMs);
  });
  return Promise.race([event, late]).finally(() => clearTimeout(timer));
}

function patternOf(expected: string): RegExp {
  const parts = expected
    .trim()
    .split('…')
    .map(part => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[\\s\\S]*')}$`);
}

/** Without what would set a program's own options, or colour what it prints. */
function plainEnv(): NodeJS.ProcessEnv {
  const { MCP_PATH, MCP_TOKEN, DATA_FILE, FORCE_COLOR, NODE_TEST_CONTEXT, ...env } = process.env;
  return { ...env, npm_config_loglevel: 'silent' };
}

/** Whether something listens there. */
function answers(port: number): Promise<boolean> {
  return new Promise(done => {
    const socket = connect(port, 'localhost');
    socket.once('connect', () => done(true)).once('error', () => done(false));
    socket.once('connect', () => socket.destroy());
  });
}
