/** Sessions: how they are kept apart, found, and ended. */
import { randomInt } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Found } from '../discover.ts';
import type { Door } from '../doors.ts';
import { initialize, jsonOf, type Message } from '../messages.ts';
import {
  atEachDoor,
  fault,
  judged,
  notLookedAt,
  type Outcome,
  pass,
  type Theme,
  together,
} from '../probe.ts';
import { nameOf, type Session, SseSession } from '../session.ts';
import { Trouble } from '../trouble.ts';
import type { Visit } from '../visit.ts';
import { withHeaders } from '../wire.ts';

export const sessions: Theme = {
  name: 'Sessions',
  probes: [
    {
      id: 'two-sessions',
      title: 'A second client gets a session, and the first keeps its own',
      remedy: 'Make an MCP server for every session, over one store.',
      threads: ['typescript-sdk#1405', 'CVE-2026-25536'],
      when: 'first',
      run: (visit, found) => atEachDoor(found, door => twoSessions(visit, door)),
    },
    {
      id: 'apart',
      title: 'Two clients that use the same ids at once get their own answers',
      remedy: 'Make an MCP server and a transport for every session; ids are a client’s own.',
      threads: ['CVE-2026-25536'],
      opens: true,
      run: (visit, found) => atEachDoor(found, door => apart(visit, door)),
    },
    {
      id: 'unknown-session',
      title: 'A session nobody knows is a 404',
      remedy: 'Answer 404: clients start anew on it, and give up on anything else.',
      threads: ['mcp-remote#106', 'python-sdk#1676', 'dremio-mcp#106'],
      run: (visit, found) => atEachDoor(found, door => unknownSession(visit, door)),
    },
    {
      id: 'which-transport',
      title: 'The other transport’s method is refused with 405 and Allow',
      remedy:
        'Answer 405 with Allow to POST on the SSE stream, and to GET where no stream is offered.',
      threads: ['FastGPT#7047', 'qwen-code#8784'],
      run: whichTransport,
    },
    {
      id: 'session-ends',
      title: 'A session that was ended is gone',
      remedy: 'Close the server and forget the session on DELETE, and when its stream closes.',
      threads: ['python-sdk#2455', 'python-sdk#1283'],
      opens: true,
      run: (visit, found) => atEachDoor(found, door => sessionEnds(visit, door)),
    },
    {
      id: 'freed',
      title: 'Sessions whose client vanished are freed, pipelined ones too',
      remedy:
        'Listen for the socket’s close: up to Node 22 a response that waits behind a stream has none.',
      threads: ['python-sdk#2455', 'python-sdk#1283'],
      opens: true,
      when: 'alone',
      run: freed,
    },
  ],
};

async function twoSessions(visit: Visit, { shared, path, open }: Door): Promise<Outcome> {
  const second = await orTrouble(open(visit));
  if (second instanceof Trouble)
    return fault(`${path}: while one session is open, a second fails: ${second.message}`);
  const first = await orTrouble(shared.pong());
  if (first instanceof Trouble)
    return fault(`${path}: once a second session has begun, the first fails: ${first.message}`);
  return pass(`${path}: both are answered`);
}

async function orTrouble<T>(promise: Promise<T>): Promise<T | Trouble> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof Trouble) return error;
    throw error;
  }
}

const rounds = 8; // or as many as its patience lasts: some servers start a process a call

/** Both ask at once, under one id, for what can't be mistaken for the other's answer. */
async function apart(visit: Visit, { open, path }: Door): Promise<Outcome> {
  const [a, b] = [await open(visit), await open(visit)];
  const own = [shapeOf(await a.call(a.quietMethod)), shapeOf(await b.call('tools/list'))];
  const deadline = performance.now() + visit.patienceMs;
  let id = 1;
  for (; id <= rounds && performance.now() < deadline; id++) {
    const calls = [a.call(a.quietMethod, {}, id), b.call('tools/list', {}, id)];
    const got = (await Promise.all(calls)).map(shapeOf);
    if (got.join() !== own.join())
      return fault(`${path}: two clients asked under the id ${id}, and one got the other’s answer`);
  }
  const strays = [a, b].flatMap(session => (session instanceof SseSession ? session.strays : []));
  const foreign = strays.filter(({ method }) => method === undefined).length;
  return judged(
    foreign === 0,
    foreign === 0
      ? `${path}: ${id - 1} times two calls under one id, each answered to its own client`
      : `${path}: a client’s stream brought ${foreign} answers to calls of another`,
  );
}

function shapeOf({ error, result = {} }: Message): string {
  return error ? 'an error' : Object.keys(result).sort().join(' ');
}

async function unknownSession(visit: Visit, { kind, path, shared }: Door): Promise<Outcome> {
  if (kind === 'sse') {
    const target = scrambled(shared.target);
    if (target === shared.target) return notLookedAt(`${path} names no session where to post`);
    const { status } = await visit.ask(target, shared.ping());
    return judged(status === 404, `${nameOf('POST', target)} of an unknown session: ${status}`);
  }
  if (shared.id === undefined) return notLookedAt(`${path} keeps no sessions`);
  const headers = { ...shared.headers, 'Mcp-Session-Id': scrambled(shared.id) };
  const posted = await visit.ask(path, withHeaders(shared.ping(), headers));
  const got = await visit.ask(path, { headers: { ...headers, Accept: 'text/event-stream' } });
  return together([
    judged(posted.status === 404, `POST ${path} of an unknown session: ${posted.status}`),
    judged([404, 405].includes(got.status), `GET ${path} of an unknown session: ${got.status}`),
  ]);
}

