/** What the operator may set: flags first, environment second, defaults last. */
import { isIP } from 'node:net';
import { parseArgs } from 'node:util';
import { createRouter } from './router.ts';

export interface Options {
  port: number;
  /** Addresses to bind. */
  hosts: string[];
  /** Prefix of the MCP app; `'/'` for the root. */
  mount: string;
  /** SQLite file of the list; undefined keeps it in memory. */
  data: string | undefined;
}

/** A mistake of the operator's: one line, exit code 2. */
export class UsageError extends Error {}

export const usage = `Usage: tsx server.ts [options]

  --port N        port to listen on; 0 picks a free one     (PORT, default 3000)
  --host ADDRESS  address to bind                           (default: both loopbacks)
  --mount PREFIX  where the MCP app is mounted              (MCP_PATH, default /mcp)
  --data FILE     keep the list in a SQLite file            (DATA_FILE, default: in memory)
  --help          show this
  --version       show the version`;

/**
 * @returns the options, or what to print instead of serving
 * @throws UsageError naming the flag and the remedy
 */
export function parseOptions(args: string[], env: NodeJS.ProcessEnv): Options | 'help' | 'version' {
  const flags = parseFlags(args);
  if (flags.help) return 'help';
  if (flags.version) return 'version';
  return {
    port: parsePort(...chosen('--port', flags.port, 'PORT', env, '3000')),
    hosts: parseHost(flags.host),
    mount: parseMount(...chosen('--mount', flags.mount, 'MCP_PATH', env, '/mcp')),
    data: chosen('--data', flags.data, 'DATA_FILE', env, '')[1] || undefined,
  };
}

function parseFlags(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        port: { type: 'string' },
        host: { type: 'string' },
        mount: { type: 'string' },
        data: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('. ', 1)[0] : String(error);
    throw new UsageError(`${reason}. See --help.`);
  }
}

type Chosen = [source: string, value: string];

function chosen(
  flag: string,
  value: string | undefined,
  variable: string,
  env: NodeJS.ProcessEnv,
  fallback: string,
): Chosen {
  if (value !== undefined) return [flag, value];
  return [variable, env[variable] || fallback];
}

function parsePort(source: string, text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new UsageError(`${source}: '${text}' is not a port. Give a number from 0 to 65535.`);
}

/** `localhost` resolves to one family on some machines and the other on others: bind both. */
export const loopbacks = ['127.0.0.1', '::1'];

function parseHost(text = 'localhost'): string[] {
  if (text === 'localhost') return loopbacks;
  const address = text.replace(/^\[(.*)\]$/, '$1');
  if (isIP(address) !== 0 || /^[a-z0-9.-]+$/i.test(address)) return [address];
  throw new UsageError(`--host: '${text}' is not an address. Give an IP address or a host name.`);
}

function parseMount(source: string, prefix: string): string {
  try {
    createRouter().mount(prefix, () => {});
    return prefix;
  } catch (error) {
    throw new UsageError(`${source}: ${error instanceof Error ? error.message : error}`);
  }
}
