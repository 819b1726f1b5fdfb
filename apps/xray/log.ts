/**
 * The access log: one line a request, and one more when a stream opens.
 *
 *     POST   /mcp | /messages        202    1.3 ms   131 B  tools/call  session 3f2a91c0
 *     GET    /mcp | /sse             stream opens            session 3f2a91c0
 */
import { printable, redact, shortId } from '../../http/redact.ts';
import { type Exchange, observe, type Step } from './steps.ts';

export type LogFormat = 'text' | 'json';

/** Writes to `write` until the returned function is called. */
export function accessLog(format: LogFormat, write: (line: string) => void): () => void {
  const toLine = format === 'json' ? JSON.stringify : textOf;
  return observe({
    step(step) {
      const entry = entryOf(step);
      if (entry) write(`${printable(toLine(entry))}\n`);
    },
  });
}

interface Entry {
  time: string;
  method: string;
  path: string;
  /** The mount that took it, and what was left for the app there. */
  mount: string;
  url: string;
  stream?: 'opens' | 'closes';
  status?: number;
  ms?: number;
  bytes?: number;
  /** The client went away, or the server cut it, before all was sent. */
  cut?: true;
  rpc?: string;
  session?: string;
}

function entryOf(step: Step): Entry | undefined {
  const { exchange } = step;
  if (step.kind === 'stream' && exchange.method === 'GET')
    return { ...baseOf(exchange), stream: 'opens' };
  if (step.kind !== 'answered') return undefined;
  const { status, ms, bytes, whole } = step;
  const listened = exchange.isStream && exchange.method === 'GET';
  return {
    ...baseOf(exchange),
    ...(listened && { stream: 'closes' as const }),
    status,
    ms: Math.round(ms * 10) / 10,
    bytes,
    ...(!whole && !listened && { cut: true as const }),
  };
}

function baseOf({ method, target, rootPath, url, rpcMethods, sessionId }: Exchange): Entry {
  return {
    time: new Date().toISOString(),
    method,
    path: redact(target),
    mount: rootPath || '/',
    url: redact(url),
    ...(rpcMethods.length > 0 && { rpc: redact(rpcMethods.join(',').slice(0, maxRpcChars)) }),
    ...(sessionId !== undefined && { session: shortId(sessionId) }),
  };
}

const maxRpcChars = 100; // a client may name a method anything, at any length

function textOf(entry: Entry): string {
  const { method, mount, url, stream, status, ms, bytes, cut, rpc, session } = entry;
  const split = mount === '/' ? url : `${mount} | ${url}`;
  return [
    method.padEnd(7),
    split.padEnd(40),
    stream === 'opens' ? 'stream opens' : `${status}  ${ms} ms  ${bytes} B`,
    stream === 'closes' && 'stream closes',
    cut && 'cut',
    rpc,
    session && `session ${session}`,
  ]
    .filter(Boolean)
    .join('  ');
}
