/** Event streams: does what is written arrive, through whatever is in between? */
import { setTimeout as wait } from 'node:timers/promises';
import type { Found } from '../discover.ts';
import type { Door } from '../doors.ts';
import { judged, notLookedAt, type Outcome, pass, type Theme, together } from '../probe.ts';
import { openSseStream } from '../session.ts';
import type { EventStream } from '../stream.ts';
import { Trouble } from '../trouble.ts';
import type { Visit } from '../visit.ts';
import type { Asked, Reply } from '../wire.ts';

export const streams: Theme = {
  name: 'Streams',
  probes: [
    {
      id: 'unbuffered',
      title: 'The head of every stream tells proxies to hold nothing back',
      remedy:
        'Send X-Accel-Buffering: no (nginx buffers without it) and Cache-Control: no-transform (compressors wait for more without it).',
      threads: ['starlette#2753', 'compression#61'],
      opens: true,
      run: unbuffered,
    },
    {
      id: 'compressed',
      title: 'A client that takes gzip gets its events at once',
      remedy: 'Keep the compressor off text/event-stream, or have it flush after each event.',
      threads: ['starlette#2753', 'compression#61'],
      opens: true,
      run: compressed,
    },
    {
      id: 'keep-alive',
      title: 'An idle stream says something within a minute',
      remedy: 'Write a comment (": ping") every 15 s, over SSE too.',
      threads: ['csharp-sdk#736', 'java-sdk#414', 'trigger.dev#2134'],
      opens: true,
      needsMs: ({ patient, idleMs }) => (patient ? 2 * idleMs : 0),
      run: keepAlive,
    },
    {
      id: 'head',
      title: 'HEAD on a stream is answered, and over with its answer',
      remedy:
        'Answer HEAD before anything is opened: it has no body, so its stream would never end.',
      threads: ['RFC 9110, 9.3.2'],
      run: head,
    },
  ],
};

const noStream = 'no request to it is answered with a stream';

interface Named {
  name: string;
  reply: Reply;
}

/** Of each kind the server has: the older transport's, the unasked one, the answer to a POST. */
async function* streamsOf(visit: Visit, { doors, endpoint }: Found, extra: Asked['headers'] = {}) {
  const headers = { Accept: 'text/event-stream', ...extra };
  if (endpoint) yield await named(visit, 'GET', endpoint.path, { headers });
  const door = doors.find(({ kind }) => kind === 'streamable');
  if (!door) return;
  const session = await door.open(visit);
  const ping = session.ping();
  yield await named(visit, 'POST', door.path, { ...ping, headers: { ...ping.headers, ...extra } });
  if (door.path !== endpoint?.path)
    yield await named(visit, 'GET', door.path, { headers: { ...session.headers, ...headers } });
}

async function named(visit: Visit, method: string, path: string, asked: Asked): Promise<Named> {
  return { name: `${method} ${path}`, reply: await visit.request(path, { method, ...asked }) };
}

async function unbuffered(visit: Visit, found: Found): Promise<Outcome> {
  const outcomes: Outcome[] = [];
  for await (const { name, reply } of streamsOf(visit, found)) {
    if (!reply.stream) continue;
    reply.stream.close();
    const { 'x-accel-buffering': buffering = 'none', 'cache-control': cache = 'none' } =
      reply.headers;
    const holds = buffering === 'no' && /no-transform/.test(cache);
    outcomes.push(
      judged(holds, `${name}: X-Accel-Buffering: ${buffering}, Cache-Control: ${cache}`),
    );
  }
  return outcomes.length > 0 ? together(outcomes) : notLookedAt(noStream);
}

/** An unasked stream may be silent by right, so only those that have something to say. */
async function compressed(visit: Visit, found: Found): Promise<Outcome> {
  const outcomes: Outcome[] = [];
  for await (const { name, reply } of streamsOf(visit, found, { 'Accept-Encoding': 'gzip, br' })) {
    const { stream, headers } = reply;
    if (!stream || (name.startsWith('GET') && name !== `GET ${found.endpoint?.path}`)) continue;
    const came = await stream.next().catch(() => undefined);
    stream.close();
    const coding = headers['content-encoding'] ?? 'none';
    outcomes.push(
      judged(
        came !== undefined,
        `${name}: Content-Encoding: ${coding}, the first event ${came ? 'at once' : 'never'}`,
      ),
    );
  }
  return outcomes.length > 0 ? together(outcomes) : notLookedAt(noStream);
}

async function keepAlive(visit: Visit, found: Found): Promise<Outcome> {
  const { options, doors, endpoint } = found;
  const { idleMs } = options;
  if (!options.patient)
    return notLookedAt('it takes up to a minute, for which it was not told to wait: --patient');
  const idle: Promise<Outcome>[] = [];
  if (endpoint) {
    const { stream } = await openSseStream(visit, endpoint.path);
    idle.push(saysSomething(stream, `GET ${endpoint.path}`, idleMs));
  }
  const door = doors.find(({ kind }) => kind === 'streamable');
  const stream = door && (await unaskedStream(visit, door));
  if (stream) idle.push(saysSomething(stream, `GET ${door.path}`, idleMs));
  return idle.length > 0 ? together(await Promise.all(idle)) : notLookedAt(noStream);
}

async function unaskedStream(visit: Visit, { path, open }: Door): Promise<EventStream | undefined> {
  const { headers } = await open(visit);
  const asked = { headers: { ...headers, Accept: 'text/event-stream' } };
  return (await visit.request(path, asked)).stream;
}

const settlingMs = 500; // what comes first belongs to the opening: endpoint, retry, a priming event

async function saysSomething(stream: EventStream, name: string, ms: number): Promise<Outcome> {
  await wait(Math.min(settlingMs, ms / 4));
  const begun = performance.now();
  const spoke = await came(stream, ms);
  const seconds = Math.round((performance.now() - begun) / 100) / 10;
  return judged(
    spoke,
    spoke ? `${name}: bytes after ${seconds} s` : `${name}: silent for ${seconds} s`,
  );
}

async function came(stream: EventStream, ms: number): Promise<boolean> {
  try {
    await stream.bytes(ms);
    return stream.ended === 'open';
  } catch (error) {
    if (error instanceof Trouble) return false;
    throw error;
  }
}

/** Two requests on one connection: the second is answered only once the first is over. */
async function head(visit: Visit, { doors, endpoint }: Found): Promise<Outcome> {
  const paths = new Set(doors.map(({ path }) => path));
  if (endpoint) paths.add(endpoint.path);
  return together(await Promise.all([...paths].map(path => headAt(visit, path))));
}

async function headAt(visit: Visit, path: string): Promise<Outcome> {
  const raw = visit.raw();
  const asked = { method: 'HEAD', headers: { Accept: 'text/event-stream' } };
  raw.send(visit.bytes(path, asked));
  const first = await raw.status();
  if (typeof first !== 'number') return judged(false, `HEAD ${path}: ${first}, no answer`);
  raw.send(visit.bytes('/mcp-mount-check', asked));
  const second = await raw.status(2);
  raw.close();
  const seen = `HEAD ${path}: ${first}`;
  if (second === 'silent')
    return judged(false, `${seen}, but it never ends: what follows it waits`);
  return pass(seen);
}
