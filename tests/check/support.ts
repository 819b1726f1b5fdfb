/** `check` run in the test's own process, and what it found. */
import { createServer } from 'node:http';
import type { Server, Socket } from 'node:net';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import type { TestContext } from 'node:test';
import type { Finding } from '../../check/look.ts';
import { type CheckIo, check } from '../../check/main.ts';
import type { Report } from '../../check/report.ts';
import { type AppOptions, createApp } from '../../server.ts';
import { memoryStore } from '../../store.ts';
import { listen } from '../held.ts';

export interface Ran {
  code: number;
  printed: string;
  errors: string;
}

export async function run(args: string[], io: Partial<CheckIo> = {}): Promise<Ran> {
  const printed: string[] = [];
  const errors: string[] = [];
  const code = await check(args, {
    print: line => printed.push(line),
    printError: line => errors.push(line),
    colour: false,
    ...io,
  });
  return { code, printed: printed.join('\n'), errors: errors.join('\n') };
}

export async function report(args: string[], io: Partial<CheckIo> = {}): Promise<Report> {
  const { printed } = await run([...args, '--json'], io);
  return JSON.parse(printed);
}

export function faultsIn({ findings }: Report): string[] {
  return findings.filter(({ verdict }) => verdict === 'fault').map(({ id }) => id);
}

export function findingOf({ findings }: Report, id: string): Finding {
  const finding = findings.find(finding => finding.id === id);
  if (!finding) throw new Error(`There is no probe ${id}.`);
  return finding;
}

/** Listens until the test ends. Returns its port. */
export async function listening(
  t: TestContext,
  server: Server,
  host = '127.0.0.1',
  port = 0,
): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', socket => {
    sockets.add(socket);
    socket.on('error', () => {}).once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((done, fail) => {
    server.once('error', fail).listen(port, host, done);
  });
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    if (server.listening) await new Promise(done => server.close(done));
  });
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('The server is not listening.');
  return address.port;
}

/** This server, on both loopback addresses until the test ends. Returns its origin. */
export async function serveOurs(t: TestContext, options: AppOptions = {}): Promise<string> {
  const { port, stop } = await listen(createApp(memoryStore(), options), ['127.0.0.1', '::1'], 0);
  t.after(stop);
  return `http://localhost:${port}`;
}

/** A port that nobody listens on. */
export async function freePort(t: TestContext): Promise<number> {
  const server = createServer();
  const port = await listening(t, server);
  await new Promise(done => server.close(done));
  return port;
}

/** Whether this machine can be reached from others. */
export function hasOtherAddress(): boolean {
  return addresses().some(({ internal, family }) => !internal && family === 'IPv4');
}

/** Whether it has the second loopback address. */
export function hasIpv6(): boolean {
  return addresses().some(({ address }) => address === '::1');
}

function addresses(): NetworkInterfaceInfo[] {
  return Object.values(networkInterfaces()).flatMap(found => found ?? []);
}
