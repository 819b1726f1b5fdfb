/** What the operator may set: flags first, environment second, defaults last. */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { parseArgs } from 'node:util';
import { isNodeName } from '../apps/mcp/nodes.ts';
import type { LogFormat } from '../apps/xray/log.ts';
import { isLoopback } from '../guard.ts';
import { isAuthority, isOrigin } from '../http/target.ts';
import { createRouter } from '../router.ts';
import { readFlags, UsageError } from './flags.ts';

export interface Options {
  port: number;
  /** Addresses to bind. */
  hosts: string[];
  /** Prefix of the MCP app; `'/'` for the root. */
  mount: string;
  /** SQLite file of the list; undefined keeps it in memory. */
  data: string | undefined;
  /** Names and origins that the guard lets in beside the loopback ones. */
  allowHosts: string[];
  allowOrigins: string[];
  /** Bearer tokens; with none the list is open to whoever reaches the port. */
  tokens: string[];
  /** Sessions at once, ms one may be idle, and this process's name among several, where the operator says. */
  mcp: { maxSessions?: number; idleMs?: number; node?: string };
  /** Whether the page shows requests on their way. */
  xray: boolean;
  /** Whether also to other machines and through proxies: somebody said so. */
  xrayRemote: boolean;
  log: LogFormat | 'off';
  /** Method and target to explain instead of serving. */
  explain: [method: string, target: string] | undefined;
}

export const usage = `Usage: tsx server.ts [options]

  --port N        port to listen on; 0 picks a free one     (PORT, default 3000)
  --host ADDRESS  address to bind                           (default: both loopbacks)
  --mount PREFIX  where the MCP app is mounted              (MCP_PATH, default /mcp)
  --data FILE     keep the list in a SQLite file            (DATA_FILE, default: in memory)
  --node NAME     its name among several behind a proxy     (default: none)

Who may reach it:
  --allow-host HOST      answer to this name too; repeatable       (default: loopback names)
  --allow-origin ORIGIN  let pages of this origin call; repeatable (default: loopback, itself)
  --token-file FILE      ask for one of the bearer tokens in it, one a line  (MCP_TOKEN: one token)
  --insecure             bind beyond loopback without a token

How much it takes:
  --max-sessions N       MCP sessions at once                      (default 1000)
  --session-idle S       seconds an idle session is kept           (default 1800)

Seeing it:
  --log text|json|off    a line a request                (default: text on a terminal, else off)
  --xray                 show requests on the page       (default on loopback, without a token)
  --no-xray              keep them off it                (default otherwise)
  --explain METHOD PATH  say where a request would go and why; does not serve

A line of the log: the time; the method; the mount | what was left of the path for the app there;
the status; the ms it took; the bytes of its body; the JSON-RPC method, with the tool's name; the
session, of which the first letters are shown. A stream has a line as it opens, one for each answer
that leaves on it, with the ms since its call, and one as it closes. NO_COLOR=1 keeps it plain.

  --help, --version`;

/**
 * @returns the options, or what to print instead of serving
 * @throws UsageError naming the flag and the remedy
 */
export function parseOptions(args: string[], env: NodeJS.ProcessEnv): Options | 'help' | 'version' {
  const { flags, words } = parseFlags(args, env);
  if (flags.help) return 'help';
  if (flags.version) return 'version';
  const maxSessions = parseCount('--max-sessions', flags['max-sessions']);
  const idleSeconds = parseCount('--session-idle', flags['session-idle']);
  const node = parseNode(flags.node);
  const options = {
    port: parsePort(...chosen('--port', flags.port, 'PORT', env, '3000')),
    hosts: parseHost(flags.host),
    mount: parseMount(...chosen('--mount', flags.mount, 'MCP_PATH', env, '/mcp')),
    data: parseData(flags.data) ?? (env.DATA_FILE || undefined),
    allowHosts: (flags['allow-host'] ?? []).map(parseAllowedHost),
    allowOrigins: (flags['allow-origin'] ?? []).map(parseOrigin),
    log: parseLog(flags.log),
    explain: parseExplain(flags.explain ?? false, words),
    tokens: readTokens(flags['token-file'], env.MCP_TOKEN),
    mcp: {
      ...(maxSessions !== undefined && { maxSessions }),
      ...(idleSeconds !== undefined && { idleMs: idleSeconds * 1_000 }),
      ...(node !== undefined && { node }),
    },
  };
  if (!flags.insecure && !options.explain) refuseOpenNetwork(options.hosts, options.tokens);
  // The address somebody binds is one they mean to be reached at.
  const bound = options.hosts.filter(isName).map(urlHost);
  const allowHosts = [...options.allowHosts, ...bound];
  const xray = parseXray(flags.xray, flags['no-xray']) ?? isPrivate(options);
  return { ...options, allowHosts, xray, xrayRemote: flags.xray ?? false };
}

