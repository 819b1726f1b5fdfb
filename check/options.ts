/** What `check` may be told. */
import { parseArgs } from 'node:util';

export interface Options {
  url: URL;
  token: string | undefined;
  otherToken: string | undefined;
  /** A tool that may be called. */
  call: string | undefined;
  /** Web endpoints beside the MCP server, as paths. */
  plain: string[];
  /** A web page's origin that is meant to be let in. */
  browserOrigin: string;
  patient: boolean;
  /** ms that a stream may be silent. */
  idleMs: number;
  /** The command that starts the server. */
  start: string | undefined;
  json: boolean;
}

const idleMs = 60_000; // what common proxies and balancers allow at the most

/** A mistake in the command: one line, exit code 2. */
export class UsageError extends Error {}

export const usage = `Usage: mcp-mount check URL [options]

Looks at a running MCP server from outside, as its clients and a hostile web page would. URL is
where clients connect: the mount, or the stream of the older SSE transport.

  --token T          the bearer token it asks for
  --other-token T    somebody else's, to see whether sessions are kept apart
  --call NAME        a tool that may be called, without arguments; else none is
  --plain PATH       a web endpoint beside it, read with GET; repeatable
  --origin ORIGIN    a web page that is meant to be let in     (default http://localhost:6274)
  --patient          wait up to a minute for keep-alive
  --start COMMAND    start the server, and look at how it stops with an open stream
  --json             findings as JSON
  --help

Exit code 0: no fault; 1: a fault, or no server to look at; 2: a mistake in the command.`;

/** @throws UsageError naming the flag and the remedy */
export function parseOptions(args: string[]): Options | 'help' {
  const { flags, words } = parseFlags(args);
  if (flags.help) return 'help';
  const [url, ...rest] = words;
  if (url === undefined || rest.length > 0)
    throw new UsageError('Name one URL: mcp-mount check http://localhost:3000/mcp. See --help.');
  if (flags['other-token'] !== undefined && flags.token === undefined)
    throw new UsageError('--other-token is beside --token: give both.');
  return {
    url: parseUrl(url),
    token: parseToken('--token', flags.token),
    otherToken: parseToken('--other-token', flags['other-token']),
    call: flags.call,
    plain: (flags.plain ?? []).map(parsePath),
    browserOrigin: parseOrigin(flags.origin ?? 'http://localhost:6274'), // the Inspector's
    patient: flags.patient ?? false,
    idleMs,
    start: flags.start,
    json: flags.json ?? false,
  };
}

function parseFlags(args: string[]) {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        token: { type: 'string' },
        'other-token': { type: 'string' },
        call: { type: 'string' },
        plain: { type: 'string', multiple: true },
        origin: { type: 'string' },
        patient: { type: 'boolean' },
        start: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    return { flags: values, words: positionals };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const [reason] = message.split(/\.?(?:\s*\n|\. |$)/, 1); // Node goes on over several lines
    throw new UsageError(`${reason}. See --help.`);
  }
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol) && url.username === '') return url;
  throw new UsageError(
    `'${text}' is not the URL of a server. Write http://localhost:3000/mcp; a token goes into --token.`,
  );
}

function parsePath(path: string): string {
  if (/^\/[\x21-\x7e]*$/.test(path)) return path;
  throw new UsageError(`--plain: '${path}' is not a path. Write /items/.`);
}

function parseOrigin(origin: string): string {
  if (URL.canParse(origin) && new URL(origin).origin === origin) return origin;
  throw new UsageError(`--origin: '${origin}' is not an origin. Write https://app.example.`);
}

function parseToken(flag: string, token: string | undefined): string | undefined {
  if (token === undefined || /^[\x21-\x7e]+$/.test(token)) return token;
  throw new UsageError(`${flag}: a token has no spaces and no control characters.`);
}
