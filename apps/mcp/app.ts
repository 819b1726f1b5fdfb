/**
 * Any MCP server as an App, mounted with one line:
 *
 *     router.mount('/mcp', mcpApp(() => shoppingServer(store)))
 *
 *     /            Streamable HTTP: POST, GET, DELETE
 *     /sse         the legacy SSE transport's stream, which names
 *     /messages    the place to post to
 *
 * All relative to the mount. FastAPI: app.mount('/mcp', mcp.sse_app()). Put a guard around it
 * before anyone but this machine can reach it (guard.ts).
 *
 * Of mcp-mount, MIT.
 */
import type { IncomingMessage } from 'node:http';
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import type { Router } from '../../http/app.ts';
import { logRequestError } from '../../http/log.ts';
import {
  aBoolean,
  aFunction,
  aShare,
  checkFunction,
  given,
  maxTimerMs,
  type Optional,
  oneOf,
  type Rule,
  wholeNumber,
} from '../../http/options.ts';
import { createRouter } from '../../router.ts';
import { Backlog } from './backlog.ts';
import { type MessageLimits, messageDefaults } from './messages.ts';
import { unknownSession } from './refuse.ts';
import {
  type CreateServer,
  createSessions,
  type SessionLimits,
  type Sessions,
  sessionDefaults,
} from './sessions.ts';
import { openSse, postToSse } from './sse.ts';
import { type StreamLimits, streamDefaults } from './stream.ts';
import { endSession, listen, noSession, post, postStateless } from './streamable.ts';

/** Each may be left out. */
export type McpOptions = Optional<McpSettings>;

/** Every limit has its unit and its reason where its default stands. */
export interface McpSettings extends SessionLimits, MessageLimits, StreamLimits {
  /** `'relative'`: always name the place to post relative to the stream (see endpointFor). */
  endpoint: 'absolute' | 'relative';
  /** Answer Streamable calls with one JSON body, not a stream, where the client takes both. */
  enableJsonResponse: boolean;
  /**
   * Streamable HTTP without sessions, for servers behind any balancer: each POST has a server of
   * its own and is complete in itself, so a server can't ask its client anything or say anything
   * unasked. `maxSessions` bounds the POSTs at once. GET and DELETE are 405, and SSE is off.
   */
  stateless: boolean;
  /** ms that `close()` lets calls in flight take. */
  graceMs: number;
  /**
   * Whom a session belongs to: by default who has the token that opened it. Clients refresh
   * theirs in mid-session, and users may share a `clientId`: name the issuer and the subject.
   */
  owner(auth: AuthInfo): string;
  /** Told what failed, with the request if it was one's. The client is told 500 and no more. */
  onError(error: unknown, req?: IncomingMessage): void;
}

export interface McpApp extends Router {
  /** For health checks and tests. */
  stats(): { sessions: number; maxSessions: number; stopping: boolean };
}

const defaults: McpSettings = {
  ...sessionDefaults,
  ...messageDefaults,
  ...streamDefaults,
  endpoint: 'absolute',
  enableJsonResponse: false,
  stateless: false,
  graceMs: 10_000, // a third of what common supervisors allow before they kill
  owner: ({ token }) => token,
  onError: logError,
};

const rules: Record<keyof McpSettings, Rule> = {
  maxSessions: wholeNumber(1),
  ownerShare: aShare,
  handshakeMs: wholeNumber(0),
  idleMs: wholeNumber(1),
  maxCallsInFlight: wholeNumber(1),
  maxBodyBytes: wholeNumber(1),
  maxJsonDepth: wholeNumber(1, 1_000), // far more, and a stack overflows
  maxBatch: wholeNumber(1),
  keepAliveMs: wholeNumber(1, maxTimerMs),
  maxBufferedBytes: wholeNumber(0),
  maxBufferedTotalBytes: wholeNumber(0),
  retryMs: wholeNumber(0),
  endpoint: oneOf('absolute', 'relative'),
  enableJsonResponse: aBoolean,
  stateless: aBoolean,
  graceMs: wholeNumber(0, maxTimerMs),
  owner: aFunction,
  onError: aFunction,
};

/**
 * @param createServer called once a session, with the request that begins it. One server for all
 *   would hand one client's answers to another (CVE-2026-25536). What it throws is that client's 500.
 * @throws TypeError that names the option which can't be
 */
export function mcpApp(createServer: CreateServer, options: McpOptions = {}): McpApp {
  checkFunction('mcpApp', 'createServer, which makes a server for each session,', createServer);
  const settings: McpSettings = { ...defaults, ...given('mcpApp', options, rules) };
  const sessions = createSessions(settings, settings.onError);
  const backlog = new Backlog(settings.maxBufferedTotalBytes);
  const context: Context = { createServer, options: settings, sessions, backlog };
  const router = createRouter({ onError: settings.onError });
  if (settings.stateless) router.post('/', postStateless(context), about.stateless);
  else addSessions(router, context);
  return Object.assign(router, {
    close: () => sessions.close(settings.graceMs),
    stats: sessions.stats,
  });
}

function addSessions(router: Router, context: Context): void {
  router.get('/sse', openSse(context), about.sse);
  router.post('/messages', postToSse(context), about.messages);
  router.post('/', post(context));
  router.get('/', listen(context), about.session);
  router.delete('/', endSession(context), about.session);
}

/** For those who come with another method, or without what is asked for. */
const about = {
  session: { bare: { status: 400, detail: noSession } },
  sse: {
    otherMethod:
      'This is the stream of the older SSE transport: GET it, then post to the place its first event names. A Streamable HTTP client posts to the mount itself.',
  },
  stateless: {
    otherMethod: 'There are no sessions here: each POST is complete in itself.',
  },
  messages: {
    otherMethod:
      "A client does not begin here: it GETs …/sse, whose first event names this place with the session's id.",
    bare: { status: 404, detail: unknownSession },
  },
};

function logError(error: unknown, req?: IncomingMessage): void {
  if (req) logRequestError(error, req);
  else console.error(error);
}

/** What the handlers of one app share. */
export interface Context {
  createServer: CreateServer;
  options: McpSettings;
  sessions: Sessions;
  /** What waits for readers, of all sessions together. */
  backlog: Backlog;
}
