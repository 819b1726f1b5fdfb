/**
 * The one connection of a node that listens: for what others change (NOTIFY), and for whether the
 * database is there at all. Cut off, it comes back by itself, waiting longer each time; then it tells
 * a change, since it may have missed some.
 */
import pg from 'pg';
import { endOf, reasonOf, type Session } from './connection.ts';

export interface Link {
  /** Whether the database was looked for and not found. */
  isAway(): boolean;
  /** A write of one's own has ended, and nobody knows how: it may have been made, or be yet. */
  doubt(): void;
  close(): Promise<void>;
}

interface LinkOptions {
  /** Called when others may have changed the list. */
  tell: () => void;
  /** How often the database is asked whether it is there, and how long that may take. */
  beatMs: number;
  onTrouble: (line: string) => void;
}

const firstPauseMs = 50;
const longestPauseMs = 2_000; // so that it is found within seconds of its return
const restMs = 100; // between tellings: of a burst its first change is told, and then its last

/** @throws what the first connection fails with */
export async function openLink(session: Session, options: LinkOptions): Promise<Link> {
  const { tell, beatMs, onTrouble } = options;
  const news = coalesced(tell, restMs);
  let client: pg.Client | undefined;
  let beat: NodeJS.Timeout | undefined;
  let pause: NodeJS.Timeout | undefined;
  let isAway = false;
  let knowsOwn = true; // each change of one's own is told by who made it
  let closed = false;

  async function connect(): Promise<void> {
    const fresh = new pg.Client({ ...session.config, query_timeout: beatMs });
    fresh.on('error', () => {}); // 'end' follows
    await fresh.connect();
    fresh.on('notification', ({ payload }) => {
      if (payload !== session.writer || !knowsOwn) news.come();
    });
    await fresh.query('LISTEN mcp_mount').catch(async error => {
      await endOf(fresh);
      throw error;
    });
    if (closed) return endOf(fresh);
    client = fresh;
    fresh.once('end', () => lost(fresh));
    beat = setInterval(() => fresh.query('SELECT').catch(() => fresh.end()), beatMs).unref();
  }

  function lost(one: pg.Client): void {
    if (client !== one) return;
    client = undefined;
    clearInterval(beat);
    if (!closed) void comeBack(firstPauseMs);
  }

  async function comeBack(pauseMs: number): Promise<void> {
    try {
      await connect();
      if (isAway) onTrouble('The database is back.');
      isAway = false;
      tell(); // what happened meanwhile, nobody said
    } catch (error) {
      if (!isAway) onTrouble(`The database is away, and looked for: ${reasonOf(error)}.`);
      isAway = true;
      if (closed) return;
      const next = Math.min(pauseMs * 2, longestPauseMs);
      pause = setTimeout(() => void comeBack(next), pauseMs * (0.5 + Math.random() / 2)); // nodes not all at once
    }
  }

  await connect();
  return {
    isAway: () => isAway,
    // From then on: a statement that is on its way may come to be carried out minutes later.
    doubt() {
      knowsOwn = false;
      news.come(); // it may have been said before the doubt
    },
    async close() {
      closed = true;
      clearInterval(beat);
      clearTimeout(pause);
      news.end();
      if (client) await endOf(client);
    },
  };
}

/** Calls `tell` at once, and then at most every `everyMs`, but once more after the last. */
function coalesced(tell: () => void, everyMs: number) {
  let rest: NodeJS.Timeout | undefined;
  let more = false;

  function come(): void {
    if (rest) more = true;
    else {
      tell();
      rest = setTimeout(over, everyMs);
    }
  }

  function over(): void {
    rest = undefined;
    if (more) {
      more = false;
      come();
    }
  }

  return { come, end: () => clearTimeout(rest) };
}
