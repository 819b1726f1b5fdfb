/**
 * Sessions: one MCP server each, whatever the transport. A session belongs to the token that
 * opened it, counts the calls it is answering, and ends with its stream, its DELETE, its
 * time-out or the app, whichever comes first.
 *
 * There are so many places. When all are taken, one whose client has said nothing since its
 * initialize goes to who comes next, the oldest first, but none before it had its fair moment:
 * clients that come all at once must not push each other out, and back in again. Where there is
 * none to go, who comes is told to come again.
 *
 * Of mcp-mount, MIT.
 */
import type { IncomingMessage } from 'node:http';
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type {
  JSONRPCMessage,
  MessageExtraInfo,
  RequestId,
} from '@modelcontextprotocol/sdk/types.js';
import { maxTimerMs } from '../../http/options.ts';
import { refusedCall } from './call-errors.ts';
import { closed, opened, received, type SessionEvent, type TransportKind } from './channels.ts';
import { messageForSdk } from './sdk-ids.ts';

/** The SDK's McpServer, its low-level Server, or whatever connects and closes as they do. */
export interface McpServerLike {
  connect(transport: Transport): Promise<void>;
  close(): Promise<void>;
}

/** A guard around the app leaves who is asking on the request, as the SDK's own guard does. */
export type McpRequest = IncomingMessage & { auth?: AuthInfo };

/** Whom the sessions of this request belong to; undefined where no token is asked for. */
export function ownerOf({ auth }: McpRequest, owner: (auth: AuthInfo) => string) {
  if (!auth) return undefined;
  const named: unknown = owner(auth);
  if (typeof named === 'string' && named !== '') return named;
  throw new TypeError("mcpApp: 'owner' named nobody. Give a text for each token that is let in.");
}

/** A server for the client that sent `req`: of its own, or it would be told others' answers. */
export type CreateServer = (req: McpRequest) => McpServerLike | Promise<McpServerLike>;

/** What a session needs of its transport, beside the SDK's interface. */
export interface SessionTransport extends Transport {
  readonly kind: TransportKind;
  readonly sessionId: string;
  /** Called with every message on its way to the client. */
  onsent?: (message: JSONRPCMessage) => void;
  /** The client cancelled this call; the SDK will not answer it. */
  cancelled(id: RequestId): void;
  /** The stream that the session lives on goes on for as long as this may be. */
  renew?(auth: McpRequest['auth']): void;
  /** Whether a stream is open to the client: then the session is not idle. */
  hasStream(): boolean;
}

export interface SessionLimits {
  /** Sessions at once. */
  maxSessions: number;
  /** How much of them one owner may have, 0 to 1. */
  ownerShare: number;
  /** ms a client is given to go on after its initialize, before its place may be another's. */
  handshakeMs: number;
  /** ms a session may go without a message, an open stream or a call in flight. */
  idleMs: number;
  /** Calls of one session that are being answered. Beyond, a call is answered with an error. */
  maxCallsInFlight: number;
}

export const sessionDefaults: SessionLimits = {
  maxSessions: 1_000, // some 40 MB of idle sessions
  ownerShare: 1, // half, where several owners are to have room: who can be one, only the host knows
  handshakeMs: 10_000, // it takes milliseconds, and seconds when all 1,000 come together
  idleMs: 30 * 60_000, // an agent may think, or wait for its user, for minutes
  maxCallsInFlight: 1_000, // a client has a few; ten of the largest batches
};

export class Session {
  readonly id: string;
  /** undefined while it is being made. */
  server: McpServerLike | undefined;
  readonly transport: SessionTransport;
  /** Whom `owner(auth)` named when it was opened; undefined where no token is asked for. */
  readonly owner: string | undefined;
  /** Those being answered. */
  readonly calls = new Map<RequestId, JSONRPCMessage>();
  /** Set when it opens. */
  maxCallsInFlight = sessionDefaults.maxCallsInFlight;
  /** Called when the last of the calls is over. */
  onquiet?: () => void;
  readonly openedMs = performance.now();
  /** Its client went on after its initialize, or did without one, as one that comes back does. */
  inUse = false;
  /** Id of the initialize that is being answered. */
  initializing: RequestId | undefined;
  /** What its InitializeResult says; undefined until there is one. */
  protocolVersion: string | undefined;
  /** Called when it has begun: its InitializeResult is there, and about to be sent. */
  oninitialized: (() => void) | undefined;
  private quietSweeps = 0;

