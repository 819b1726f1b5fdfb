/** What is posted: bounded, and looked at before it is believed. */
import { randomBytes } from 'node:crypto';
import type { Found } from '../discover.ts';
import type { Door } from '../doors.ts';
import {
  atEachDoor,
  inEachSession,
  isRefusal,
  judged,
  notLookedAt,
  type Outcome,
  pass,
  type Theme,
} from '../probe.ts';
import { nameOf, type Session } from '../session.ts';
import type { Visit } from '../visit.ts';
import { type Asked, type Fields, withHeaders } from '../wire.ts';
import { scrambled } from './sessions.ts';

export const bodies: Theme = {
  name: 'What is posted',
  probes: [
    {
      id: 'declared',
      title: 'A body that says it is too large is refused before it comes',
      remedy: 'Look at Content-Length first: 413, and read nothing.',
      threads: ['measured: the SDK waits for 100 MB'],
      run: (visit, found) => inEachSession(visit, found, session => declared(visit, session)),
    },
    {
      id: 'endless',
      title: 'A body without an end is refused in the middle',
      remedy: 'Count the bytes as they come: 413 past the bound, and close.',
      threads: ['RFC 9110, 15.5.14'],
      when: 'alone',
      run: (visit, found) => inEachSession(visit, found, session => endless(visit, session)),
    },
    {
      id: 'stranger',
      title: 'Who asks is looked at before what is posted is read',
      remedy: 'Look for the token and the session first; else anybody fills your memory.',
      threads: ['measured: 4 MB of body, 1.5 GB of memory'],
      run: (visit, found) => atEachDoor(found, door => stranger(visit, found, door)),
    },
    {
      id: 'malformed',
      title: 'A body that is no JSON is a 400 that gives nothing away',
      remedy: 'Answer 400 with a text of your own: no stack, no path, and not the body again.',
      threads: ['measured: SSEServerTransport sends it back'],
      run: (visit, found) => inEachSession(visit, found, session => malformed(visit, session)),
    },
    {
      id: 'encoding',
      title: 'A body in an encoding nobody knows is refused',
      remedy: 'Answer 415 to any Content-Encoding you do not decode.',
      threads: ['RFC 9110, 8.4'],
      run: (visit, found) => inEachSession(visit, found, session => encoding(visit, session)),
    },
    {
      id: 'deep',
      title: 'JSON that nests without end is no more than a refusal',
      remedy: 'Bound how deep JSON may nest before a schema walks it.',
      threads: ['measured: the stack overflows at thousands'],
      when: 'alone',
      run: (visit, found) => inEachSession(visit, found, session => deep(visit, session)),
    },
  ],
};

/** The head of a POST at a door, and none of its body. */
function headOf(visit: Visit, target: string, headers: Fields): string {
  return visit.bytes(target, { method: 'POST', headers });
}

/** Those of a message, but for its length. */
function fieldsOf(session: Session): Fields {
  const { 'Content-Length': _, ...fields } = session.ping().headers ?? {};
  return fields;
}

const declaredBytes = 100 * 1024 * 1024; // beyond what any server takes; not one of them is sent

async function declared(visit: Visit, session: Session): Promise<Outcome> {
  const { target } = session;
  const fields = { ...fieldsOf(session), 'Content-Length': String(declaredBytes) };
  const raw = visit.raw();
  raw.send(headOf(visit, target, fields));
  const status = await raw.status();
  raw.close();
  const seen = `${nameOf('POST', target)} that declares 100 MB and sends none: ${status}`;
  return judged(isRefused(status), seen);
}

function isRefused(status: number | 'closed' | 'silent'): boolean {
  return status === 'closed' || (status !== 'silent' && isRefusal(status));
}

const block = 'x'.repeat(64 * 1024);
const maxPouredBytes = 16 * 1024 * 1024; // four times what the SDK takes: enough to see a bound