/** An id of the same form that nobody was given: of the query, or of a path that holds one. */
export function scrambled(target: string): string {
  return target.replace(/(?<==)[^&]+|[\da-f-]{16,}/gi, id =>
    id.replace(/[\da-f]/gi, () => randomInt(16).toString(16)),
  );
}

async function whichTransport(visit: Visit, { doors, endpoint }: Found): Promise<Outcome> {
  const streamable = doors.find(({ kind }) => kind === 'streamable');
  const outcomes: Outcome[] = [];
  if (endpoint && endpoint.path !== streamable?.path)
    outcomes.push(await refusesMethod(visit, endpoint.path, 'GET', initialize));
  if (streamable && endpoint?.path !== streamable.path)
    outcomes.push(await offersOrRefuses(visit, streamable));
  return together(outcomes);
}

async function refusesMethod(
  visit: Visit,
  path: string,
  allowed: string,
  asked: typeof initialize,
) {
  const { status, headers } = await visit.ask(path, asked);
  const { allow = '' } = headers;
  const holds = status === 405 && allow.split(/, */).includes(allowed);
  return judged(holds, `${asked.method ?? 'GET'} ${path}: ${status}, Allow: ${allow || 'none'}`);
}

async function offersOrRefuses(visit: Visit, door: Door): Promise<Outcome> {
  const { path } = door;
  const session = await door.session(visit);
  const asked = { headers: { ...session.headers, Accept: 'text/event-stream' } };
  const { status } = await visit.ask(path, asked);
  if (status === 200) return pass(`GET ${path}: 200, a stream`);
  return refusesMethod(visit, path, 'POST', asked);
}

async function sessionEnds(visit: Visit, door: Door): Promise<Outcome> {
  const { kind, path, open } = door;
  const session = await open(visit);
  if (session instanceof SseSession) {
    session.stream.close();
    return endedWithin(visit, session, `${path}: once its stream has closed`);
  }
  if (kind === 'streamable' && session.id === undefined)
    return notLookedAt(`${path} keeps no sessions`);
  const { status } = await visit.ask(path, { method: 'DELETE', headers: session.headers });
  if (status >= 400) return notLookedAt(`DELETE ${path}: ${status}, so sessions end by themselves`);
  return endedWithin(visit, session, `${path}: after DELETE (${status})`);
}

const pollMs = 100; // a server hears of a closed socket soon, not at once

async function endedWithin(visit: Visit, session: Session, when: string): Promise<Outcome> {
  const deadline = performance.now() + visit.patienceMs;
  for (;;) {
    const { status } = await visit.ask(session.target, session.ping());
    const seen = `${when}, a message to it: ${status}`;
    if (status >= 400) return pass(seen);
    if (performance.now() > deadline) return fault(seen);
    await wait(pollMs);
  }
}

const streams = 3; // behind each other on one connection: the first is answered, the others wait

/** Needs somebody who counts: a number named for sessions in what a health check answers. */
async function freed(visit: Visit, { endpoint, plain }: Found): Promise<Outcome> {
  const counter = plain.find(({ answer }) => countIn(jsonOf(answer.body)) !== undefined);
  if (!endpoint) return notLookedAt('it has no stream of the older SSE transport');
  if (!counter) return notLookedAt('nothing beside it counts sessions, as a health check could');
  const count = async () => countIn(jsonOf((await visit.ask(counter.path)).body)) ?? 0;
  const before = await steady(count);
  const raw = visit.raw();
  const asked = { headers: { Accept: 'text/event-stream' } };
  raw.send(visit.bytes(endpoint.path, asked).repeat(streams));
  await raw.status();
  const during = await steady(count);
  const isRefused = raw.isOver(); // a server may end a connection on which requests wait
  raw.close();
  const after = await lowest(count, before, visit.patienceMs);
  const seen = `${counter.path} counts ${before} before, ${during} during and ${after} after ${streams} pipelined streams`;
  if (during <= before && !isRefused) return notLookedAt(`${seen}: it counts something else`);
  return judged(after <= before, seen);
}

function countIn(value: unknown): number | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [name, inner] of Object.entries(value)) {
    if (typeof inner === 'number' && /session|connection|client|stream/i.test(name)) {
      if (!/max|limit/i.test(name)) return inner;
    }
    const nested = countIn(inner);
    if (nested !== undefined) return nested;
  }
  return undefined;
}

/** Once two readings in a row are alike: what others left is still being cleared away. */
async function steady(count: () => Promise<number>): Promise<number> {
  let last = await count();
  for (let reading = 0; reading < 10; reading++) {
    await wait(pollMs);
    const next = await count();
    if (next === last) break;
    last = next;
  }
  return last;
}

async function lowest(count: () => Promise<number>, enough: number, ms: number): Promise<number> {
  const deadline = performance.now() + ms;
  for (;;) {
    const now = await count();
    if (now <= enough || performance.now() > deadline) return now;
    await wait(pollMs);
  }
}