  constructor(transport: SessionTransport, owner: string | undefined) {
    this.id = transport.sessionId;
    this.transport = transport;
    this.owner = owner;
    transport.onsent = message => {
      if ('method' in message || message.id === undefined) return;
      if (message.id === this.initializing) this.begin(message);
      this.settle(message.id);
    };
  }

  /** Hands one message to the server, with `extra`. Tools see `req.auth` as `extra.authInfo`. */
  receive(message: JSONRPCMessage, req: McpRequest, extra: MessageExtraInfo = {}): void {
    this.quietSweeps = 0;
    if (received.hasSubscribers) received.publish({ sessionId: this.id, req, message });
    const id = callId(message);
    if (id !== undefined) {
      if (this.calls.size >= this.maxCallsInFlight) return void this.refuse(id);
      this.calls.set(id, message);
    }
    extra.requestInfo = { headers: req.headers };
    if (req.auth) extra.authInfo = req.auth;
    const cancelled = cancelledId(message);
    const call = id ?? cancelled;
    this.transport.onmessage?.(call === undefined ? message : messageForSdk(message, call), extra);
    if (cancelled !== undefined) this.cancel(cancelled);
  }

  /** Counts sweeps, not time: no clock is read per message. */
  outlived(maxQuietSweeps: number): boolean {
    if (this.calls.size > 0 || this.transport.hasStream()) this.quietSweeps = 0;
    return ++this.quietSweeps > maxQuietSweeps;
  }

  private begin(answer: JSONRPCMessage): void {
    this.initializing = undefined;
    if (!('result' in answer)) return;
    this.protocolVersion = String(answer.result.protocolVersion);
    this.oninitialized?.();
    this.oninitialized = undefined; // it holds on to a response
  }

  private settle(id: RequestId): void {
    if (this.calls.delete(id) && this.calls.size === 0) this.onquiet?.();
  }

  private cancel(id: RequestId): void {
    this.transport.cancelled(id);
    this.settle(id);
  }

  private refuse(id: RequestId): void {
    const answer = refusedCall(id, this.maxCallsInFlight);
    this.transport.send(answer).catch(error => this.transport.onerror?.(error));
  }
}

/** The id of a request that wants an answer; undefined for anything else. */
export function callId(message: JSONRPCMessage): RequestId | undefined {
  return 'method' in message && 'id' in message ? message.id : undefined;
}

/** Of the call that this message cancels; undefined for any other message. */
export function cancelledId(message: JSONRPCMessage): RequestId | undefined {
  if (!('method' in message) || message.method !== 'notifications/cancelled') return undefined;
  const id = message.params?.requestId;
  return typeof id === 'string' || typeof id === 'number' ? id : undefined;
}

export type Sessions = ReturnType<typeof createSessions>;

/** What there is no more of. */
interface Bound {
  detail: string;
  /** Whether this session counts. */
  holds(session: Session): boolean;
}

interface Conflict {
  status: 400 | 503;
  detail: string;
}

const stoppingDetail = 'The server is stopping. Connect again in a moment.';
const sweepsPerIdle = 4; // so a session is freed at most a quarter late