/** undefined where nothing is said. */
function parseXray(on = false, off = false): boolean | undefined {
  if (on && off) throw new UsageError('--xray and --no-xray: say one of them.');
  return on || off ? on : undefined;
}

/** Nobody looks on but whoever sends the requests: one machine, and no token to tell users apart. */
function isPrivate({ hosts, tokens }: Pick<Options, 'hosts' | 'tokens'>): boolean {
  return tokens.length === 0 && hosts.every(host => isLoopback(urlHost(host)));
}

function refuseOpenNetwork(hosts: string[], tokens: string[]): void {
  const open = hosts.find(host => !isLoopback(urlHost(host)));
  if (open === undefined || tokens.length > 0) return;
  throw new UsageError(
    `--host ${open} opens the list to the network. Ask for a token (--token-file FILE), or say --insecure.`,
  );
}

// An empty variable is one that is not set; an empty flag is a shell's '$UNSET', and a lost list.
function parseData(flag: string | undefined): string | undefined {
  if (flag === '') throw new UsageError('--data names no file. Write --data FILE.');
  return flag;
}

/** As it stands in a URL: an IPv6 address in brackets. */
export function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

function isName(host: string): boolean {
  return host !== '0.0.0.0' && host !== '::';
}

function parseFlags(args: string[], env: NodeJS.ProcessEnv) {
  const allowPositionals = args.includes('--explain');
  const parse = () => parseArgs({ args, allowPositionals, options: flagTypes });
  const { values, positionals } = readFlags(parse, ownNames, args, env);
  return { flags: values, words: positionals };
}

const flagTypes = {
  port: { type: 'string' },
  host: { type: 'string' },
  mount: { type: 'string' },
  data: { type: 'string' },
  node: { type: 'string' },
  'allow-host': { type: 'string', multiple: true },
  'allow-origin': { type: 'string', multiple: true },
  'token-file': { type: 'string' },
  insecure: { type: 'boolean' },
  'max-sessions': { type: 'string' },
  'session-idle': { type: 'string' },
  log: { type: 'string' },
  xray: { type: 'boolean' },
  'no-xray': { type: 'boolean' },
  explain: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const; // parseArgs types what it gives by these words

const ownNames = Object.keys(flagTypes);

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

function parseAllowedHost(host: string): string {
  if (isAuthority(host)) return host;
  throw new UsageError(
    `--allow-host: '${host}' is not a host. Write list.example or list.example:8443.`,
  );
}

function parseOrigin(origin: string): string {
  if (isOrigin(origin)) return origin;
  throw new UsageError(
    `--allow-origin: '${origin}' is not an origin. Write scheme, host and port: https://app.example`,
  );
}

/** One token a line; empty lines and lines that start with '#' are not tokens. */
function readTokens(file: string | undefined, token: string | undefined): string[] {
  if (file === undefined) return token ? [checkedToken('MCP_TOKEN', token)] : [];
  const lines = readLines(file).map(line => line.trim());
  const tokens = lines.filter(line => line !== '' && !line.startsWith('#'));
  if (tokens.length === 0)
    throw new UsageError(`--token-file: ${file} holds no token. Write one a line.`);
  return tokens.map(line => checkedToken('--token-file', line));
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch {
    throw new UsageError(`--token-file: ${file} can't be read. Name a file with one token a line.`);
  }
}

const minTokenLength = 16; // characters; shorter ones are guessed

function checkedToken(source: string, token: string): string {
  if (token.length >= minTokenLength && /^[\w.~+/-]+=*$/.test(token)) return token;
  throw new UsageError(
    `${source}: a token has at least ${minTokenLength} letters, digits or -._~+/ (RFC 6750). Try: openssl rand -hex 32`,
  );
}

function parseCount(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new UsageError(`${flag}: '${text}' is not a count. Give a whole number from 1 to 9999999.`);
}

function parseNode(name: string | undefined): string | undefined {
  if (name === undefined || isNodeName(name)) return name;
  throw new UsageError(
    `--node: '${name}' is not a name. Give letters, digits and '-', 63 at most.`,
  );
}

function parseLog(text = process.stdout.isTTY ? 'text' : 'off'): LogFormat | 'off' {
  if (text === 'text' || text === 'json' || text === 'off') return text;
  throw new UsageError(`--log: '${text}' is no format. Write text, json or off.`);
}

function parseExplain(asked: boolean, words: string[]): [string, string] | undefined {
  if (!asked) return undefined;
  const [method, target, ...rest] = words;
  if (method !== undefined && target !== undefined && rest.length === 0)
    return [method.toUpperCase(), target];
  throw new UsageError('--explain takes a method and a path: --explain POST /mcp/messages');
}
