/** How a session may begin, and how not. */
import type { Found } from '../discover.ts';
import type { Door } from '../doors.ts';
import { initialize, messagesIn, posted } from '../messages.ts';
import { fault, isRefusal, judged, notLookedAt, type Outcome, pass, type Theme } from '../probe.ts';
import { answerIn, headerOf, nameOf } from '../session.ts';
import type { Visit } from '../visit.ts';

export const lifecycle: Theme = {
  name: 'How a session begins',
  probes: [
    {
      id: 'failed-initialize',
      title: 'An initialize that failed leaves no session behind',
      remedy: 'Begin a session with the result of initialize, not with the request for it.',
      threads: ['MCP 2025-11-25, lifecycle'],
      opens: true,
      run: (visit, found) => withSessions(found, door => failedInitialize(visit, door)),
    },
    {
      id: 'initialize-again',
      title: 'An initialize inside a session is refused',
      remedy: 'Answer 400: a second session in the name of the first is nobody’s.',
      threads: ['MCP 2025-11-25, lifecycle'],
      opens: true,
      run: (visit, found) => withSessions(found, door => initializeAgain(visit, door)),
    },
    {
      id: 'initialize-in-batch',
      title: 'An initialize in a batch is refused',
      remedy: 'Answer 400 to an array that holds one, also where it holds nothing else.',
      threads: ['MCP 2025-03-26, lifecycle'],
      opens: true,
      run: (visit, found) => withSessions(found, door => initializeInBatch(visit, door)),
    },
    {
      id: 'batch',
      title: 'A batch over SSE is refused where the protocol knows none',
      remedy: 'Answer 400 to an array, but for 2025-03-26.',
      threads: ['MCP 2025-06-18, changelog'],
      run: batchOverSse,
    },
  ],
};

/** Looks at Streamable HTTP, if it keeps sessions. */
export async function withSessions(
  { doors }: Found,
  look: (door: Door) => Promise<Outcome>,
): Promise<Outcome> {
  const door = doors.find(({ kind }) => kind === 'streamable');
  if (!door) return notLookedAt('it has no Streamable HTTP');
  return door.shared.id === undefined ? notLookedAt(`${door.path} keeps no sessions`) : look(door);
}

async function failedInitialize(visit: Visit, { path, shared }: Door): Promise<Outcome> {
  const params = { capabilities: 'none', clientInfo: 0 }; // and no version
  const message = { jsonrpc: '2.0', id: 0, method: 'initialize', params };
  const reply = await visit.request(path, posted({ headers: {} }, message));
  const answer = await answerIn(reply, 0);
  if (answer?.result) return notLookedAt(`POST ${path} takes an initialize with wrong params`);
  const id = headerOf(reply, 'mcp-session-id');
  if (id === undefined) return pass(`POST ${path}: ${reply.status} and no session`);
  const headers = { ...shared.headers, 'Mcp-Session-Id': id };
  const { status } = await visit.ask(path, posted({ headers }, { ...message, method: 'ping' }));
  const seen = `POST ${path}: ${reply.status} with an error and an Mcp-Session-Id`;
  return judged(status === 404, `${seen}, in which ping is answered ${status}`);
}

async function initializeAgain(visit: Visit, { path, open }: Door): Promise<Outcome> {
  const session = await open(visit);
  const headers = { ...initialize.headers, ...session.headers };
  const reply = await visit.request(path, { ...initialize, headers });
  const answer = await answerIn(reply, 0);
  const refused = answer?.result === undefined;
  const seen = `POST ${path}: ${reply.status}${refused ? '' : ' and a result'}`;
  return judged(refused && reply.status < 500, seen);
}

async function initializeInBatch(visit: Visit, { path }: Door): Promise<Outcome> {
  const batch = [JSON.parse(initialize.body ?? '')];
  const reply = await visit.request(path, posted({ headers: {} }, batch));
  const answer = await answerIn(reply, 0);
  const refused = answer?.result === undefined;
  return judged(refused, `POST ${path}: ${reply.status}${refused ? '' : ' and a result'}`);
}

async function batchOverSse(visit: Visit, { doors }: Found): Promise<Outcome> {
  const door = doors.find(({ kind }) => kind === 'sse');
  if (!door) return notLookedAt('it has no stream of the older SSE transport');
  const session = await door.session(visit);
  if (session.version === '2025-03-26') return notLookedAt('2025-03-26 knows batches');
  const pings = ['batch-1', 'batch-2'].map(id => JSON.parse(session.ping(id).body ?? ''));
  const { status, body } = await visit.ask(session.target, posted(session, pings));
  const refused = isRefusal(status) || messagesIn(body).some(({ error }) => error);
  const seen = `${nameOf('POST', session.target)} with two pings, in ${session.version}: ${status}`;
  return refused ? pass(seen) : fault(seen);
}