export function createSessions(limits: SessionLimits, onError: (error: unknown) => void) {
  const { maxSessions, ownerShare, handshakeMs, idleMs, maxCallsInFlight } = limits;
  const sessions = new Map<string, Session>(); // a Map: '__proto__' is an id like any other
  const perOwner = new Map<string | undefined, number>();
  const maxPerOwner = Math.max(1, Math.floor(maxSessions * ownerShare));
  /** In order of opening. Those that are in use are taken out when they are met. */
  const unproven = new Set<Session>();
  let stopping = false;

  const sweep = setInterval(
    () => {
      for (const session of sessions.values()) if (session.outlived(sweepsPerIdle)) drop(session);
    },
    Math.min(idleMs / sweepsPerIdle, maxTimerMs),
  ).unref();

  /** Why `owner` can't open a session now; undefined when it can. */
  function refusal(owner: string | undefined): string | undefined {
    if (stopping) return stoppingDetail;
    const bound = boundMet(owner);
    return bound && !firstToGo(bound) ? bound.detail : undefined;
  }

  function boundMet(owner: string | undefined): Bound | undefined {
    if ((perOwner.get(owner) ?? 0) >= maxPerOwner && maxPerOwner < maxSessions)
      return {
        holds: session => session.owner === owner,
        detail: `All ${maxPerOwner} sessions that one owner may have are taken. Try again later, or end one.`,
      };
    if (sessions.size < maxSessions) return undefined;
    return {
      holds: () => true,
      detail: `All ${maxSessions} sessions are taken. Try again later, or end one.`,
    };
  }

  function firstToGo(bound: Bound): Session | undefined {
    const openedBefore = performance.now() - handshakeMs;
    for (const session of unproven) {
      if (session.inUse) unproven.delete(session);
      else if (session.openedMs > openedBefore) return undefined;
      else if (bound.holds(session)) return session;
    }
    return undefined;
  }

  /**
   * To be called when there is no refusal. In the map before it connects: the client may post as
   * soon as it reads the endpoint. And before its server is made, which may take its time: the
   * place is taken meanwhile, and lost if the session ends.
   */
  async function open(
    session: Session,
    req: IncomingMessage,
    createServer: CreateServer,
  ): Promise<void> {
    const bound = boundMet(session.owner);
    const leaving = bound && firstToGo(bound);
    if (leaving) drop(leaving);
    sessions.set(session.id, session);
    unproven.add(session);
    perOwner.set(session.owner, (perOwner.get(session.owner) ?? 0) + 1);
    session.maxCallsInFlight = maxCallsInFlight;
    session.transport.onclose = () => forget(session);
    publish(opened, session, req);
    try {
      session.server = checkedServer(await createServer(req));
      if (holds(session)) await session.server.connect(session.transport);
      else await end(session);
    } catch (error) {
      await end(session);
      throw error;
    }
  }

  /** Somebody else's session, and one of the other transport, is as unknown as none. */
  function find(id: string | undefined, kind: TransportKind, owner: string | undefined) {
    const session = id === undefined ? undefined : sessions.get(id);
    return session?.transport.kind === kind && session.owner === owner ? session : undefined;
  }

  /** Whether it has not ended. */
  const holds = (session: Session) => sessions.get(session.id) === session;

  /** Why these messages can't be taken now; undefined when they can. */
  function conflict(session: Session, messages: JSONRPCMessage[]): Conflict | undefined {
    const ids = messages.length > 1 ? new Set<RequestId>() : undefined;
    for (const message of messages) {
      const id = callId(message);
      if (id === undefined) continue;
      if (stopping) return { status: 503, detail: stoppingDetail };
      if (session.calls.get(id) || ids?.has(id))
        return { status: 400, detail: `A call with the id ${JSON.stringify(id)} is in flight.` };
      ids?.add(id);
    }
    return undefined;
  }

  async function end(session: Session): Promise<void> {
    forget(session);
    try {
      await session.server?.close();
    } catch (error) {
      logFailure(error);
    }
  }

  function logFailure(cause: unknown): void {
    onError(new Error('A session did not close.', { cause }));
  }

  /** end(), for whoever does not wait. */
  function drop(session: Session): void {
    if (holds(session)) end(session).catch(logFailure);
  }

  function forget(session: Session): void {
    if (!sessions.delete(session.id)) return;
    unproven.delete(session);
    const left = (perOwner.get(session.owner) ?? 0) - 1;
    if (left > 0) perOwner.set(session.owner, left);
    else perOwner.delete(session.owner);
    session.calls.clear();
    session.onquiet?.();
    publish(closed, session);
  }

  /** Lets calls in flight be answered, for at most `graceMs`; then ends every session. */
  async function close(graceMs: number): Promise<void> {
    stopping = true;
    clearInterval(sweep);
    const busy = [...sessions.values()].filter(session => session.calls.size > 0);
    const quiet = busy.map(session => new Promise<void>(done => (session.onquiet = done)));
    await Promise.race([Promise.all(quiet), after(graceMs)]);
    await Promise.all([...sessions.values()].map(end));
  }

  const stats = () => ({ sessions: sessions.size, maxSessions, stopping });
  return { refusal, open, find, holds, conflict, end, drop, close, stats };
}

function checkedServer(server: McpServerLike): McpServerLike {
  if (typeof server?.connect === 'function' && typeof server.close === 'function') return server;
  throw new TypeError("mcpApp: createServer gave no server. Return the SDK's McpServer from it.");
}

function after(ms: number): Promise<void> {
  return new Promise(done => setTimeout(done, ms).unref());
}

function publish(channel: typeof opened, session: Session, req?: IncomingMessage): void {
  if (!channel.hasSubscribers) return;
  const { kind } = session.transport;
  const event: SessionEvent = { sessionId: session.id, transport: kind, ...(req && { req }) };
  channel.publish(event);
}
