/** A proxy before something: as `mcp-mount xray` has it, with the page beside it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { connect, createServer as createTcpServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { type Exchange, observe, type Step } from '../../../apps/xray/steps.ts';
import { freePort } from '../../../docs/lesson/make/free-port.ts';
import { seenThrough } from '../../../proxy/main.ts';
import { listening } from '../../check/support.ts';
import { listen } from '../../held.ts';

/** Of the proxy before `upstream`, until the test ends: 'http://localhost:…'. */
export async function serveProxy(t: TestContext, upstream: string): Promise<string> {
  const { app } = seenThrough({ url: new URL(upstream), allowHosts: [], allowOrigins: [] });
  const { port, stop } = await listen(app, ['127.0.0.1'], 0);
  t.after(stop);
  return `http://localhost:${port}`;
}

/** Serves `listener`, and a proxy before it. Resolves with both origins. */
export async function serveBehind(t: TestContext, listener: RequestListener) {
  const direct = `http://localhost:${await listening(t, createServer(listener))}`;
  return { direct, proxied: await serveProxy(t, direct) };
}

/** A server of the SDK's own, as an example of it starts: its origin. */
export async function startExample(t: TestContext, name: string): Promise<string> {
  const port = await freePort();
  const file = `node_modules/@modelcontextprotocol/sdk/dist/esm/examples/server/${name}.js`;
  const child = spawn(process.execPath, ['--import', './check/peers/port.mjs', file], {
    env: { ...process.env, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data'); // it says that it listens
  child.stdout.resume();
  return `http://localhost:${port}`;
}

/** A server that keeps what it is sent, as it came, and answers each connection with `bytes`. */
export async function serveBytes(t: TestContext, bytes: string) {
  const received: string[] = [];
  const server = createTcpServer(socket => {
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      if (text === '') socket.write(bytes, 'latin1');
      text += chunk;
    });
    socket.on('error', () => {}).once('close', () => received.push(text));
  });
  return { origin: `http://localhost:${await listening(t, server)}`, received };
}

/** All that comes back for `bytes` until the connection ends. */
export async function exchange(origin: string, bytes: string): Promise<string> {
  const socket = connect(Number(new URL(origin).port), '127.0.0.1').setEncoding('latin1');
  socket.write(bytes, 'latin1');
  return rest(socket);
}

async function rest(socket: Socket): Promise<string> {
  let text = '';
  for await (const chunk of socket) text += chunk;
  return text;
}

/** The lines of a head; its body is left out. */
export function headOf(message: string): string[] {
  return message.slice(0, message.indexOf('\r\n\r\n')).split('\r\n');
}

/** A step, and whose it is. */
export type Seen = Step & { exchange: Exchange };

/** The steps of what passes from now on, and a wait for them. */
export function watchSteps(t: TestContext) {
  const steps: Seen[] = [];
  const closed: string[] = [];
  let check = () => {};
  const stop = observe({
    step(step, exchange) {
      steps.push({ ...step, exchange });
      check();
    },
    sessionClosed(sessionId) {
      closed.push(sessionId);
      check();
    },
  });
  t.after(stop);

  function until<T>(find: () => T | undefined): Promise<T> {
    return new Promise(done => {
      check = () => {
        const found = find();
        if (found !== undefined) done(found);
      };
      check();
    });
  }

  /** The first of a kind that fits. */
  function first<Kind extends Step['kind']>(
    kind: Kind,
    fits: (step: Seen & { kind: Kind }) => boolean = () => true,
  ): Promise<Seen & { kind: Kind }> {
    const isIt = (step: Seen): step is Seen & { kind: Kind } =>
      step.kind === kind && fits(step as Seen & { kind: Kind }); // of that kind, as just compared
    return until(() => steps.find(isIt));
  }
  return { steps, closed, until, first };
}
