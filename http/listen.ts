/**
 * Serving an App until it is told to stop: sockets, time-outs, signals.
 *
 * Of mcp-mount, MIT.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { App } from './app.ts';
import { isGone, onGone } from './gone.ts';
import { logRequestError } from './log.ts';
import {
  checkFunction,
  given,
  hostAddresses,
  maxTimerMs,
  type Optional,
  wholeNumber,
} from './options.ts';
import { Pipeline } from './pipeline.ts';
import { Response } from './response.ts';
import { answerUnread } from './unread.ts';

/** What `listen` gives: where it listens, and how to stop it. */
export interface Running {
  /** Addresses bound, and the port they share. */
  hosts: string[];
  port: number;
  /** Stops listening, lets what is in flight finish, ends streams. Resolves when all is closed. */
  stop(): Promise<void>;
  /** stop(), at the end of a block: `await using running = await listen(…)`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** The addresses could not be bound: one line, exit code 1. */
export class ListenError extends Error {}

/** As node:http names them; all in ms. */
export interface Timeouts {
  headersTimeout: number;
  requestTimeout: number;
  connectionsCheckingInterval: number;
}

/** What holds where nothing else is said. */
export const timeoutDefaults: Timeouts = {
  headersTimeout: 10_000, // for a request's head: a client sends it in one go or means harm
  requestTimeout: 60_000, // for head and body: 4 MiB over a slow phone line
  connectionsCheckingInterval: 1_000, // between looks at the two above
};

const placeRules = { hosts: hostAddresses, port: wholeNumber(0, 65_535) };
const timeoutRules = {
  headersTimeout: wholeNumber(0, maxTimerMs),
  requestTimeout: wholeNumber(0, maxTimerMs),
  connectionsCheckingInterval: wholeNumber(1, maxTimerMs),
};

const stopMs = 12_000; // more than the apps' own grace, less than the 30 s of common supervisors

/**
 * Binds every address in `hosts` to one port (0: a free one).
 *
 * @throws ListenError naming the remedy
 */
export async function listen(
  app: App,
  hosts: string[],
  port: number,
  timeouts: Optional<Timeouts> = {},
): Promise<Running> {
  checkFunction('listen', 'what it serves', app);
  given('listen', { hosts, port }, placeRules, ['hosts', 'port']);
  const limits = { ...timeoutDefaults, ...given('listen', timeouts, timeoutRules) };
  const traffic = trafficOf(app);
  const servers: Server[] = [];
  let bound = port;
  for (const host of hosts) {
    const server = newServer(traffic, limits);
    const at = await bind(server, host, bound).catch(error => {
      for (const listening of servers) listening.close(); // nothing is left half up
      throw error;
    });
    if (at === undefined) continue;
    servers.push(server);
    bound = at;
  }
  if (servers.length === 0)
    throw new ListenError(`None of ${hosts.join(', ')} is an address here.`);

  async function stop(): Promise<void> {
    const closed = servers.map(server => new Promise(done => server.close(done)));
    const deadline = setTimeout(() => closeAll(servers), stopMs).unref();
    const drained = traffic.drain();
    await app.close?.();
    await drained;
    await Promise.all(closed);
    clearTimeout(deadline);
  }
  return { hosts: servers.map(hostOf), port: bound, stop, [Symbol.asyncDispose]: stop };
}

function newServer({ onConnection, onRequest, isMidAnswer }: Traffic, timeouts: Timeouts): Server {
  const server = createServer({ ...timeouts, ServerResponse: Response }, onRequest);
  server.on('connection', onConnection);
  answerUnread(server, isMidAnswer);
  return server;
}

type Traffic = ReturnType<typeof trafficOf>;

/** The requests and connections of an App, so that it can be stopped without cutting any short. */
function trafficOf(app: App) {
  const connections = new Map<Duplex, Pipeline>();
  let open = 0; // responses whose app has returned: streams, and answers that come later
  let running = 0; // apps that have not returned
  let stopping = false;
  let onquiet = () => {};

  // Nobody awaits this: it never rejects.
  async function answer(req: IncomingMessage, res: Response): Promise<void> {
    running++;
    if (stopping) res.shouldKeepAlive = false;
    try {
      await app(req, res);
    } catch (error) {
      logRequestError(error, req); // a guard outside the router failed
      res.destroy();
    }
    // Most answers are over by now; to note down each would cost a tenth of a plain one.
    if (!res.writableEnded && !isGone(res)) {
      open++; // counted, not kept: V8's Map and Set leave behind tables that hold what was in them
      onGone(res, () => {
        open--;
        settle();
      });
    }
    running--;
    settle();
    connections.get(req.socket)?.returned(res);
  }

  function onRequest({ socket }: IncomingMessage, res: Response): void {
    connections.get(socket)?.take(res);
  }

  function onConnection(socket: Socket): void {
    connections.set(socket, new Pipeline(socket, answer));
    socket.on('close', () => connections.delete(socket));
  }

  function isMidAnswer(socket: Duplex): boolean {
    return connections.get(socket)?.isMidAnswer() ?? false;
  }

  function settle(): void {
    if (stopping && running === 0 && open === 0) onquiet();
  }

  /** Resolves once nothing is being answered, having told idle connections to end. */
  async function drain(): Promise<void> {
    stopping = true;
    await new Promise<void>(done => {
      onquiet = done;
      settle();
    });
    for (const { socket } of connections.values()) socket.destroySoon(); // once all has left
  }
  return { onConnection, onRequest, isMidAnswer, drain };
}

const sweepMs = 50; // a stream that was ended leaves its connection open for the client's next request

/**
 * Stops a server that somebody else made around `app`: a framework, node:https. It stops listening,
 * closes `app`, which ends its streams, and hangs up on each connection as it falls idle; on all
 * after 12 s. Resolves when all is closed.
 */
export async function stopServer(server: Stoppable, app: Pick<App, 'close'>): Promise<void> {
  const closed = new Promise<void>(done => server.close(() => done()));
  const sweep = setInterval(() => server.closeIdleConnections?.(), sweepMs);
  const deadline = setTimeout(() => server.closeAllConnections?.(), stopMs);
  try {
    await app.close?.();
    await closed;
  } finally {
    clearInterval(sweep);
    clearTimeout(deadline);
  }
}

/** A server of node:http, node:https or node:http2, which has not all of it. */
export interface Stoppable {
  close(done: () => void): unknown;
  closeIdleConnections?(): void;
  closeAllConnections?(): void;
}

/** The port, or undefined where the machine has no such address family. */
function bind(server: Server, host: string, port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (host === '::1' && /EADDRNOTAVAIL|EAFNOSUPPORT/.test(error.code ?? '')) resolve(undefined);
      else reject(new ListenError(bindFailure(error, host, port)));
    });
    server.listen({ host, port }, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : port);
    });
  });
}

