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
import type { Router } from '../../http/app.ts';
import { checkFunction } from '../../http/options.ts';
import { createRouter } from '../../router.ts';
import { Backlog } from './backlog.ts';
import { unknownSession } from './refuse.ts';
import { type CreateServer, createSessions } from './sessions.ts';
import { type Context, type McpOptions, settingsOf } from './settings.ts';
import { openSse, postToSse } from './sse.ts';
import { endSession, listen, noSession, post, postStateless } from './streamable.ts';

export type { McpOptions } from './settings.ts';

/** What `mcpApp` gives: to be mounted. Its `close()` lets calls in flight finish, then ends all sessions. */
export interface McpApp extends Router {
  /** For health checks and tests. */
  stats(): { sessions: number; maxSessions: number; stopping: boolean };
}

/**
 * An MCP server as an App: Streamable HTTP at its mount, SSE at `/sse` and `/messages` below.
 *
 * @param createServer called once a session, with the request that begins it. One server for all
 *   would hand one client's answers to another (CVE-2026-25536). What it throws is that client's 500.
 * @throws TypeError that names the option which can't be
 */
export function mcpApp(createServer: CreateServer, options: McpOptions = {}): McpApp {
  checkFunction('mcpApp', 'createServer, which makes a server for each session,', createServer);
  const settings = settingsOf(options);
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
