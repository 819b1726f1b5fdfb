/**
 * Lets a suite that speaks Streamable HTTP alone test the legacy SSE transport.
 *
 *     suite ──POST /──►  bridge ──POST /deep/mcp/messages──►  server
 *     suite ◄──SSE────   bridge ◄──GET /deep/mcp/sse────────  server
 *
 * Messages pass as they are, and so do Host, Origin and what the server refuses: it is the
 * server that accepts, refuses and answers. The bridge's own are the session ids, their end by
 * DELETE, and on which response a message goes out; it resumes nothing.
 */
import { randomUUID } from 'node:crypto';
import {
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request,
  type ServerResponse,
} from 'node:http';
import { text } from 'node:stream/consumers';
import type { App } from '../../router.ts';

/** @param sseUrl where the stream of the server under test is */
export function sseBridge(sseUrl: URL): App {
  const sessions = new Map<string, Session>();

  async function post(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const body = await text(req);
    const message: Message = JSON.parse(body);
    const session =
      message.method === 'initialize' ? await open(req, res) : sessionOf(req, res, sessions);
    if (!session) return;
    const isCall = message.method !== undefined && message.id !== undefined;
    if (isCall) session.waiting.set(message.id, res); // first: the answer may overtake the 202
    const upstream = await send('POST', session.endpoint, { ...passed(req), ...json }, body);
    if (upstream.statusCode === 202 && isCall) return void upstream.resume();
    session.waiting.delete(message.id);
    relay(upstream, res);
  }

  async function open(req: IncomingMessage, res: ServerResponse): Promise<Session | undefined> {
    const stream = await send('GET', sseUrl, { ...passed(req), accept: 'text/event-stream' });
    if (stream.statusCode !== 200) return void relay(stream, res);
    const events = eventsOf(stream);
    const { value: first } = await events.next();
    if (first?.event !== 'endpoint') throw new Error('The stream does not begin with an endpoint.');
    const session = new Session(stream, new URL(first.data, sseUrl));
    sessions.set(session.id, session);
    void session.deliver(events).finally(() => sessions.delete(session.id));
    return session;
  }

  async function bridge(req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (req.method === 'POST') return post(req, res);
    const session = sessionOf(req, res, sessions);
    if (!session) return;
    if (req.method === 'GET') return session.listen(res);
    session.end();
    sessions.delete(session.id);
    res.writeHead(204).end();
  }

  return Object.assign(bridge, {
    close: async () => {
      for (const session of sessions.values()) session.end();
    },
  });
}

interface Message {
  id?: string | number;
  method?: string;
}

/** One stream of the server's, and the responses its messages go out on. */
class Session {
  readonly id = randomUUID();
  /** Where the server's endpoint event says to post. */
  readonly endpoint: URL;
  /** Calls in flight, oldest first. */
  readonly waiting = new Map<Message['id'], ServerResponse>();
  private readonly stream: IncomingMessage;
  private listening?: ServerResponse;
  private readonly held: string[] = [];

  constructor(stream: IncomingMessage, endpoint: URL) {
    this.stream = stream;
    this.endpoint = endpoint;
  }

  async deliver(events: AsyncIterable<SseEvent>): Promise<void> {
    for await (const { data } of events) {
      const { id, method }: Message = JSON.parse(data);
      if (method === undefined) this.answer(id, data);
      else this.tell(data);
    }
    for (const res of this.responses()) res.end();
  }

  /** GET: for what the server says while no call is in flight. */
  listen(res: ServerResponse): void {
    this.listening = res;
    this.begin(res).flushHeaders();
    for (const data of this.held.splice(0)) res.write(frameOf(data));
  }

  end(): void {
    this.stream.destroy();
    for (const res of this.responses()) res.end();
  }

  private answer(id: Message['id'], data: string): void {
    const res = this.waiting.get(id);
    this.waiting.delete(id);
    if (res) this.begin(res).end(frameOf(data));
  }

  /** The legacy stream does not say which call a message belongs to: the oldest gets it. */
  private tell(data: string): void {
    const [res = this.listening] = this.waiting.values();
    if (res) this.begin(res).write(frameOf(data));
    else this.held.push(data);
  }

  private begin(res: ServerResponse): ServerResponse {
    if (res.headersSent) return res;
    return res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Mcp-Session-Id': this.id });
  }

  private responses(): ServerResponse[] {
    return [...this.waiting.values(), ...(this.listening ? [this.listening] : [])];
  }
}

function sessionOf(
  { headers }: IncomingMessage,
  res: ServerResponse,
  sessions: Map<string, Session>,
): Session | undefined {
  const id = headers['mcp-session-id'];
  const session = typeof id === 'string' ? sessions.get(id) : undefined;
  if (!session) res.writeHead(id === undefined ? 400 : 404).end();
  return session;
}

const json = { 'content-type': 'application/json' };

/** What the server's guard looks at has to reach it as it came. */
function passed({ headers }: IncomingMessage): OutgoingHttpHeaders {
  const { host, origin } = headers;
  return { ...(host !== undefined && { host }), ...(origin !== undefined && { origin }) };
}

function send(
  method: string,
  url: URL,
  headers: OutgoingHttpHeaders,
  body?: string,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request(url, { method, headers }, resolve).once('error', reject).end(body);
  });
}

function relay(upstream: IncomingMessage, res: ServerResponse): void {
  const { 'content-type': type } = upstream.headers;
  res.writeHead(upstream.statusCode ?? 502, type === undefined ? {} : { 'Content-Type': type });
  upstream.pipe(res);
}

interface SseEvent {
  event: string;
  data: string;
}

async function* eventsOf(stream: IncomingMessage): AsyncGenerator<SseEvent, undefined> {
  let unread = '';
  stream.setEncoding('utf8');
  try {
    for await (const chunk of stream) {
      const frames = (unread + chunk).split('\n\n');
      unread = frames.pop() ?? '';
      for (const frame of frames) {
        const event = fieldOf(frame, 'event');
        if (event !== undefined) yield { event, data: fieldOf(frame, 'data') ?? '' };
      }
    }
  } catch {
    // the stream was cut; what it held has been delivered
  }
  return undefined;
}

function fieldOf(frame: string, name: string): string | undefined {
  const line = frame.split('\n').find(line => line.startsWith(`${name}: `));
  return line?.slice(name.length + 2);
}

function frameOf(data: string): string {
  return `event: message\ndata: ${data}\n\n`;
}
