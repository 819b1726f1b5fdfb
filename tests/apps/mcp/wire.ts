/** MCP as it is on the wire, without an SDK between: messages posted, streams read frame by frame. */
import assert from 'node:assert/strict';
import type { Channel } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import {
  type JSONRPCMessage,
  JSONRPCMessageSchema,
  type JSONRPCRequest,
  LATEST_PROTOCOL_VERSION,
  type RequestId,
} from '@modelcontextprotocol/sdk/types.js';
import { parseAnswer, type RawAnswer } from '../../support.ts';

export type Headers = Record<string, string>;

export interface Asked {
  method?: string;
  headers?: Headers;
  body?: string;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

const askMs = 10_000; // what is silent that long is a stream, which openStream() is for

/** One request on a connection of its own, with Host and Origin as given, read to its end. */
export async function ask(url: string, asked: Asked = {}): Promise<Answer> {
  const res = await begin(url, asked);
  res.setTimeout(askMs, () => res.destroy(new Error(`${url} has not ended its answer.`)));
  return { status: res.statusCode ?? 0, headers: res.headers, body: await text(res) };
}

async function begin(url: string, { method, headers, body }: Asked): Promise<IncomingMessage> {
  const req = request(url, { method: method ?? 'GET', headers: headers ?? {}, agent: false });
  req.end(body);
  const [res] = await once(req, 'response');
  return res;
}

export interface Frame {
  event?: string;
  id?: string;
  retry?: string;
  data?: string;
  comment?: string;
}

export interface Stream {
  status: number;
  headers: IncomingHttpHeaders;
  /** The next frame; undefined at the end of the stream. */
  next(): Promise<Frame | undefined>;
  /** The next frame that carries a message. */
  message(): Promise<{ id: string | undefined; message: JSONRPCMessage }>;
  /** Goes away without reading on. */
  cut(): void;
}

/** A request whose answer is read as it comes; gone when the test ends. */
export async function openStream(t: TestContext, url: string, asked: Asked = {}): Promise<Stream> {
  const res = await begin(url, asked);
  const frames = framesIn(res);
  t.after(() => res.destroy());

  async function next(): Promise<Frame | undefined> {
    const { value, done } = await frames.next();
    return done ? undefined : value;
  }

  async function message() {
    for (;;) {
      const frame = await next();
      assert.ok(frame, 'the stream ended before its message came');
      if (frame.data) return { id: frame.id, message: parseMessage(frame.data) };
    }
  }

  const cut = () => void res.destroy();
  return { status: res.statusCode ?? 0, headers: res.headers, next, message, cut };
}

async function* framesIn(res: IncomingMessage): AsyncGenerator<Frame, void> {
  let rest = '';
  for await (const chunk of res.setEncoding('utf8')) {
    const blocks = `${rest}${chunk}`.split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) yield parseFrame(block);
  }
}

function parseFrame(block: string): Frame {
  const fields = block.split('\n').map(line => {
    const [, name, value] = /^([^:]*): ?(.*)$/.exec(line) ?? ['', line, ''];
    return [name || 'comment', value];
  });
  return Object.fromEntries(fields);
}

function parseMessage(json: string): JSONRPCMessage {
  return JSONRPCMessageSchema.parse(JSON.parse(json));
}

/** The messages of a whole answer, whether it is JSON or events. */
export function messagesIn({ headers, body }: Answer): JSONRPCMessage[] {
  if (headers['content-type'] === 'application/json') return [JSON.parse(body)].flat();
  const frames = body.split('\n\n').map(parseFrame);
  return frames.flatMap(({ data }) => (data ? [parseMessage(data)] : []));
}

export function call(id: RequestId, method: string, params: object = {}): JSONRPCRequest {
  return { jsonrpc: '2.0', id, method, params: { ...params } };
}

export function toolCall(id: RequestId, name: string, args: object = {}): JSONRPCRequest {
  return call(id, 'tools/call', { name, arguments: args });
}

export function initialize(protocolVersion = LATEST_PROTOCOL_VERSION): JSONRPCRequest {
  const clientInfo = { name: 'wire', version: '0' };
  return call('initialize', 'initialize', { protocolVersion, capabilities: {}, clientInfo });
}

export const postHeaders = {
  'Content-Type': 'application/json',
  Accept: 'application/json, text/event-stream',
};

export function posted(messages: object, headers: Headers = {}): Required<Asked> {
  const body = JSON.stringify(messages);
  return { method: 'POST', headers: { ...postHeaders, ...headers }, body };
}

export function post(url: string, messages: object, headers: Headers = {}): Promise<Answer> {
  return ask(url, posted(messages, headers));
}

/** Opens a Streamable HTTP session. Returns the headers that name it from then on. */
export async function openSession(
  url: string,
  headers: Headers = {},
  version = LATEST_PROTOCOL_VERSION,
): Promise<Headers> {
  const answer = await post(url, initialize(version), headers);
  const id = answer.headers['mcp-session-id'];
  assert.ok(typeof id === 'string', `${answer.status} ${answer.body}`);
  return { ...headers, 'Mcp-Session-Id': id, 'Mcp-Protocol-Version': version };
}

/** Opens a session of the older SSE transport. */
export async function openSse(
  t: TestContext,
  url: string,
  headers: Headers = {},
): Promise<Stream & { messages: string }> {
  const stream = await openStream(t, url, { headers });
  const endpoint = await stream.next();
  assert.equal(endpoint?.event, 'endpoint');
  return { ...stream, messages: new URL(endpoint?.data ?? '', url).href };
}

/** A connection whose bytes the test says one by one. */
export interface Raw {
  socket: Socket;
  send(bytes: string): void;
  /** The answer, once it is whole or the server has closed; rejects when none came. */
  answer: Promise<RawAnswer>;
  /** Resolves when the connection is over, however. */
  closed: Promise<void>;
}

export function openRaw(t: TestContext, port: number): Raw {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1');
  t.after(() => socket.destroy());
  const closed = new Promise<void>(done => socket.once('close', () => done()));
  const answer = new Promise<RawAnswer>((resolve, reject) => {
    let received = '';
    socket.on('data', chunk => {
      received += chunk;
      const answer = parseAnswer(received);
      if (answer && answer.body.length >= Number(answer.headers['content-length'])) resolve(answer);
    });
    socket.once('close', () => {
      const answer = parseAnswer(received);
      if (answer) resolve(answer);
      else reject(new Error('The server closed the connection without an answer.'));
    });
  });
  socket.on('error', () => {}); // 'close' follows, and tells all there is to tell
  answer.catch(() => {}); // matters only to who waits for it
  return { socket, send: bytes => void socket.write(bytes, 'latin1'), answer, closed };
}

/** A promise that the test resolves. */
export function gate(): { opened: Promise<void>; open(): void } {
  let open = () => {};
  const opened = new Promise<void>(done => {
    open = done;
  });
  return { opened, open };
}

/** What a channel publishes from now on, and a wait until that is enough. */
export function eventsOf<Event>(t: TestContext, channel: Channel) {
  const seen: Event[] = [];
  let check = () => {};
  const listener = (event: unknown) => {
    seen.push(event as Event); // the caller names the type that the channel's comment names
    check();
  };
  channel.subscribe(listener);
  t.after(() => channel.unsubscribe(listener));
  function until(enough: (seen: Event[]) => boolean): Promise<Event[]> {
    return new Promise(done => {
      check = () => enough(seen) && done(seen);
      check();
    });
  }
  return { seen, until };
}
