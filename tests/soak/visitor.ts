/** One client for as long as it stays: what it asks, each answer within a bound, what it leaves. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  Agent,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
} from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { within } from './bound.ts';
import type { ExpectedList, Item } from './list.ts';
import { type Wire, wireOn } from './wire.ts';

export interface Visitor {
  port: number;
  list: ExpectedList;
  /** Its name; part of the names it writes. */
  number: number;
  agent: Agent;
  /** To be done when it leaves, however the visit ended. */
  onleave(undo: () => unknown): void;
}

/** Has a client come, do what `visit` says, and leave with all it holds. */
export async function host(
  where: { port: number; list: ExpectedList; number: number },
  visit: (visitor: Visitor) => Promise<void>,
): Promise<void> {
  const agent = new Agent({ keepAlive: true });
  const undos: (() => unknown)[] = [() => agent.destroy()];
  try {
    await within(visit({ ...where, agent, onleave: undo => undos.push(undo) }), 'all of it', 8);
  } finally {
    for (const undo of undos.reverse()) await undo();
  }
}

export type Headers = Record<string, string>;

export interface Asked {
  method?: string;
  path: string;
  headers?: Headers;
  body?: unknown;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A request, and its answer to the end. A body that is no text goes as JSON. */
export async function ask(visitor: Visitor, asked: Asked): Promise<Answer> {
  const res = await begin(visitor, asked);
  const body = await within(text(res), `the rest of ${nameOf(asked)}`);
  return { status: res.statusCode ?? 0, headers: res.headers, body };
}

/** As ask(), where one status alone is right. */
export async function expect(visitor: Visitor, status: number, asked: Asked): Promise<Answer> {
  const answer = await ask(visitor, asked);
  assert.equal(answer.status, status, `${nameOf(asked)}: ${answer.body.slice(0, 200)}`);
  return answer;
}

async function begin(visitor: Visitor, asked: Asked): Promise<IncomingMessage> {
  const req = send(visitor, asked);
  try {
    const [res] = await within(once(req, 'response'), nameOf(asked));
    req.on('error', () => {}); // it is told on `res`, too
    return res;
  } catch (error) {
    // It had been idle, and was closed just as it was used again: try another (RFC 9112, 9.3.1).
    if (req.reusedSocket && codeOf(error) === 'ECONNRESET') return begin(visitor, asked);
    throw error;
  }
}

function send(
  { port, agent }: Visitor,
  { method = 'GET', path, headers = {}, body }: Asked,
): ClientRequest {
  const type = body === undefined ? {} : { 'Content-Type': 'application/json' };
  const fields = { ...type, ...headers };
  const req = request({ host: '127.0.0.1', port, method, path, headers: fields, agent });
  return req.end(typeof body === 'object' ? JSON.stringify(body) : body);
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function nameOf({ method = 'GET', path }: Asked): string {
  return `${method} ${path}`;
}

export interface Frame {
  event?: string;
  id?: string;
  data?: string;
}

export interface Stream {
  status: number;
  headers: IncomingHttpHeaders;
  /** The first that `isIt`, from here on; undefined when the stream ends before. */
  find(isIt: (frame: Frame) => boolean): Promise<Frame | undefined>;
  /** Goes away without reading on. */
  cut(): void;
}

export async function openStream(visitor: Visitor, asked: Asked): Promise<Stream> {
  const res = await begin(visitor, asked);
  const frames = framesIn(res);
  async function find(isIt: (frame: Frame) => boolean): Promise<Frame | undefined> {
    for (;;) {
      const { value } = await frames.next();
      if (!value || isIt(value)) return value ?? undefined;
    }
  }
  const what = `what is looked for on the stream of ${nameOf(asked)}`;
  return {
    status: res.statusCode ?? 0,
    headers: res.headers,
    find: isIt => within(find(isIt), what),
    cut: () => res.destroy(),
  };
}

async function* framesIn(res: IncomingMessage): AsyncGenerator<Frame, void> {
  let rest = '';
  try {
    for await (const chunk of res.setEncoding('utf8')) {
      const blocks = `${rest}${chunk}`.split('\n\n');
      rest = blocks.pop() ?? '';
      yield* blocks.map(toFrame);
    }
  } catch {} // cut, by whichever side: its end as well
}

/** The frames of a stream that was read to its end. */
export function framesOf(body: string): Frame[] {
  return body.split('\n\n').map(toFrame);
}

function toFrame(block: string): Frame {
  const fields = block.split('\n').map(line => {
    const [, name = '', value = ''] = /^([^:]*): ?(.*)$/.exec(line) ?? [];
    return [name, value];
  });
  return Object.fromEntries(fields);
}

/** A connection whose bytes the client says one by one. */
export async function openWire({ port, onleave }: Visitor): Promise<Wire> {
  const socket = connect(port, '127.0.0.1');
  onleave(() => socket.destroy());
  await within(once(socket, 'connect'), 'a connection');
  return wireOn(socket);
}

export interface NewItem {
  name: string;
  quantity: number;
  purchased: boolean;
}

/** Writes an item on the web, and notes that it was acknowledged. */
export async function addItem(visitor: Visitor, wanted: NewItem): Promise<Item> {
  const { body } = await expect(visitor, 201, { method: 'POST', path: '/items/', body: wanted });
  return acknowledged(visitor, wanted, JSON.parse(body));
}

/** Notes what the server says it wrote, which must be what was asked for. */
export function acknowledged({ list }: Visitor, wanted: Partial<Item>, item: Item): Item {
  list.has(item);
  assert.deepEqual(item, { ...item, ...wanted });
  return item;
}
