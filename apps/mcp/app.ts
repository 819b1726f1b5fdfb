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
 */
import type { Router } from '../../http/app.ts';
import { createRouter } from '../../router.ts';
import { Backlog } from './backlog.ts';
import { type MessageLimits, messageDefaults } from './messages.ts';
import {
  createSessions,
  type McpServerLike,
  type SessionLimits,
  type Sessions,
  sessionDefaults,
} from './sessions.ts';
import { openSse, postToSse } from './sse.ts';
import { type StreamLimits, streamDefaults } from './stream.ts';
import { endSession, listen, post } from './streamable.ts';

/** Every limit has its unit and its reason where its default stands. */
export interface McpOptions extends Partial<SessionLimits & MessageLimits & StreamLimits> {
  /** `'relative'`: always name the place to post relative to the stream (see endpointFor). */
  endpoint?: 'absolute' | 'relative';
  /** Answer Streamable calls with one JSON body, not a stream, where the client takes both. */
  enableJsonResponse?: boolean;
  /** ms that `close()` lets calls in flight take. */
  graceMs?: number;
}

export interface McpApp extends Router {
  /** For health checks and tests. */
  stats(): { sessions: number; maxSessions: number; stopping: boolean };
}

const graceMs = 10_000; // a third of what common supervisors allow before they kill

/**
 * @param createServer called once a session. One server for all would hand one client's answers
 *   to another (CVE-2026-25536).
 */
export function mcpApp(createServer: () => McpServerLike, options: McpOptions = {}): McpApp {
  const all: Required<McpOptions> = {
    ...sessionDefaults,
    ...messageDefaults,
    ...streamDefaults,
    endpoint: 'absolute',
    enableJsonResponse: false,
    graceMs,
    ...given(options),
  };
  const context: Context = {
    createServer,
    options: all,
    sessions: createSessions(all),
    backlog: new Backlog(all.maxBufferedTotalBytes),
  };
  const router = createRouter()
    .get('/sse', openSse(context), about.sse)
    .post('/messages', postToSse(context), about.messages)
    .post('/', post(context))
    .get('/', listen(context))
    .delete('/', endSession(context));
  return Object.assign(router, {
    close: () => context.sessions.close(context.options.graceMs),
    stats: context.sessions.stats,
  });
}

/** For those who come with another method. */
const about = {
  sse: {
    otherMethod:
      'This is the stream of the older SSE transport: GET it, then post to the place its first event names. A Streamable HTTP client posts to the mount itself.',
  },
  messages: {
    otherMethod:
      "A client does not begin here: it GETs …/sse, whose first event names this place with the session's id.",
  },
};

/** An option that is undefined is one not given. */
function given(options: McpOptions): McpOptions {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries);
}

/** What the handlers of one app share. */
export interface Context {
  createServer: () => McpServerLike;
  options: Required<McpOptions>;
  sessions: Sessions;
  /** What waits for readers, of all sessions together. */
  backlog: Backlog;
}
