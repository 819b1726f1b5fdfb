/**
 * Answers to what becomes no request for an app: CONNECT, what can't be read, what never ends.
 * Node would hang up on the first, and has for the others a status line alone.
 *
 * Of mcp-mount, MIT.
 */
import { type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Problem } from './problem.ts';
import { nosniff } from './response.ts';

/** @param isMidAnswer whether a head has gone out on this connection whose body has not */
export function answerUnread(server: Server, isMidAnswer: (socket: Duplex) => boolean): void {
  server.on('connect', (_req, socket) => {
    socket.on('error', () => {}); // it has left Node's care
    sendLast(socket, { status: 400, detail: 'This server is no proxy. Send a path.' });
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable || isMidAnswer(socket)) socket.destroy();
    else sendLast(socket, problems[error.code ?? ''] ?? unreadable);
  });
}

const unreadable = { status: 400, detail: "What came can't be read as an HTTP/1.1 request." };

/** As Node answers them. */
const problems: Record<string, Problem> = {
  HPE_HEADER_OVERFLOW: { status: 431, detail: 'Target and headers are over 16 KiB. Send less.' },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: 413, detail: 'A chunk has too many extensions.' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, detail: 'The request took too long to come.' },
};

function sendLast(socket: Duplex, problem: Problem): void {
  const title = STATUS_CODES[problem.status];
  const body = JSON.stringify({ type: 'about:blank', title, ...problem });
  const fields = Object.entries({
    'Content-Type': 'application/problem+json',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    Connection: 'close',
  });
  const head = [nosniff, ...fields].map(field => `${field.join(': ')}\r\n`).join('');
  const status = `HTTP/1.1 ${problem.status} ${title}\r\n`;
  socket.end(`${status}${head}\r\n${body}`, () => socket.destroy());
}
