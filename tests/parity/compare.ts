/**
 * Each recorded request, asked of our own server, and in what the two answers differ for a client:
 *
 *     the status, where it sends one (Location), which methods it names (Allow); and of a success
 *     the kind of body, the body, and what holds a stream back or not
 *
 * The words of a refusal are no difference: there text or `{"detail":…}`, here always a problem.
 */
import type { IncomingMessage } from 'node:http';

import { createApp } from '../../server.ts';
import { memoryStore, type Store } from '../../store.ts';
import { listen } from '../held.ts';
import { type Answer, ask, type Recorded, recorded } from './ask.ts';
import { reasons } from './reasons.ts';

export const mounts = { mcp: '/mcp', root: '/' };
export type MountName = keyof typeof mounts;

export interface Row {
  request: Recorded;
  ours: Answer;
  differs: string[];
  /** Why ours is what it is; undefined where nothing was said of this request. */
  reason: string | undefined;
}

/** A row for each request that was recorded at this mount, the same ones once. */
export async function compare(mount: MountName): Promise<Row[]> {
  const keys = recorded('mcp').map(keyOf);
  const rows: Row[] = [];
  const seen = new Set<string>();
  for (const [i, request] of recorded(mount).entries()) {
    const own = keyOf(request) + request.body;
    if (seen.has(own)) continue; // '/mcp' and '/mcp/' are one target where MCP is at '/'
    seen.add(own);
    const ours = await answerOf(mounts[mount], request);
    const differs = differences(request.answer, ours, request.method);
    rows.push({ request, ours, differs, reason: reasonFor(keys[i] ?? '', mount) });
  }
  return rows;
}

/** `'GET /mcp/sse'`   `'GET /items/, Host: evil.example'` */
export function keyOf({ method, target, head }: Recorded): string {
  const told = head.filter(line => !line.startsWith('Content-Type:'));
  return [`${method} ${target}`, ...told].join(', ');
}

function reasonFor(key: string, mount: MountName): string | undefined {
  const reason = reasons[key];
  if (typeof reason === 'object') return reason[mount];
  return reason !== undefined && mount === 'root' ? 'As at `/mcp`.' : reason;
}

/** Of a server of its own: a POST adds to the list. */
async function answerOf(mount: string, request: Recorded): Promise<Answer> {
  const store = memoryStore();
  await leaveOne(store);
  const running = await listen(createApp(store, { mount }), ['127.0.0.1'], 0);
  try {
    return await ask(running.port, request);
  } finally {
    await running.stop();
  }
}

/** The original's list has the first of our three. */
async function leaveOne(store: Store): Promise<void> {
  const [, ...others] = await store.list();
  for (const { id } of others) await store.remove(id);
}

function differences(theirs: Answer, ours: Answer, method: IncomingMessage['method']): string[] {
  const isSuccess = ours.status < 300 && ours.status === theirs.status;
  const hasBody = isSuccess && method !== 'HEAD';
  const found: [name: string, differs: boolean][] = [
    ['status', theirs.status !== ours.status],
    ['Location', theirs.headers.location !== ours.headers.location],
    ['Allow', methodsIn(theirs) !== methodsIn(ours)],
    ['Cache-Control', isSuccess && isStream(ours) && cacheOf(theirs) !== cacheOf(ours)],
    ['type', isSuccess && typeOf(theirs) !== typeOf(ours)],
    ['body', hasBody && theirs.body.trim() !== ours.body.trim()],
  ];
  return found.filter(([, differs]) => differs).map(([name]) => name);
}

/** In no order: `'GET, HEAD'`. */
export function methodsIn({ headers }: Answer): string {
  return (headers.allow ?? '').split(', ').sort().join(', ');
}

export function isStream(answer: Answer): boolean {
  return typeOf(answer) === 'text/event-stream';
}

export function typeOf({ headers }: Answer): string {
  return headers['content-type']?.split(';', 1)[0] ?? '';
}

function cacheOf({ headers }: Answer): string | undefined {
  return headers['cache-control'];
}
