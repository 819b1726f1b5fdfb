/**
 * Clients of every era at one mount. Those with sessions (SSE, and Streamable HTTP from 2025-03-26
 * to 2025-11-25) get one app; those without (2026-07-28) version 2 of the SDK, which has no SSE:
 *
 *     router.mount('/mcp', everyEra(mcpApp(…), createMcpHandler(…, { legacy: 'reject' })))
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { toNodeHandler, toWebRequest } from '@modelcontextprotocol/node';
import { isLegacyRequest, type McpHttpHandler } from '@modelcontextprotocol/server';
import type { App } from '../../http/app.ts';
import { readJson } from '../../http/body.ts';
import { sendProblem } from '../../http/problem.ts';

const maxBytes = 4 * 1024 * 1024; // of a message: the SDK's own bound

export function everyEra(withSessions: App, without: McpHttpHandler): App & { inner: App } {
  const answerWithout = toNodeHandler(without);

  async function serve(req: IncomingMessage, res: ServerResponse): Promise<unknown> {
    if (!isMessage(req)) return withSessions(req, res);
    const body = await readJson(req, { maxBytes });
    if (!body.ok) return sendProblem(res, { status: body.status, detail: body.detail });
    // The SDK's own rule: what a message says in its _meta, against its headers.
    const message = await toWebRequest(asIs(req), body.value);
    if (!(await isLegacyRequest(message, body.value)))
      return answerWithout(asIs(req), res, body.value);
    return withSessions(Object.assign(req, { body: body.value }), res); // it was read once, for both
  }

  async function close(): Promise<void> {
    await Promise.all([without.close(), withSessions.close?.()]);
  }
  return Object.assign(serve, { inner: withSessions, close });
}

/** What may be of either: a POST to the mount itself, and not of a session. */
function isMessage({ method, url = '', headers }: IncomingMessage): boolean {
  return method === 'POST' && /^\/(?:\?|$)/.test(url) && headers['mcp-session-id'] === undefined;
}

// A request of a server's has a method and a url; Node's type leaves both open, for answers have none.
function asIs(req: IncomingMessage): Parameters<typeof toWebRequest>[0] {
  return req as Parameters<typeof toWebRequest>[0];
}
