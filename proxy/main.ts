/**
 * `mcp-mount xray URL`: what passes between clients and an MCP server of any make. A proxy before
 * it, and the x-ray's page beside that.
 */
import { proxyApp } from '../apps/proxy/app.ts';
import { type BypassedEvent, bypassed } from '../apps/proxy/channels.ts';
import { xray as xrayApp } from '../apps/xray/app.ts';
import { hostGuard } from '../guard.ts';
import type { App } from '../http/app.ts';
import { ListenError, listen, stopOnSignal } from '../http/listen.ts';
import { printable, redact } from '../http/redact.ts';
import { holds } from '../http/target.ts';
import { UsageError } from '../program/flags.ts';
import { createRouter } from '../router.ts';
import { type Options, parseOptions, refuseItself, usage } from './options.ts';

export interface XrayIo {
  print(line: string): void;
  printError(line: string): void;
}

const terminal: XrayIo = {
  print: line => console.log(line),
  printError: line => console.error(line),
};

/** @returns the exit code, which with 0 is that of the end: until a signal it goes on */
export async function xray(args: string[], io: XrayIo = terminal): Promise<number> {
  try {
    const options = parseOptions(args);
    if (options === 'help') io.print(usage);
    else stopOnSignal(await serve(options, io));
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof ListenError)) throw error;
    io.printError(error.message);
    return error instanceof UsageError ? 2 : 1;
  }
}

/** Listens on both loopbacks. Resolves with how to stop. */
export async function serve(options: Options, io: XrayIo): Promise<() => Promise<void>> {
  const { url, port: wanted } = options;
  const { app, page } = seenThrough(options);
  const { port, stop } = await listen(app, ['127.0.0.1', '::1'], wanted);
  try {
    refuseItself({ url, port }); // a free one may be the very port where the server is not up yet
  } catch (error) {
    await stop();
    throw error;
  }
  const here = `http://localhost:${port}`;
  io.print(`Clients:  ${here}${url.pathname}${url.search}  in the place of ${url.href}`);
  io.print(`Page:     ${here}${page}`);
  const silence = tellBypasses(io);
  return async () => {
    silence();
    await stop();
  };
}

/** The proxy and the page, which stands where the MCP server does not. */
export function seenThrough({ url, allowHosts, allowOrigins }: Omit<Options, 'port'>): Seen {
  const page = holds('/xray', url.pathname) ? '/xray-page' : '/xray';
  const router = createRouter();
  const query = url.search === '' ? '' : '?…'; // it may hold a key
  const proxied = { upstream: url.origin, path: url.pathname + query };
  router.mount(page, xrayApp(router, { proxied, guarded: true }));
  router.mount('/', proxyApp(new URL(url.origin)));
  return { app: hostGuard(router, { hosts: allowHosts, origins: allowOrigins }), page };
}

interface Seen {
  app: App;
  /** Its path. */
  page: string;
}

/** A line for each thing that breaks behind a proxy, once. */
function tellBypasses({ printError }: XrayIo): () => void {
  const told = new Set<string>();
  const tell = (event: unknown) => {
    const detail = printable(redact((event as BypassedEvent).detail)); // what the channel carries
    if (told.has(detail) || told.size > maxTold) return;
    told.add(detail);
    printError(detail);
  };
  bypassed.subscribe(tell);
  return () => bypassed.unsubscribe(tell);
}

const maxTold = 100; // a server that names another place each time is understood by then
