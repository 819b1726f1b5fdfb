/** Answers: that each comes, once, and to whom it belongs. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Found } from '../discover.ts';
import type { Door } from '../doors.ts';
import { asked, type Id, messagesIn, posted } from '../messages.ts';
import {
  fault,
  inEachSession,
  judged,
  notLookedAt,
  type Outcome,
  pass,
  type Theme,
} from '../probe.ts';
import { answerIn, type Session } from '../session.ts';
import type { EventStream } from '../stream.ts';
import type { Visit } from '../visit.ts';
import { withSessions } from './lifecycle.ts';

export const answers: Theme = {
  name: 'Answers',
  probes: [
    {
      id: 'resumption',
      title: 'A stream that is resumed brings each answer, or says which is lost',
      remedy:
        'Keep answers longer than notifications, and send an error for its id where one was dropped.',
      threads: ['MCP 2025-03-26, transports'],
      opens: true,
      run: (visit, found) => withSessions(found, door => resumption(visit, door)),
    },
    {
      id: 'call',
      title: 'The tool named by --call answers whoever called it',
      remedy: 'Look at what the tool waits for.',
      threads: ['MCP 2025-11-25, tools'],
      run: (visit, found) =>
        inEachSession(visit, found, (session, door) => callTool(session, found, door)),
    },
    {
      id: 'cancelled',
      title: 'The answer of a call that was cancelled is dropped, also under the id 0',
      remedy: 'Look for undefined, not for what is false, and answer by the call, not by its id.',
      threads: ['MCP 2025-11-25, cancellation'],
      opens: true,
      run: (visit, found) => withSessions(found, door => cancelled(visit, found, door)),
    },
  ],
};

const missedCalls = 100; // what the SDK takes at once
const laterCalls = 10; // enough to push out some of them where a hundred are kept, not all
const version = '2025-03-26'; // the one that knows batches

/** Misses most of a long stream, lets the log fill up, and asks for what was missed. */
async function resumption(visit: Visit, { open, path }: Door): Promise<Outcome> {
  const session = await open(visit, { version });
  if (session.version !== version) return notLookedAt(`${path} knows no batches`);
  const missed = await batch(visit, session, 'missed', missedCalls);
  await batch(visit, session, 'later', laterCalls);
  const [first, ...rest] = missed;
  if (first?.event === undefined) return notLookedAt(`${path} gives its events no ids`);
  const headers = { ...session.headers, Accept: 'text/event-stream', 'Last-Event-ID': first.event };
  const { stream, status } = await visit.request(path, { headers });
  const asked = `GET ${path} after the first of ${missed.length} answers`;
  if (!stream) return judged(status >= 400, `${asked}: ${status}`);
  const wanted = new Set(rest.map(({ id }) => id));
  await drain(stream, wanted);
  const seen = `${asked}: ${status} with ${rest.length - wanted.size} of ${rest.length}`;
  return judged(wanted.size === 0, wanted.size === 0 ? seen : `${seen}, and no word of the others`);
}

interface Event {
  event: string | undefined;
  id: Id | null | undefined;
}

async function batch(visit: Visit, session: Session, name: string, size: number): Promise<Event[]> {
  const ids = Array.from({ length: size }, (_, i) => `${name}-${i}`);
  const pings = ids.map(id => JSON.parse(session.ping(id).body ?? ''));
  const { stream, body } = await visit.request(session.target, posted(session, pings));
  if (!stream) return messagesIn(body).map(({ id }) => ({ event: undefined, id }));
  const events: Event[] = [];
  for (let frame = await stream.next(); frame; frame = await stream.next()) {
    for (const { id } of messagesIn(frame.data ?? '')) events.push({ event: frame.id, id });
    if (events.length === size) break;
  }
  stream.close();
  return events;
}

/** Takes from `wanted` what comes, until all has or the stream ends or falls silent. */
async function drain(stream: EventStream, wanted: Set<unknown>): Promise<void> {
  while (wanted.size > 0) {
    const frame = await stream.next().catch(() => undefined);
    if (!frame) break;
    for (const { id } of messagesIn(frame.data ?? '')) wanted.delete(id);
  }
  stream.close();
}

async function callTool(session: Session, { options }: Found, { path }: Door): Promise<Outcome> {
  if (options.call === undefined)
    return notLookedAt('no tool may be called; --call NAME names one');
  const params = { name: options.call, arguments: {} };
  const { result, error } = await session.call('tools/call', params);
  const answer = result
    ? `a result${result['isError'] ? ' that is an error' : ''}`
    : error?.message;
  return pass(`${path}: ${options.call} answers ${answer}`);
}

const atWorkMs = 150; // a tool that has not answered by then is at work

/** Needs a tool that takes its time. */
async function cancelled(visit: Visit, { options }: Found, { path, open }: Door): Promise<Outcome> {
  if (options.call === undefined)
    return notLookedAt('no tool may be called; --call NAME names one');
  const session = await open(visit);
  const call = asked(session, 0, 'tools/call', { name: options.call, arguments: {} });
  let answered = false;
  const calling = visit.request(path, call).then(async reply => {
    if (await answerIn(reply, 0)) answered = true;
  });
  calling.catch(() => {}); // a call that was cancelled may go without an answer
  await wait(atWorkMs);
  if (answered) return notLookedAt(`${options.call} answers before it can be cancelled`);
  const params = { requestId: 0 };
  const message = { jsonrpc: '2.0', method: 'notifications/cancelled', params };
  await visit.ask(path, posted(session, message));
  const reply = await visit.request(path, session.ping(0));
  if (reply.status >= 400) return pass(`${path}: an id that was used is refused`);
  const answer = await answerIn(reply, 0);
  const foreign = answer?.result !== undefined && 'content' in answer.result;
  if (!answer)
    return fault(`${path}: the call after a cancelled one, under its id, is not answered`);
  return judged(
    !foreign,
    `${path}: ping under the id of a cancelled call got ${foreign ? 'that call’s answer' : 'its own'}`,
  );
}
