/** What the server says as it starts, or as it fails to. */

import { existsSync, realpathSync } from 'node:fs';
import type { StuckSession } from '../apps/xray/watchdog.ts';
import { isLoopback } from '../guard.ts';
import type { Router } from '../http/app.ts';
import { ListenError, type Running } from '../http/listen.ts';
import packageJson from '../package.json' with { type: 'json' };
import { RegistrationError } from '../router.ts';
import { StoreError } from '../store.ts';
import { UsageError } from './flags.ts';
import { type Options, urlHost } from './options.ts';

export const version = packageJson.version;

/** What is mounted where, and the URLs to open and to give a client. */
export function banner(
  router: Router,
  { hosts, port }: Running,
  { mount, tokens, mcp }: Pick<Options, 'mount' | 'tokens' | 'mcp'>,
): string {
  const origin = `http://${shownHost(hosts)}:${port}`;
  const rows = router
    .list()
    .map(entry =>
      entry.kind === 'route'
        ? `  ${entry.method.padEnd(6)} ${entry.path}`
        : `  mount  ${entry.prefix || '/'}`,
    );
  const prefix = mount === '/' ? '' : mount;
  return [
    `mcp-mount ${version} on ${origin}`,
    ...rows,
    ...(mcp.node === undefined ? [] : [`Node:        ${mcp.node}`]),
    `Page:        ${origin}${pathOf(router, 'page')}`,
    `Docs:        ${origin}${pathOf(router, 'docs')}`,
    `Web:         ${origin}/items/`,
    `MCP client:  ${origin}${prefix}/sse  (SSE)  or  ${origin}${prefix || '/'}  (Streamable HTTP)`,
    ...(tokens.length > 0 ? [asksForToken] : []),
  ].join('\n');
}

const asksForToken =
  'Token:       asked for, as Authorization: Bearer …  (npm run client -- URL --token T)';

/** Of the route that goes by this id: with MCP at '/' the page is elsewhere. */
function pathOf(router: Router, id: string): string {
  for (const entry of router.list())
    if (entry.kind === 'route' && 'id' in entry.about && entry.about.id === id) return entry.path;
  return '/';
}

function shownHost(hosts: string[]): string {
  const [first = 'localhost'] = hosts;
  if (hosts.length > 1 || isLoopback(urlHost(first)) || first === '0.0.0.0' || first === '::')
    return 'localhost';
  return urlHost(first);
}

/** One line for a stream that nobody posts to. */
export function stuckLine({ session, causes }: StuckSession): string {
  return `Session ${session}: its stream is open, but no message came. Likely: ${causes.join('; or ')}.`;
}

/** Whether it is a terminal that shows them, and nobody said NO_COLOR (no-color.org). */
export function hasColours(out: Partial<Pick<NodeJS.WriteStream, 'isTTY' | 'hasColors'>>): boolean {
  return out.isTTY === true && out.hasColors?.() === true; // Node asks NO_COLOR and TERM
}

/** One line for what the operator can mend, a stack for what only we can. */
export function reportAndExit(error: unknown): never {
  if (error instanceof UsageError || error instanceof RegistrationError) exitWith(2, error.message);
  if (error instanceof ListenError || error instanceof StoreError) exitWith(1, error.message);
  console.error(error);
  process.exit(1);
}

function exitWith(code: number, line: string): never {
  console.error(line);
  process.exit(code);
}

/** Whether `file` is what the process was started with, and not a module of another program. */
export function isRun(file: string): boolean {
  const [, entry = ''] = process.argv; // tsx takes it without its extension too
  return [entry, `${entry}.ts`].some(path => existsSync(path) && realpathSync(path) === file);
}
