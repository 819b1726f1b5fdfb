/** How this process connects to PostgreSQL: with time-outs on both sides, and a name of its own. */
import { randomUUID } from 'node:crypto';
import pg from 'pg';

export interface Session {
  config: pg.ClientConfig;
  /** What the database says with each change, so that a process knows its own. */
  writer: string;
}

/** The database gives up first, and says so; this is for when nothing is heard of it at all. */
const graceMs = 1_000;

/** @param url postgres://…; its own `options` are kept */
export function sessionOf(
  url: string,
  { answerMs, connectMs }: { answerMs: number; connectMs: number },
): Session {
  const writer = randomUUID();
  const connectionString = withSettings(url, {
    search_path: 'mcp_mount',
    statement_timeout: answerMs,
    idle_in_transaction_session_timeout: answerMs,
    synchronous_commit: 'on', // a write that is acknowledged is on the disk
    'mcp_mount.writer': writer,
  });
  const config = {
    connectionString,
    connectionTimeoutMillis: connectMs,
    query_timeout: answerMs + graceMs,
    keepAlive: true,
  };
  return { config, writer };
}

// By hand: to new URL() the form for a socket, postgres://me@/list?host=/run/postgresql, is none.
function withSettings(url: string, settings: Record<string, string | number>): string {
  const [place = '', query = ''] = url.split(/\?(.*)/s, 2);
  const params = new URLSearchParams(query);
  const own = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
  params.set('options', [params.get('options') ?? '', ...own].join(' ').trim());
  return `${place}?${params}`;
}

/**
 * Whether the database has said that it did not carry a statement out. Otherwise it went away
 * (57P01 to 57P05: it said that it goes) or says itself that it doesn't know (40003), and nobody does.
 */
export function isAnswer(error: unknown): boolean {
  if (!(error instanceof pg.DatabaseError)) return false;
  if (/^(?:FATAL|PANIC)$/.test(error.severity ?? '')) return false; // the connection ends with it
  return !/^(?:57P|08|40003)/.test(error.code ?? '57P');
}

const partingMs = 500; // on a network that works, it takes one

/** Ends it in order, or without, where the network says nothing: else that would last for minutes. */
export async function endOf(client: pg.Client): Promise<void> {
  const late = setTimeout(() => client.connection.stream.destroy(), partingMs).unref();
  await client.end();
  clearTimeout(late);
}

/** For the operator. Of an address that has several, as 'localhost', each attempt fails for itself. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
