/**
 * Requests as they were recorded, and answers in the form in which theirs were: session ids written
 * SESSION, the port PORT, the headers that a client acts on, a body's first characters.
 */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { parseAnswer } from '../support.ts';

export interface Recorded {
  method: string;
  target: string;
  /** Header lines beside Host, Content-Length and Connection. */
  head: string[];
  body: string;
  answer: Answer;
}

export interface Answer {
  /** 0 when the connection ended without one. */
  status: number;
  /** Names in lower case; none but those of `kept`. */
  headers: Record<string, string>;
  body: string;
}

/** What FastAPI answered, mounted at `/mcp` ('mcp') or at `/` ('root'): the same requests, in one order. */
export function recorded(mount: 'mcp' | 'root'): Recorded[] {
  const lines = readFileSync(new URL(`fastapi-${mount}.jsonl`, import.meta.url), 'utf8');
  return lines
    .trim()
    .split('\n')
    .map(line => JSON.parse(line));
}

/** What the server at `port` answers to it, on a connection of its own. A stream is left once it began. */
export function ask(port: number, request: Recorded): Promise<Answer> {
  return new Promise(done => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (hasBegun.test(text)) socket.destroy();
    });
    socket.on('error', () => {}); // 'close' follows, and what has come by then is the answer
    socket.once('close', () => done(asRecorded(text, port)));
    socket.write(bytesOf(request, port));
  });
}

const hasBegun = /content-type: text\/event-stream[\s\S]*\nretry: \d+\n\n/i;

function bytesOf({ method, target, head, body }: Recorded, port: number): string {
  const hasHost = head.some(line => line.startsWith('Host:'));
  const fields = [
    ...(hasHost ? [] : [`Host: localhost:${port}`]),
    ...head,
    ...(body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]),
    'Connection: close',
  ];
  return `${[`${method} ${target} HTTP/1.1`, ...fields].join('\r\n')}\r\n\r\n${body}`;
}

const kept = [
  'content-type',
  'location',
  'allow',
  'cache-control',
  'x-accel-buffering',
  'www-authenticate',
];
const keptChars = 400; // of a body
const sessionIds = /[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}/g;

function asRecorded(text: string, port: number): Answer {
  const answer = parseAnswer(text);
  if (!answer) return { status: 0, headers: {}, body: '' };
  const headers = Object.entries(answer.headers).filter(([name]) => kept.includes(name));
  const body = withoutChunks(answer.body)
    .replaceAll(sessionIds, 'SESSION')
    .replaceAll(String(port), 'PORT')
    .replaceAll('\r', '');
  return {
    status: answer.status,
    headers: Object.fromEntries(headers),
    body: body.slice(0, keptChars),
  };
}

/** As the recorder took them out: a line of hexadecimal digits alone is the size of what follows. */
function withoutChunks(body: string): string {
  return body.replace(/(^|\r\n)[0-9a-f]+\r\n/gi, '').replace(/\r\n0?\r?\n?$/g, '');
}
