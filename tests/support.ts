/** What several tests need: an App on a free port, a client on it, a wait for an event. */
import { createServer, type Server } from 'node:http';
import { connect as connectTo } from 'node:net';
import type { TestContext } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { App } from '../http/app.ts';
import { held } from './held.ts';

/** Serves `app` on loopback until the test ends. Returns its origin, 'http://127.0.0.1:…'. */
export async function serve(t: TestContext, app: App): Promise<string> {
  const server = createServer(held(app));
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  t.after(() => stopServer(server));
  return `http://127.0.0.1:${portOf(server)}`;
}

export function portOf(server: Server): number {
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('The server is not listening.');
  return address.port;
}

export async function stopServer(server: Server): Promise<void> {
  await new Promise<void>(done => {
    server.close(() => done());
    server.closeAllConnections();
  });
  // Node says so before its sockets say theirs, with which streams and sessions end.
  for (let turn = 0; turn < 2; turn++) await new Promise(setImmediate);
}

export type Transport = 'sse' | 'streamable';

/** The SDK's own client, connected to `url`; closed when the test ends. */
export async function connect(
  t: TestContext,
  url: string,
  transport: Transport = 'sse',
  headers: Record<string, string> = {},
): Promise<Client> {
  const client = new Client({ name: 'test', version: '0' });
  t.after(() => client.close()); // also one that never got through, and tries again
  const options = { requestInit: { headers } };
  await client.connect(
    transport === 'sse'
      ? new SSEClientTransport(new URL(url), options)
      : // its optional sessionId does not fit exactOptionalPropertyTypes
        (new StreamableHTTPClientTransport(new URL(url), options) as never),
  );
  return client;
}

export interface RawAnswer {
  status: number;
  /** Names in lower case, as Node reads them. */
  headers: Record<string, string>;
  body: string;
}

/**
 * Sends `bytes` (one character each) on a fresh connection to `port` on loopback, past any URL
 * parser. Resolves once the server has closed it, or with the head of an event stream; rejects
 * when no whole head came.
 */
export function sendRaw(port: number, bytes: string): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connectTo(port, '127.0.0.1');
    let text = '';
    let reason = new Error('The server closed the connection without an answer.');
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
      if (parseAnswer(text)?.headers['content-type'] === 'text/event-stream') socket.destroy();
    });
    socket.once('error', error => {
      reason = error;
    });
    socket.once('close', () => {
      const answer = parseAnswer(text);
      if (answer) resolve(answer);
      else reject(reason);
    });
    socket.write(bytes, 'latin1');
  });
}

export function parseAnswer(text: string): RawAnswer | undefined {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd === -1) return undefined;
  const [statusLine = '', ...fields] = text.slice(0, headEnd).split('\r\n');
  const headers: Record<string, string> = {};
  for (const field of fields) {
    const colon = field.indexOf(':');
    headers[field.slice(0, colon).toLowerCase()] = field.slice(colon + 1).trim();
  }
  return { status: Number(statusLine.split(' ')[1]), headers, body: text.slice(headEnd + 4) };
}