function bindFailure(error: NodeJS.ErrnoException, host: string, port: number): string {
  if (error.code === 'EADDRINUSE')
    return `Port ${port} is in use. Stop what holds it, or choose another: --port ${port < 65_535 ? port + 1 : 3000}`;
  if (error.code === 'EACCES')
    return `Port ${port} needs privileges. Choose one above 1023: --port 3000`;
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND')
    return `${host} is not an address of this machine. Leave --host out for loopback.`;
  return `Can't listen on ${host}:${port}: ${error.message}`;
}

function hostOf(server: Server): string {
  const address = server.address();
  return typeof address === 'object' && address ? address.address : '';
}

function closeAll(servers: Server[]): void {
  for (const server of servers) server.closeAllConnections();
}

const signalNumbers = { SIGINT: 2, SIGTERM: 15 };

// Ctrl-C reaches the whole group, and runners such as tsx pass it on besides: one press, two signals.
const echoMs = 500;

/** The first SIGINT or SIGTERM stops and exits 0; a second one exits at once. */
export function stopOnSignal(stop: () => Promise<void>): void {
  let first: number | undefined;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (first !== undefined && performance.now() - first < echoMs) return;
      if (first !== undefined) process.exit(128 + signalNumbers[signal]);
      first = performance.now();
      stop().then(
        () => process.exit(0),
        error => {
          console.error(error);
          process.exit(1);
        },
      );
    });
  }
}
