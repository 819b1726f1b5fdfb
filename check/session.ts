/** A session as a client has one, over either transport, and what can be said in it. */
import { randomUUID } from 'node:crypto';
import {
  asked,
  type Id,
  initializeParams,
  type Message,
  messagesIn,
  newest,
  posted,
  sessionless,
  type Voice,
  versionIn,
} from './messages.ts';
import type { EventStream } from './stream.ts';
import { Refused, Trouble } from './trouble.ts';
import type { Visit } from './visit.ts';
import type { Answer, Asked, Fields, Reply } from './wire.ts';

export interface OpenOptions {
  /** Asked for; what the server chooses is the session's `version`. */
  version?: string;
  headers?: Fields;
}

export abstract class Session implements Voice {
  abstract readonly kind: 'sse' | 'streamable';
  /** Where it posts: path and query. */
  readonly target: string;
  /** Undefined where the server keeps none, and where the place to post names it. */
  id: string | undefined;
  version: string;
  headers: Fields;
  /** What initialize, or its like, was answered with. */
  about: Message = { jsonrpc: '2.0' };
  protected readonly visit: Visit;

  constructor(visit: Visit, target: string, { version = newest, headers = {} }: OpenOptions) {
    this.visit = visit;
    this.target = target;
    this.version = version;
    this.headers = headers;
  }

  /** Posts a call and waits for its answer, wherever that comes. @throws Trouble without one */
  abstract call(method: string, params?: object, id?: Id): Promise<Message>;

  /** A call that every server answers and that changes nothing, ready to be posted. */
  ping(id: Id = randomUUID()): Asked {
    return asked(this, id, this.quietMethod);
  }

  /** @throws Trouble when it is not answered */
  async pong(): Promise<Message> {
    return this.call(this.quietMethod);
  }

  get quietMethod(): string {
    return this.version < sessionless ? 'ping' : 'server/discover';
  }

  protected async begin(): Promise<void> {
    this.about = await this.call('initialize', initializeParams(this.version), 0);
    this.version = versionIn(this.about) ?? this.version;
    this.headers = { ...this.headers, 'Mcp-Protocol-Version': this.version };
    await this.visit.ask(this.target, posted(this, initialized));
  }
}

const initialized = { jsonrpc: '2.0', method: 'notifications/initialized' };

/** Over Streamable HTTP. */
export class StreamableSession extends Session {
  readonly kind = 'streamable';

  static async open(visit: Visit, path: string, options: OpenOptions = {}) {
    const session = new StreamableSession(visit, path, options);
    if (session.version < sessionless) await session.begin();
    else await session.discover();
    return session;
  }

  async call(method: string, params?: object, id: Id = randomUUID()): Promise<Message> {
    const said = asked(this, id, method, params);
    const reply = await this.visit.request(this.target, said);
    if (method === 'initialize') this.keep(reply);
    const message = await answerIn(reply, id);
    if (message && (reply.status < 400 || message.result)) return message;
    throw new Refused(nameOf('POST', this.target), reply);
  }

  /** From 2026-07-28 on nothing is opened; the server says what it is. */
  private async discover(): Promise<void> {
    this.headers = { ...this.headers, 'Mcp-Protocol-Version': this.version };
    this.about = await this.call(this.quietMethod);
  }

  private keep(reply: Answer): void {
    this.id = headerOf(reply, 'mcp-session-id');
    if (this.id !== undefined) this.headers = { ...this.headers, 'Mcp-Session-Id': this.id };
  }
}

/** The message that answers `id`, of a whole body or of a stream. */
export async function answerIn({ body, stream }: Reply, id: Id): Promise<Message | undefined> {
  const answers = (message: Message) => message.id === id && !message.method;
  if (!stream) return messagesIn(body).find(answers);
  try {
    const frame = await stream.find(({ data = '' }) => messagesIn(data).some(answers));
    return messagesIn(frame?.data ?? '').find(answers);
  } finally {
    stream.close();
  }
}

/** Of the endpoint event's data, the place to post to: path and query. */
export type Locate = (endpoint: string) => string;

/** A stream of the older transport, before a word was said. */
export interface SseOpening {
  stream: EventStream;
  /** The endpoint event's data. */
  endpoint: string;
}

/** @throws Trouble when no stream with an endpoint event comes */
export async function openSseStream(
  visit: Visit,
  path: string,
  headers: Fields = {},
): Promise<SseOpening> {
  const { stream, ...answer } = await visit.request(path, {
    headers: { Accept: 'text/event-stream', ...headers },
  });
  if (!stream) throw new Refused(`GET ${path}`, answer);
  const frame = await stream.find(({ event }) => event === 'endpoint');
  if (!frame) throw new Trouble('refused', `GET ${path} ends before an endpoint event`);
  return { stream, endpoint: frame.data ?? '' };
}

/** Over the older SSE transport. */
export class SseSession extends Session {
  readonly kind = 'sse';
  readonly stream: EventStream;
  /** Messages that came on the stream and answer nothing that was asked on it. */
  readonly strays: Message[] = [];
  private readonly waiting = new Map<Id, (message: Message | undefined) => void>();

  static async open(visit: Visit, path: string, locate: Locate, options: OpenOptions = {}) {
    const opening = await openSseStream(visit, path, options.headers);
    return SseSession.on(visit, opening, locate(opening.endpoint), options);
  }

  /** On a stream that is open. */
  static async on(visit: Visit, { stream }: SseOpening, target: string, options: OpenOptions = {}) {
    const session = new SseSession(visit, target, stream, options);
    await session.begin();
    return session;
  }

  private constructor(visit: Visit, target: string, stream: EventStream, options: OpenOptions) {
    super(visit, target, options);
    this.stream = stream;
    this.listen().catch(() => {}); // it ends with its stream
  }

  async call(method: string, params?: object, id: Id = randomUUID()): Promise<Message> {
    const answered = this.answerTo(id);
    answered.catch(() => {}); // matters only once the POST is taken
    const answer = await this.visit.ask(this.target, asked(this, id, method, params));
    if (answer.status >= 300) throw new Refused(nameOf('POST', this.target), answer);
    return answered;
  }

  /** The next message that answers `id`. @throws Trouble when none comes in time */
  answerTo(id: Id): Promise<Message> {
    const { patienceMs } = this.visit;
    return new Promise((resolve, reject) => {
      const fail = (trouble: Trouble) => {
        this.waiting.delete(id);
        reject(trouble);
      };
      const timer = setTimeout(() => fail(new Trouble('silent', unanswered)), patienceMs);
      this.waiting.set(id, message => {
        clearTimeout(timer);
        if (message) resolve(message);
        else fail(new Trouble('closed', 'The stream ended before the answer came'));
      });
    });
  }

  private async listen(): Promise<void> {
    for (;;) {
      const frame = await this.stream.next(Number.POSITIVE_INFINITY);
      if (!frame) break;
      for (const message of messagesIn(frame.data ?? '')) this.take(message);
    }
    for (const done of this.waiting.values()) done(undefined);
  }

  private take(message: Message): void {
    const done = message.method ? undefined : this.waiting.get(message.id ?? '');
    if (!done) return void (this.strays.length < maxStrays && this.strays.push(message));
    this.waiting.delete(message.id ?? '');
    done(message);
  }
}

const maxStrays = 1_000; // one is enough to be told of
const unanswered = 'What was posted was taken, but no answer came on the stream';

export function headerOf({ headers }: Answer, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}

/** `POST /mcp/messages?…`: without what may name a session. */
export function nameOf(method: string, target: string): string {
  return `${method} ${target.replace(/\?.*$/s, '?…')}`;
}
