/**
 * HTTP as it is on the wire: one request, one stream, or bytes as they are, each on a connection of
 * its own. Each ends in bounded time: with an answer, or with a Trouble that says what came instead.
 */
import {
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type Socket, connect as tcpConnect } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { EventStream } from './stream.ts';
import { type Place, silence, troubleOf, unended } from './trouble.ts';

export type Fields = Record<string, string>;

export interface Asked {
  method?: string;
  headers?: Fields;
  body?: string;
}

/** The target with another path before its query. */
export function withPath(target: string, change: (path: string) => string): string {
  const [path = '', ...query] = target.split(/(?=\?)/);
  return change(path) + query.join('');
}

/** The same request with these headers in the place of its own. */
export function withHeaders(asked: Asked, headers: Fields): Asked {
  return { ...asked, headers: { ...asked.headers, ...headers } };
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  /** Up to a bound; empty where the answer is an event stream. */
  body: string;
}

/** An answer whose stream is still to be read; whoever has it closes it. */
export interface Reply extends Answer {
  stream?: EventStream;
}

export interface Line extends Place {
  /** Ends whatever is still going on. */
  signal: AbortSignal;
}

/** One request, its answer read to the end, or, of an event stream, as it comes. */
export async function request(line: Line, target: string, asked: Asked = {}): Promise<Reply> {
  const res = await begin(line, target, asked);
  const { statusCode: status = 0, headers } = res;
  if (!isEventStream(headers)) return { status, headers, body: await textOf(line, res) };
  return { status, headers, body: '', stream: new EventStream(res, line) };
}

export function isEventStream(headers: IncomingHttpHeaders): boolean {
  return headers['content-type']?.startsWith('text/event-stream') ?? false;
}

function begin(line: Line, target: string, asked: Asked): Promise<IncomingMessage> {
  const { origin, patienceMs, signal } = line;
  const { method = 'GET', headers = {}, body } = asked;
  const send = origin.protocol === 'https:' ? httpsRequest : httpRequest;
  const options: RequestOptions = { ...addressOf(origin), path: target, method, headers, signal };
  return new Promise((resolve, reject) => {
    const req = send({ ...options, agent: false });
    const timer = setTimeout(() => req.destroy(silence(line)), patienceMs);
    req.once('close', () => clearTimeout(timer));
    req.once('response', res => {
      clearTimeout(timer);
      res.on('error', () => {}); // whoever reads it hears of it from its stream
      resolve(res);
    });
    req.on('error', error => reject(troubleOf(error, line)));
    req.end(body);
  });
}

function addressOf(origin: URL): { host: string; port: number } {
  const host = origin.hostname.replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(origin.port || (origin.protocol === 'https:' ? 443 : 80)) };
}

const maxBodyChars = 1_000_000; // of an answer; what follows is not looked at

async function textOf(line: Line, res: IncomingMessage): Promise<string> {
  const timer = setTimeout(() => res.destroy(unended(line)), line.patienceMs);
  let text = '';
  try {
    for await (const chunk of res.setEncoding('utf8')) {
      text += chunk;
      if (text.length > maxBodyChars) break;
    }
    return text;
  } catch (error) {
    throw troubleOf(error, line);
  } finally {
    clearTimeout(timer);
  }
}

/** What one connection answers to bytes as they are. */
export interface Raw {
  send(bytes: string): void;
  /** Resolves once as many answers have begun, or none can come any more. */
  status(nth?: number): Promise<number | 'closed' | 'silent'>;
  /** Whether an answer has begun, or none can come any more. */
  isAnswered(): boolean;
  /** Whether it has ended. */
  isOver(): boolean;
  /** Resolves with whether what was sent has left: false where the other side stopped reading. */
  drained(): Promise<boolean>;
  close(): void;
}

/** A connection whose bytes the caller says, past every rule of an HTTP client. */
export function openRaw(line: Line): Raw {
  const socket = connectTo(line);
  let received = '';
  let over = false;
  let changed = () => {};
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    if (received.length < maxBodyChars) received += chunk;
    changed();
  });
  socket.on('error', () => {}); // 'close' follows
  socket.once('close', () => {
    over = true;
    changed();
  });
  line.signal.addEventListener('abort', () => socket.destroy(), { once: true });

  function status(nth = 1): Promise<number | 'closed' | 'silent'> {
    return new Promise(resolve => {
      const timer = setTimeout(() => resolve('silent'), line.patienceMs);
      changed = () => {
        const code = statusesIn(received)[nth - 1];
        if (code === undefined && !over) return;
        clearTimeout(timer);
        resolve(code ?? 'closed');
      };
      changed();
    });
  }

  function drained(): Promise<boolean> {
    if (over || !socket.writableNeedDrain) return Promise.resolve(true);
    return new Promise(resolve => {
      const timer = setTimeout(() => settle(false), line.patienceMs);
      const done = () => settle(true);
      const settle = (left: boolean) => {
        clearTimeout(timer);
        socket.off('drain', done).off('close', done);
        resolve(left);
      };
      socket.on('drain', done).on('close', done);
    });
  }

  const isOver = () => over;
  const isAnswered = () => over || statusesIn(received).length > 0;
  const send = (bytes: string) => void (over || socket.write(bytes, 'latin1'));
  return { send, status, isAnswered, isOver, drained, close: () => socket.destroy() };
}

function connectTo({ origin }: Line): Socket {
  const { host, port } = addressOf(origin);
  if (origin.protocol !== 'https:') return tcpConnect({ host, port });
  return tlsConnect({ host, port, ...(isIP(host) === 0 && { servername: host }) });
}

function statusesIn(received: string): number[] {
  return [...received.matchAll(/^HTTP\/1\.[01] (\d{3})/gm)].map(([, code]) => Number(code));
}

/** A request as bytes. */
export function bytesOf(
  target: string,
  { method = 'GET', headers = {}, body = '' }: Asked,
): string {
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return `${[`${method} ${target} HTTP/1.1`, ...fields].join('\r\n')}\r\n\r\n${body}`;
}
