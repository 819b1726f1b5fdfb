/** What `xray` may be told. */
import { parseArgs } from 'node:util';
import { portOf } from '../apps/proxy/bypass.ts';
import { isLoopback } from '../guard.ts';
import { isAuthority, isOrigin } from '../http/target.ts';
import { readFlags, UsageError } from '../program/flags.ts';

export interface Options {
  /** Of the MCP server that is to be seen. */
  url: URL;
  /** 0 for a free one. */
  port: number;
  /** Names and origins that are let in beside the loopback ones. */
  allowHosts: string[];
  allowOrigins: string[];
}

export const usage = `Usage: mcp-mount xray URL [options]

Shows what passes between clients and an MCP server of any make: a reverse proxy on this machine,
and the page beside it. URL is where clients connect: the mount, or the stream of the older SSE
transport. Give them the URL that is printed in its place.

  --port N                port to listen on                          (default: a free one)
  --allow-host HOST       answer to this name too; repeatable        (default: loopback names)
  --allow-origin ORIGIN   let pages of this origin call; repeatable  (default: loopback, itself)
  --help

Stop it with Ctrl-C. Exit code 1: the port is taken; 2: a mistake in the command.`;

/** @throws UsageError naming the flag and the remedy */
export function parseOptions(args: string[]): Options | 'help' {
  const parse = () => parseArgs({ args, allowPositionals: true, options: flagTypes });
  const { values: flags, positionals } = readFlags(parse, Object.keys(flagTypes), args, {});
  if (flags.help) return 'help';
  const [url, ...rest] = positionals;
  if (url === undefined || rest.length > 0)
    throw new UsageError('Name one URL: mcp-mount xray http://localhost:8000/mcp. See --help.');
  const options = { url: parseUrl(url), port: parsePort(flags.port ?? '0') };
  refuseItself(options);
  return {
    ...options,
    allowHosts: (flags['allow-host'] ?? []).map(parseHost),
    allowOrigins: (flags['allow-origin'] ?? []).map(parseOrigin),
  };
}

const flagTypes = {
  port: { type: 'string' },
  'allow-host': { type: 'string', multiple: true },
  'allow-origin': { type: 'string', multiple: true },
  help: { type: 'boolean', short: 'h' },
} as const; // parseArgs types what it gives by these words

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '')
    return url;
  throw new UsageError(
    `'${text}' is not the URL of a server. Write http://localhost:8000/mcp; clients send their own token.`,
  );
}

function parsePort(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new UsageError(`--port: '${text}' is not a port. Give a number from 0 to 65535.`);
}

/** @throws UsageError where a proxy on `port` would ask itself */
export function refuseItself({ url, port }: Pick<Options, 'url' | 'port'>): void {
  if (!isLoopback(url.host) || Number(portOf(url)) !== port || port === 0) return;
  throw new UsageError(`--port: ${port} is the server’s own. Choose another, or leave it out.`);
}

function parseHost(host: string): string {
  if (isAuthority(host)) return host;
  throw new UsageError(`--allow-host: '${host}' is not a host. Write list.example:8443.`);
}

function parseOrigin(origin: string): string {
  if (isOrigin(origin)) return origin;
  throw new UsageError(`--allow-origin: '${origin}' is not an origin. Write https://app.example.`);
}
