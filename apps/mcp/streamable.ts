/**
 * Streamable HTTP (protocol 2025-03-26 and later) on Node's own request and response.
 *
 *     POST   /  -> the answer, as JSON or on a stream of its own
 *     GET    /  -> the stream for what the server says unasked, or one resumed by Last-Event-ID
 *     DELETE /  -> the session ends
 *
 * Or, stateless, POST alone, each for itself.
 *
 * Which message goes on which response is streamable-transport.ts's part.
 *
 * Of mcp-mount, MIT.
 */
import type { ServerResponse } from 'node:http';
import {
  DEFAULT_NEGOTIATED_PROTOCOL_VERSION,
  type JSONRPCMessage,
  type MessageExtraInfo,
  type RequestId,
  SUPPORTED_PROTOCOL_VERSIONS,
} from '@modelcontextprotocol/sdk/types.js';
import type { App } from '../../http/app.ts';
import { hasTurn, onGone } from '../../http/gone.ts';
import { isInitialize, type Posted, readMessages, versionOf } from './messages.ts';
import { refuse, refuseConflict, refuseForNow, refuseUnknownSession } from './refuse.ts';
import { callId, type McpRequest, ownerOf, Session, type Sessions } from './sessions.ts';
import type { Context } from './settings.ts';
import { StreamableTransport } from './streamable-transport.ts';

/** POST / */
export function post(context: Context): App {
  return async (req: McpRequest, res) => {
    const types = accepted(req);
    if (!types.json && !types.stream) return refuse(res, 406, notAcceptable);
    const exchange = { req, res, types };
    return req.headers['mcp-session-id'] === undefined
      ? postInitialize(exchange, context)
      : postToSession(exchange, context);
  };
}

interface Exchange {
  req: McpRequest;
  res: ServerResponse;
  types: { json: boolean; stream: boolean };
}

/** What the head alone refuses is refused before the body is read. */
async function postToSession(exchange: Exchange, context: Context): Promise<void> {
  const { req, res } = exchange;
  const { options, sessions } = context;
  const session = sessionOf(req, res, context);
  if (!session) return;
  const body = await readMessages(req, options);
  if (!body.ok) return refuse(res, body.status, body.detail, {}, body.code);
  if (!sessions.holds(session)) return refuseUnknownSession(res); // it ended while the body came
  if (body.messages.some(isInitialize)) return refuse(res, 400, initialized);
  const conflict = sessions.conflict(session, body.messages);
  if (conflict) return refuseConflict(res, conflict);
  answer(exchange, session, body, options, isPrimed(versionOf(req)));
}

/** Without a session there is one message to post: the initialize that begins one. */
async function postInitialize(exchange: Exchange, context: Context): Promise<void> {
  const { req, res } = exchange;
  const { options } = context;
  const body = await readMessages(req, options);
  if (!body.ok) return refuse(res, body.status, body.detail, {}, body.code);
  const initialize = body.messages.find(isInitialize);
  if (!initialize) return refuse(res, 400, noSession);
  const session = await openSession(req, res, context);
  if (!session) return;
  session.initializing = initialize.id;
  answer(exchange, session, body, options, isPrimed(protocolVersionIn(initialize)));
}

function answer(
  { req, res, types }: Exchange,
  session: StreamableSession,
  { messages, batch }: Posted,
  options: Context['options'],
  primed: boolean,
): void {
  const { transport } = session;
  const calls = messages.map(callId).filter(id => id !== undefined);
  if (calls.length > 0) {
    const json = types.json && (options.enableJsonResponse || !types.stream);
    const begins = session.initializing !== undefined;
    transport.expect(calls, res, { json, batch, primed, begins });
  }
  for (const message of messages)
    session.receive(message, req, primed ? detaching(transport, callId(message)) : {});
  if (calls.length === 0) res.writeHead(202).end();
}

/** POST /, where each is complete in itself: a session of one answer, which nobody can name. */
export function postStateless(context: Context): App {
  const { options, sessions } = context;
  return async (req: McpRequest, res) => {
    const types = accepted(req);
    if (!types.json && !types.stream) return refuse(res, 406, notAcceptable);
    if (!isKnown(versionOf(req))) return refuse(res, 400, unknownVersion);
    const body = await readMessages(req, options);
    if (!body.ok) return refuse(res, body.status, body.detail, {}, body.code);
    const session = await openSession(req, res, context);
    if (!session) return;
    const conflict = sessions.conflict(session, body.messages);
    if (conflict) return refuseConflict(res, conflict);
    answer({ req, res, types }, session, body, options, false);
  };
}

