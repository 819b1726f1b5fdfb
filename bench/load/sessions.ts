/** An MCP client's sessions on both transports, as light as the connections below them. */
import { type Connection, openStream, type Reply } from './connection.ts';

export type TransportKind = 'sse' | 'streamable';

export interface LoadSession {
  /** The answer's text, once all of it is here. */
  call(method: string, params?: object): Promise<string>;
  close(): Promise<void>;
}

/** Opens a session as a client does: initialize, its answer, notifications/initialized. */
export function openSession(kind: TransportKind, poster: Connection): Promise<LoadSession> {
  return kind === 'sse' ? openSse(poster) : openStreamable(poster);
}

const protocolVersion = '2025-11-25';
const clientInfo = { name: 'bench', version: '0' };
const hello = { protocolVersion, capabilities: {}, clientInfo };
const initialized = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' });

async function openSse(poster: Connection): Promise<LoadSession> {
  let endpoint = '';
  let lastId = 0;
  let arrived = (_data: string) => {};
  const next = () => new Promise<string>(resolve => (arrived = resolve));
  const first = next();
  const head = `GET /mcp/sse HTTP/1.1\r\nHost: 127.0.0.1:${poster.port}\r\nAccept: text/event-stream\r\n\r\n`;
  const end = openStream(poster.port, head, (_name, data) => arrived(data));
  endpoint = await first;

  async function call(method: string, params?: object): Promise<string> {
    const id = ++lastId;
    const answer = next();
    const body = JSON.stringify({ jsonrpc: '2.0', id, method, params });
    const [data, reply] = await Promise.all([answer, post(poster, endpoint, body)]);
    if (reply.status !== 202) throw new Error(`${method}: ${reply.head}`);
    return checked(data, id);
  }

  await call('initialize', hello);
  await post(poster, endpoint, initialized);
  return { call, close: async () => end() };
}

async function openStreamable(poster: Connection): Promise<LoadSession> {
  let lastId = 0;
  let headers = '';

  async function call(method: string, params?: object): Promise<string> {
    const id = ++lastId;
    const body = JSON.stringify({ jsonrpc: '2.0', id, method, params });
    const reply = await post(poster, '/mcp', body, headers);
    if (reply.status !== 200) throw new Error(`${method}: ${reply.head} ${reply.body}`);
    if (headers === '') headers = sessionHeaders(reply);
    return checked(reply.body, id);
  }

  async function close(): Promise<void> {
    const { status } = await poster.send(
      `DELETE /mcp HTTP/1.1\r\nHost: 127.0.0.1:${poster.port}\r\n${headers}\r\n`,
    );
    if (status !== 200 && status !== 204) throw new Error(`DELETE: ${status}`);
  }

  await call('initialize', hello);
  await post(poster, '/mcp', initialized, headers);
  return { call, close };
}

function sessionHeaders({ head }: Reply): string {
  const id = /\r\nmcp-session-id: (\S+)/i.exec(head)?.[1];
  return `Mcp-Session-Id: ${id}\r\nMcp-Protocol-Version: ${protocolVersion}\r\n`;
}

function checked(answer: string, id: number): string {
  if (answer.includes('"result":') && answer.includes(`"id":${id}`)) return answer;
  throw new Error(`Not the answer to call ${id}: ${answer}`);
}

function post(to: Connection, path: string, body: string, headers = ''): Promise<Reply> {
  return to.send(
    `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${to.port}\r\nContent-Type: application/json\r\n` +
      `Accept: application/json, text/event-stream\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`,
  );
}
