/**
 * The access log: one line a request, and where a stream opens, carries an answer, closes.
 *
 *     12:04:31  GET     /mcp | /sse        stream opens                session 3f2a91c0…
 *     12:04:31  POST    /mcp | /messages   202  1.3 ms  0 B            tools/call get_items  session …
 *     12:04:31  GET     /mcp | /sse        answer to id 3  2 ms  402 B  tools/call get_items  session …
 */
import type { ServerResponse } from 'node:http';
import type { RequestId } from '@modelcontextprotocol/sdk/types.js';
import { printable, redact, shortId } from '../../http/redact.ts';
import { OpenCalls } from './open-calls.ts';
import { type Exchange, observe, type Step } from './steps.ts';

/** Columns for people, or an object a line. */
export type LogFormat = 'text' | 'json';

/**
 * Writes to `write` until the returned function is called. `colour` is for text on a terminal that
 * has it.
 */
export function accessLog(
  format: LogFormat,
  write: (line: string) => void,
  { colour = false }: { colour?: boolean } = {},
): () => void {
  const toLine = format === 'json' ? jsonOf : (entry: Entry) => textOf(entry, colour);
  const calls = new OpenCalls();
  return observe({
    step(step, exchange) {
      const entry = entryOf(step, exchange, calls);
      if (entry) write(`${toLine(entry)}\n`);
    },
    sessionClosed: sessionId => calls.forget(sessionId),
  });
}

interface Entry {
  time: string;
  method: string;
  path: string;
  /** The mount that took it, and what was left for the app there. */
  mount: string;
  url: string;
  stream?: 'opens' | 'answers' | 'closes';
  /** The JSON-RPC id of the call that is answered on a stream. */
  id?: RequestId;
  status?: number;
  /** Of an answer on a stream: since its call came. */
  ms?: number;
  /** Of the body, as it was sent; a head has none. */
  bytes?: number;
  /** The client went away, or the server cut it, before all was sent. */
  cut?: true;
  /** JSON-RPC methods, and beside tools/call which tool. */
  rpc?: string;
  session?: string;
  /** The node that this session is on, where that is not this one. */
  elsewhere?: string;
}

function entryOf(step: Step, exchange: Exchange, calls: OpenCalls): Entry | undefined {
  if (step.kind === 'message') return calls.add(step.sessionId, step.message);
  if (step.kind === 'frame') return answerEntry(step, exchange, calls);
  if (step.kind === 'stream' && isListening(exchange))
    return { ...baseOf(exchange), stream: 'opens' };
  if (step.kind !== 'answered') return undefined;
  const { status, ms, bytes, whole } = step;
  const listened = isListening(exchange);
  return {
    ...baseOf(exchange),
    ...(listened && { stream: 'closes' as const }),
    status,
    ms: rounded(ms),
    bytes: Math.max(0, bytes - headBytes(exchange.res)),
    ...(!whole && !listened && { cut: true as const }),
  };
}

/** The line of a POST says all of its own stream; this is for what comes on another connection. */
function answerEntry(
  { frame, message }: Step & { kind: 'frame' },
  exchange: Exchange,
  calls: OpenCalls,
): Entry | undefined {
  if (!message || 'method' in message || message.id === undefined) return undefined;
  const call = calls.take(exchange.sessionId, message.id);
  if (!isListening(exchange)) return undefined;
  return {
    ...baseOf(exchange),
    stream: 'answers',
    id: message.id,
    ...(call && { ms: rounded(performance.now() - call.sinceMs), rpc: shownRpc([call.name]) }),
    bytes: Buffer.byteLength(frame),
  };
}

function isListening({ isStream, method }: Exchange): boolean {
  return isStream && method === 'GET';
}

function baseOf(exchange: Exchange): Entry {
  const { method, target, rootPath, url, rpcMethods, sessionId, elsewhere } = exchange;
  return {
    time: new Date().toISOString(),
    method,
    path: redact(target),
    mount: rootPath || '/',
    url: redact(url),
    ...(rpcMethods.length > 0 && { rpc: shownRpc(rpcMethods) }),
    ...(sessionId !== undefined && { session: shortId(sessionId) }),
    ...(elsewhere !== undefined && { elsewhere }),
  };
}

function shownRpc(names: string[]): string {
  return redact(names.join(',').slice(0, maxRpcChars));
}

const maxRpcChars = 100; // a client may name a method anything, at any length

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}

/** What Node sent before the body. It keeps the head as a string of bytes, which no type has. */
function headBytes(res: ServerResponse & { _header?: unknown }): number {
  return typeof res._header === 'string' ? res._header.length : 0;
}

function jsonOf(entry: Entry): string {
  return printable(JSON.stringify(entry));
}

/** The columns, as `--help` explains them. What a client wrote is made printable, colours come after. */
function textOf(entry: Entry, colour: boolean): string {
  const paint = colour ? painted : (text: string) => text;
  const { method, mount, rpc, session, elsewhere, cut } = entry;
  const prefix = mount === '/' ? '' : printable(mount);
  const url = printable(entry.url);
  const room = Math.max(0, pathColumns - (prefix && `${prefix} | `).length);
  return [
    paint(clock(entry.time), 'dim'),
    printable(method).padEnd(7),
    (prefix && `${paint(prefix, 'prefix')} | `) + url.padEnd(room),
    happened(entry, paint),
    entry.stream === 'closes' && 'stream closes',
    cut && paint('cut', 'bad'),
    rpc && printable(rpc),
    session && paint(`session ${printable(session)}`, 'dim'),
    elsewhere && paint(`is on node ${elsewhere}, not here`, 'doubtful'),
  ]
    .filter(Boolean)
    .join('  ');
}

const pathColumns = 36; // of /mcp | /messages?sessionId=3f2a91c0…

function happened({ stream, id, status = 0, ms, bytes }: Entry, paint: Paint): string {
  if (stream === 'opens') return 'stream opens';
  const cost = [ms !== undefined && `${ms} ms`, `${bytes} B`].filter(Boolean).join('  ');
  if (stream === 'answers') return `answer to id ${printable(String(id))}  ${cost}`;
  return `${paint(String(status), tintOf(status))}  ${cost}`;
}

/** Where the server stands, as its operator's watch has it. */
function clock(time: string): string {
  return new Date(time).toTimeString().slice(0, 8);
}

function tintOf(status: number): Tint {
  if (status >= 500) return 'bad';
  return status >= 400 ? 'doubtful' : 'good';
}

type Paint = (text: string, tint: Tint) => string;
type Tint = keyof typeof tints;

const tints = { dim: 2, bad: 31, good: 32, doubtful: 33, prefix: 36 }; // SGR parameters

function painted(text: string, tint: Tint): string {
  return `\x1b[${tints[tint]}m${text}\x1b[0m`;
}