/** GET / */
export function listen(context: Context): App {
  return async (req: McpRequest, res) => {
    if (req.method === 'HEAD') return refuse(res, 405, 'Use GET or POST.', { Allow: methods });
    if (!accepted(req).stream) return refuse(res, 406, notAcceptable);
    if (!(await hasTurn(res))) return; // or the session's last stream would end for nobody
    const session = sessionOf(req, res, context);
    if (!session) return;
    const after = req.headers['last-event-id'];
    const primed = isPrimed(versionOf(req));
    if (typeof after !== 'string') return session.transport.listen(res, primed);
    if (!session.transport.resume(after, res, primed))
      refuse(res, 400, 'This session has sent no such event. Connect without Last-Event-ID.');
  };
}

/** DELETE / -> 204 */
export function endSession(context: Context): App {
  return async (req: McpRequest, res) => {
    const session = sessionOf(req, res, context);
    if (!session) return;
    await context.sessions.end(session);
    res.writeHead(204).end();
  };
}

const methods = 'DELETE, GET, OPTIONS, POST';
const notAcceptable =
  'The answer is application/json or text/event-stream. Name both in the Accept header.';

type StreamableSession = Session & { transport: StreamableTransport };

async function openSession(
  req: McpRequest,
  res: ServerResponse,
  { createServer, options, sessions, backlog }: Context,
): Promise<StreamableSession | undefined> {
  if (!(await hasTurn(res))) return undefined;
  const owner = ownerOf(req, options.owner);
  const full = sessions.refusal(owner);
  if (full) return void refuseForNow(res, full);
  const transport = new StreamableTransport(options, backlog);
  const session = new Session(transport, owner);
  if (options.stateless) endWith(session, res, sessions);
  else tellOnceBegun(session, res, sessions);
  await sessions.open(session, req, createServer);
  if (!sessions.holds(session)) return void refuseForNow(res, 'The session ended as it began.');
  return Object.assign(session, { transport });
}

/**
 * A session begins with its InitializeResult, and is named with it. One that got none, or whose
 * client has left without it, is nobody's: it ends with the response.
 */
function tellOnceBegun(session: Session, res: ServerResponse, sessions: Sessions): void {
  session.oninitialized = () => {
    if (!res.headersSent) res.setHeader('Mcp-Session-Id', session.id);
  };
  onGone(res, () => {
    if (!res.hasHeader('Mcp-Session-Id') || !res.writableFinished) sessions.drop(session);
  });
}

function endWith(session: Session, res: ServerResponse, sessions: Sessions): void {
  session.inUse = true; // it has a call to answer: its place is nobody else's
  onGone(res, () => sessions.drop(session));
}

/** The session the request names, or a refusal on `res` and undefined. */
function sessionOf(
  req: McpRequest,
  res: ServerResponse,
  { options, sessions }: Context,
): StreamableSession | undefined {
  const id = req.headers['mcp-session-id'];
  if (typeof id !== 'string') return void refuse(res, 400, noSession);
  const session = sessions.find(id, 'streamable', ownerOf(req, options.owner));
  if (!session) return void refuseUnknownSession(res, id, options.node);
  if (!isKnown(versionOf(req))) return void refuse(res, 400, unknownVersion);
  session.inUse = true; // who names it has read its name
  return session as StreamableSession; // find() has compared the kind
}

export const noSession =
  'The request names no session. Send initialize first, then its Mcp-Session-Id with every request; ' +
  'a client of the older SSE transport connects to …/sse instead.';
const initialized =
  'This session has been initialized. To begin another, send initialize without Mcp-Session-Id.';

const unknownVersion = `Unknown protocol version. Use ${SUPPORTED_PROTOCOL_VERSIONS}.`;

function isKnown(version: string): boolean {
  return SUPPORTED_PROTOCOL_VERSIONS.includes(version);
}

/** Older clients stumble over an event without data. */
function isPrimed(version: string): boolean {
  return version >= '2025-11-25';
}

function protocolVersionIn(initialize: JSONRPCMessage): string {
  const version = 'params' in initialize ? initialize.params?.protocolVersion : undefined;
  return typeof version === 'string' ? version : DEFAULT_NEGOTIATED_PROTOCOL_VERSION;
}

// '*/*', which curl and plain fetch send, and no header at all take both
function accepted(req: McpRequest): { json: boolean; stream: boolean } {
  const accept = req.headers.accept ?? '*/*';
  const anything = accept.includes('*/*');
  return {
    json: anything || accept.includes('application/json'),
    stream: anything || accept.includes('text/event-stream'),
  };
}

/** What lets a tool end its stream early and have the client come back for the answer. */
function detaching(transport: StreamableTransport, call: RequestId | undefined): MessageExtraInfo {
  if (call === undefined) return {};
  return {
    // bound, not wrapped: tsx gives every closure its name, for each call
    closeSSEStream: transport.detach.bind(transport, call),
    closeStandaloneSSEStream: transport.detach.bind(transport, undefined),
  };
}
