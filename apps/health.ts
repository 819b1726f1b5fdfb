/** What a supervisor asks: is it alive, may traffic come. Plain handlers, without a token. */
import { z } from 'zod';
import type { Handler } from '../http/app.ts';
import { sendProblem } from '../http/problem.ts';
import type { RouteAbout } from './docs/openapi.ts';
import type { McpApp } from './mcp/app.ts';

/** GET /healthz -> 200 for as long as the process answers at all */
export function alive(mcp: McpApp): Handler {
  return (_req, res) => send(res, { status: 'ok', ...mcp.stats() });
}

/** What the server can't do without, such as a database. */
export interface Ground {
  /** What is wrong with it, in a sentence for people. */
  trouble(): string | undefined;
}

/** GET /readyz -> 200, or 503 once the server is stopping, or while `ground` is in trouble */
export function ready(mcp: McpApp, ground: Ground): Handler {
  return (_req, res) => {
    const { stopping, ...counts } = mcp.stats();
    const detail = stopping ? 'The server is stopping. Send no more.' : ground.trouble();
    if (detail === undefined) return send(res, { status: 'ready', ...counts });
    sendProblem(res, { status: 503, detail, ...counts });
  };
}

function send(res: Parameters<Handler>[1], body: object): void {
  const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' };
  res.writeHead(200, headers).end(JSON.stringify(body));
}

const counts = { sessions: z.int(), maxSessions: z.int() };

/** What the two say of themselves in the documents. */
export const about = {
  alive: {
    id: 'alive',
    summary: 'Whether the process answers at all',
    open: true,
    answers: {
      200: {
        description: 'It does',
        schema: z.object({ status: z.literal('ok'), ...counts, stopping: z.boolean() }),
      },
    },
  },
  ready: {
    id: 'ready',
    summary: 'Whether requests may come',
    open: true,
    answers: {
      200: { description: 'They may', schema: z.object({ status: z.literal('ready'), ...counts }) },
      503: {
        description: 'The server is stopping, or the list can’t be written.',
        schema: z.looseObject(counts),
      },
    },
  },
} satisfies Record<string, RouteAbout>;
