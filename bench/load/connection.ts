/**
 * The lightest HTTP client that serves: one kept-alive socket, one request at a time, answers
 * found by a few searches in text. The client must never be what a benchmark waits for.
 */
import { connect, type Socket } from 'node:net';

export interface Reply {
  status: number;
  head: string;
  body: string;
}

export class Connection {
  readonly port: number;
  private readonly socket: Socket;
  private text = '';
  private settle: { resolve(reply: Reply): void; reject(error: Error): void } | undefined;

  constructor(port: number) {
    this.port = port;
    this.socket = open(port);
    this.socket.on('data', (chunk: string) => {
      this.text += chunk;
      const reply = parseReply(this.text);
      if (!reply) return;
      this.text = '';
      this.settle?.resolve(reply);
    });
    this.socket.on('close', () => this.settle?.reject(new Error('The server hung up.')));
    this.socket.on('error', error => this.settle?.reject(error));
  }

  send(request: string): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
      this.socket.write(request, 'latin1');
    });
  }

  close(): void {
    this.settle = undefined;
    this.socket.destroy();
  }
}

/** A response that does not end: `onEvent` gets each event's name and data. Returns its end. */
export function openStream(
  port: number,
  request: string,
  onEvent: (name: string, data: string) => void,
): () => void {
  const socket = open(port);
  let text = '';
  let events: string | undefined; // undefined until the head was read
  socket.on('data', (chunk: string) => {
    text += chunk;
    if (events === undefined) {
      const end = text.indexOf('\r\n\r\n');
      if (end === -1) return;
      if (!text.startsWith('HTTP/1.1 200')) throw new Error(`No stream: ${text}`);
      text = text.slice(end + 4);
      events = '';
    }
    const { body, end } = unchunk(text, 0);
    text = text.slice(end);
    const whole = (events + body).split('\n\n');
    events = whole.pop() ?? '';
    for (const event of whole) tell(event, onEvent);
  });
  socket.on('error', error => {
    throw error;
  });
  socket.write(request, 'latin1');
  return () => socket.destroy();
}

function tell(event: string, onEvent: (name: string, data: string) => void): void {
  const data = event.indexOf('data: ');
  if (data === -1) return; // a comment or a retry
  const name = event.startsWith('event: ') ? event.slice(7, event.indexOf('\n')) : 'message';
  onEvent(name, event.slice(data + 6));
}

function open(port: number): Socket {
  return connect({ port, host: '127.0.0.1', noDelay: true }).setEncoding('latin1');
}

/** Undefined until all of it has come. */
function parseReply(text: string): Reply | undefined {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd === -1) return undefined;
  const head = text.slice(0, headEnd);
  const status = Number(text.slice(9, 12));
  const from = headEnd + 4;
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  if (length !== undefined) {
    const end = from + Number(length);
    return text.length < end ? undefined : { status, head, body: text.slice(from, end) };
  }
  if (!/\r\ntransfer-encoding: chunked/i.test(head)) return { status, head, body: '' };
  const { body, ended } = unchunk(text, from);
  return ended ? { status, head, body } : undefined;
}

/** The chunks from `at` on that are whole, and where they end. */
function unchunk(text: string, at: number): { body: string; end: number; ended: boolean } {
  let body = '';
  for (;;) {
    const line = text.indexOf('\r\n', at);
    if (line === -1) return { body, end: at, ended: false };
    const size = Number.parseInt(text.slice(at, line), 16);
    const next = line + 2 + size + 2;
    if (text.length < next) return { body, end: at, ended: false };
    if (size === 0) return { body, end: next, ended: true };
    body += text.slice(line + 2, line + 2 + size);
    at = next;
  }
}
