/** Clients of the agents' door that show the wire: calls together, lost streams, the older transport. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Kind, kind } from './kinds.ts';
import {
  type Answer,
  addItem,
  ask,
  expect,
  type Frame,
  framesOf,
  type Headers,
  openStream,
  type Stream,
  type Visitor,
} from './visitor.ts';

const itemsUri = 'shopping://items';
const eitherType = { Accept: 'application/json, text/event-stream' };

/** Opens a Streamable session. Returns the headers that name it. */
export async function openSession(visitor: Visitor, version: string): Promise<Headers> {
  const { headers } = await expect(visitor, 200, posted(initialize(version)));
  const session = {
    ...eitherType,
    'Mcp-Session-Id': String(headers['mcp-session-id']),
    'Mcp-Protocol-Version': version,
  };
  await expect(
    visitor,
    202,
    posted({ jsonrpc: '2.0', method: 'notifications/initialized' }, session),
  );
  return session;
}

export function posted(body: unknown, headers: Headers = eitherType, path = '/mcp') {
  return { method: 'POST', path, headers, body };
}

export function initialize(protocolVersion = '2025-11-25'): object {
  const clientInfo = { name: 'soak', version: '0' };
  const params = { protocolVersion, capabilities: {}, clientInfo };
  return { jsonrpc: '2.0', id: 'initialize', method: 'initialize', params };
}

export type Id = string | number;

export function toolCall(id: Id, name = 'get_items', args: object = {}): object {
  return { jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args } };
}

/** Ids as the specification lets them be, the odd ones too. */
export const ids = fc.uniqueArray(
  fc.oneof(
    fc.constantFrom<Id>(0, '', '0', -1, 'id: 1\n\n', '__proto__', 'i'.repeat(500)),
    fc.integer(),
    fc.string({ maxLength: 10 }),
  ),
  { minLength: 1, maxLength: 8 },
);

const batcher = kind(
  {
    name: 'batch',
    does: 'sends calls together, cancels some, and gets each other answered',
    weight: 6,
  },
  fc.record({ ids, cancelled: fc.array(fc.nat(7), { maxLength: 3 }), takesStreams: fc.boolean() }),
  async (visitor, { ids, cancelled, takesStreams }) => {
    const session = await openSession(visitor, '2025-03-26'); // the one version with batches
    const gone = ids.filter((_, place) => cancelled.includes(place));
    const batch = [...ids.map(id => toolCall(id)), ...gone.map(cancellation)];
    const headers = takesStreams ? session : { ...session, Accept: 'application/json' };
    const answer = await ask(visitor, posted(batch, headers));
    const answered = idsAnsweredIn(answer);
    assert.deepEqual(new Set(answered).size, answered.length, 'each is answered once');
    for (const id of ids) assert.ok(gone.includes(id) || answered.includes(id), `${id}`);
    await expect(visitor, 204, { method: 'DELETE', path: '/mcp', headers: session });
    await expect(visitor, 404, posted(toolCall(1), session));
  },
);

function cancellation(requestId: Id): object {
  return { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } };
}

function idsAnsweredIn({ headers, body }: Answer): Id[] {
  if (headers['content-type'] === 'application/json')
    return [JSON.parse(body)].flat().map(({ id }) => id);
  return framesOf(body).flatMap(({ data }) => (data ? [JSON.parse(data).id] : []));
}

const resumer = kind(
  { name: 'resumer', does: 'loses a stream, comes back, and gets what it missed', weight: 5 },
  fc.record({ id: fc.integer(), loses: fc.constantFrom('an answer', 'news') }),
  async (visitor, { id, loses }) => {
    const session = await openSession(visitor, '2025-11-25');
    await (loses === 'news' ? missNews(visitor, session) : missAnswer(visitor, session, id));
  },
);

async function missAnswer(visitor: Visitor, session: Headers, id: number): Promise<void> {
  const first = await openStream(visitor, posted(toolCall(id), session));
  const primer = await first.find(({ id }) => id !== undefined);
  first.cut();
  const resumed = await resume(visitor, session, primer);
  assert.ok(await resumed.find(isAnswerTo(id)), 'its answer, again');
}

async function missNews(visitor: Visitor, session: Headers): Promise<void> {
  const subscribe = { method: 'resources/subscribe', params: { uri: itemsUri } };
  await expect(visitor, 200, posted({ jsonrpc: '2.0', id: 1, ...subscribe }, session));
  const first = await openStream(visitor, { path: '/mcp', headers: session });
  const primer = await first.find(({ id }) => id !== undefined);
  first.cut();
  const added = await addItem(visitor, { name: 'Unseen', quantity: 1, purchased: false });
  visitor.list.release(added.id);
  const resumed = await resume(visitor, session, primer);
  assert.ok(await resumed.find(({ data = '' }) => data.includes(itemsUri)), 'the news, later');
  resumed.cut();
}

async function resume(visitor: Visitor, session: Headers, last: Frame | undefined) {
  assert.ok(last?.id, 'a stream begins with an id');
  const headers = { ...session, 'Last-Event-ID': last.id };
  const stream = await openStream(visitor, { path: '/mcp', headers });
  assert.equal(stream.status, 200);
  return stream;
}

function isAnswerTo(id: Id): (frame: Frame) => boolean {
  return ({ data }) => data !== undefined && data !== '' && JSON.parse(data).id === id;
}

const legacy = kind(
  { name: 'SSE', does: 'posts calls at once, gets each answered on the stream', weight: 6 },
  fc.record({ ids, isCut: fc.boolean() }),
  async (visitor, { ids, isCut }) => {
    const { stream, messages } = await openSse(visitor);
    const post = (body: object) => expect(visitor, 202, { method: 'POST', path: messages, body });
    await post(initialize('2024-11-05'));
    assert.ok(await stream.find(isAnswerTo('initialize')));
    await Promise.all(ids.map(id => post(toolCall(id))));
    if (isCut) return stream.cut();
    assert.deepEqual([...(await readAnswers(stream, ids))], [], 'not answered');
  },
);

/** Reads until each is answered, once, or the stream ends. Returns those that are not. */
export async function readAnswers(stream: Stream, ids: Id[]): Promise<Set<Id>> {
  const missing = new Set(ids);
  await stream.find(({ event, data = '' }) => {
    if (event === 'message') assert.ok(missing.delete(JSON.parse(data).id), data.slice(0, 100));
    return missing.size === 0;
  });
  return missing;
}

/** Opens a session of the older transport. */
export async function openSse(visitor: Visitor) {
  const stream = await openStream(visitor, { path: '/mcp/sse' });
  const endpoint = await stream.find(({ event }) => event === 'endpoint');
  assert.ok(endpoint?.data, 'the place to post to');
  return { stream, messages: endpoint.data };
}

export const mcpKinds: Kind[] = [legacy, batcher, resumer];