/** Never finished, so whoever swallows it can't act on it. */
async function endless(visit: Visit, session: Session): Promise<Outcome> {
  const { target } = session;
  const raw = visit.raw();
  raw.send(headOf(visit, target, { ...fieldsOf(session), 'Transfer-Encoding': 'chunked' }));
  raw.send(chunk('{"jsonrpc":"2.0","method":"notifications/mcp-mount-check","params":{"x":"'));
  let bytes = 0;
  for (; bytes < maxPouredBytes && !raw.isAnswered(); bytes += block.length) {
    raw.send(chunk(block));
    if (!(await raw.drained())) break;
  }
  const status = await raw.status();
  raw.close();
  const seen = `${nameOf('POST', target)} in chunks: ${status} after ${Math.ceil(bytes / 2 ** 20)} MB`;
  return judged(isRefused(status), seen);
}

function chunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}

/** A small body that is announced and not sent, from somebody without a token or a session. */
async function stranger(visit: Visit, { options }: Found, door: Door): Promise<Outcome> {
  const { shared } = door;
  const unknown = unknownSession(door);
  const noToken: Fields = options.token === undefined ? {} : { Authorization: '' };
  if (!unknown && options.token === undefined)
    return notLookedAt(`${door.path} asks for no token and keeps no sessions`);
  const target = scrambled(shared.target);
  const fields = { ...fieldsOf(shared), 'Content-Length': '1000', ...unknown, ...noToken };
  const raw = visit.raw();
  raw.send(headOf(visit, target, fields));
  const status = await raw.status();
  raw.close();
  const who = options.token === undefined ? 'an unknown session' : 'somebody without a token';
  const seen = `${nameOf('POST', target)} of ${who}, its body still to come: ${status}`;
  return judged(status === 'closed' || (status !== 'silent' && status >= 400), seen);
}

/** What makes it a session nobody knows; undefined where nothing can. */
function unknownSession({ kind, shared }: Door): Fields | undefined {
  if (kind === 'sse') return scrambled(shared.target) === shared.target ? undefined : {};
  return shared.id === undefined ? undefined : { 'Mcp-Session-Id': scrambled(shared.id) };
}

const stack = /\bat .{1,300}:\d+:\d+|Traceback \(most recent|goroutine \d+ \[/;

async function malformed(visit: Visit, session: Session): Promise<Outcome> {
  const { target } = session;
  const mark = randomBytes(100).toString('hex'); // long enough not to be a parser's hint
  const { status, body } = await visit.ask(target, withBody(session, `{"mark":"${mark}", no JSON`));
  const name = `${nameOf('POST', target)}: ${status}`;
  if (stack.test(body)) return judged(false, `${name} with a stack`);
  if (body.includes(mark)) return judged(false, `${name} with the body sent back`);
  return judged(isRefusal(status), name);
}

function withBody(session: Session, body: string, headers: Fields = {}): Asked {
  const length = { 'Content-Length': String(Buffer.byteLength(body)) };
  return { method: 'POST', headers: { ...fieldsOf(session), ...length, ...headers }, body };
}

async function encoding(visit: Visit, session: Session): Promise<Outcome> {
  const asked = withHeaders(session.ping(), { 'Content-Encoding': 'x-mcp-mount-check' });
  const { status } = await visit.ask(session.target, asked);
  const seen = `${nameOf('POST', session.target)} with Content-Encoding: x-mcp-mount-check: ${status}`;
  return judged(isRefusal(status), seen);
}

const levels = 50_000; // 100 KB of brackets: within the bounds of bodies

async function deep(visit: Visit, session: Session): Promise<Outcome> {
  const nested = '['.repeat(levels) + ']'.repeat(levels);
  const body = `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":${nested}}}`;
  const raw = visit.raw();
  const { target } = session;
  raw.send(visit.bytes(target, withBody(session, body)));
  const status = await raw.status();
  raw.close();
  const seen = `${nameOf('POST', target)} with ${levels} arrays in each other: ${status}`;
  if (status === 'closed' || status === 'silent') return judged(false, seen);
  return status < 500 ? pass(seen) : judged(false, seen);
}
