/** Answers as they come on a bare connection: whole ones, one after the other, or its end. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { within } from './bound.ts';

export interface WireAnswer {
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  /** '' for a stream that stays open. */
  body: string;
}

export interface Wire {
  socket: Socket;
  /** One byte a character. */
  send(bytes: string): void;
  /** The next whole answer, or a stream's head; undefined when the connection ended before it. */
  next(method?: string): Promise<WireAnswer | undefined>;
  /** Resolves when the connection is over. */
  over(): Promise<void>;
}

export function wireOn(socket: Socket): Wire {
  let text = '';
  let onnews = () => {};
  const closed = new Promise<void>(done => socket.once('close', () => done()));
  closed.then(() => onnews());
  socket.on('error', () => {}); // 'close' follows
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk;
    onnews();
  });

  async function read(method: string): Promise<WireAnswer | undefined> {
    for (;;) {
      const taken = take(text, method, socket.closed);
      if (taken) text = taken.rest;
      if (taken || socket.closed) return taken?.answer;
      await new Promise<void>(done => (onnews = done));
    }
  }

  return {
    socket,
    send: bytes => void (socket.writable && socket.write(bytes, 'latin1')),
    next: (method = 'GET') => within(read(method), `an answer to a ${method} on a wire`),
    over: () => within(closed, 'the end of a wire'),
  };
}

interface Taken {
  answer: WireAnswer;
  rest: string;
}

/** undefined while there is more to come. */
function take(text: string, method: string, isOver: boolean): Taken | undefined {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd === -1) return undefined;
  const { status, headers } = parseHead(text.slice(0, headEnd));
  const rest = text.slice(headEnd + 4);
  if (status < 200) return take(rest, method, isOver); // 100 Continue: the answer follows
  const body = hasBody(method, status) ? bodyOf(rest, headers, isOver) : ['', rest];
  const [whole, after] = body ?? [];
  if (whole === undefined || after === undefined) return undefined;
  return { answer: { status, headers, body: whole }, rest: after };
}

function parseHead(head: string): Omit<WireAnswer, 'body'> {
  const [statusLine = '', ...lines] = head.split('\r\n');
  const fields = lines.map(line => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return { status: Number(statusLine.split(' ')[1]), headers: Object.fromEntries(fields) };
}

function hasBody(method: string, status: number): boolean {
  return method !== 'HEAD' && status !== 204 && status !== 304;
}

function bodyOf(
  text: string,
  headers: Record<string, string>,
  isOver: boolean,
): [body: string, rest: string] | undefined {
  const length = headers['content-length'];
  if (length !== undefined)
    return text.length < Number(length) ? undefined : cut(text, Number(length));
  if (headers['content-type'] === 'text/event-stream') return ['', text];
  if (headers['transfer-encoding'] === 'chunked') return dechunked(text);
  return isOver ? [text, ''] : undefined; // as HTTP/1.0 has it
}

function cut(text: string, at: number): [string, string] {
  return [text.slice(0, at), text.slice(at)];
}

function dechunked(text: string): [body: string, rest: string] | undefined {
  let [body, rest] = ['', text];
  for (;;) {
    const [line, size] = /^([0-9a-f]+)\r\n/.exec(rest) ?? [];
    if (line === undefined || size === undefined) return undefined;
    const [chunk, after] = cut(rest.slice(line.length), Number.parseInt(size, 16));
    if (!after.startsWith('\r\n')) return undefined;
    if (chunk === '') return [body, after.slice(2)];
    body += chunk;
    rest = after.slice(2);
  }
}

/** A request as it goes over the wire, its body with a length. */
export function bytesOf(
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: string,
): string {
  const length = body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
  const fields = Object.entries({ Host: 'localhost', ...length, ...headers });
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return `${method} ${path} HTTP/1.1\r\n${lines}\r\n${Buffer.from(body ?? '').toString('latin1')}`;
}

export const jsonType = { 'Content-Type': 'application/json' };

/** Answers that are right, until all are read or the connection ends. */
export async function readAll(wire: Wire, answers: number): Promise<void> {
  for (let left = answers; left > 0; left--) {
    const answer = await wire.next();
    if (!answer) return;
    assert.equal(answer.status, 200);
  }
}

/** Goes, at once. */
export function leave({ socket }: Wire, isReset: boolean): void {
  if (isReset) socket.resetAndDestroy();
  else socket.destroy();
}
