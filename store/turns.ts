/**
 * Taking turns at what somebody else may have locked, without stopping the process: SQLite's own
 * busy time-out sleeps on the one thread there is. Knows no database.
 */

export interface Turns {
  /** Calls `attempt` until it is not refused by a lock; whoever came first goes first. */
  take<T>(attempt: () => T): Promise<T>;
  /** Rejects all that wait, and all that comes later, with `reason`. */
  end(reason: Error): void;
}

export interface TurnsOptions {
  /** Whether what an attempt threw was the lock, so that another one may succeed. */
  isLock: (error: unknown) => boolean;
  /** How long a turn is waited for, in ms. Then it rejects with what the last attempt threw. */
  waitMs: number;
}

const pauseMs = 5; // between attempts, each some 20 µs: nobody feels the one or the other
const maxWaiting = 1_000; // each holds a request in memory; past it there is no waiting

interface Turn {
  attempt(): void;
  reject(error: unknown): void;
  /** As performance.now() tells it. */
  until: number;
}

export function inTurn({ isLock, waitMs }: TurnsOptions): Turns {
  let waiting: Turn[] = [];
  let lock: unknown; // as the last attempt threw it
  let ended: Error | undefined;

  function take<T>(attempt: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (ended) return reject(ended);
      if (waiting.length === maxWaiting) return reject(lock);
      const until = performance.now() + waitMs;
      waiting.push({ attempt: () => resolve(attempt()), reject, until });
      if (waiting.length === 1) advance();
    });
  }

  function advance(): void {
    for (let [turn] = waiting; turn; [turn] = waiting) {
      if (!isOver(turn)) return void giveUpOrWait();
      waiting.shift();
    }
  }

  /** Tries it once. Not over is what met a lock. */
  function isOver({ attempt, reject }: Turn): boolean {
    try {
      attempt();
    } catch (error) {
      if (isLock(error)) {
        lock = error;
        return false;
      }
      reject(error);
    }
    return true;
  }

  // All wait equally long, so those whose time is over stand in front. They are never tried again.
  function giveUpOrWait(): void {
    const now = performance.now();
    const over = waiting.filter(({ until }) => until <= now);
    waiting = waiting.slice(over.length);
    for (const { reject } of over) reject(lock);
    if (waiting.length > 0) setTimeout(advance, pauseMs); // not unref'd: somebody waits for it
  }

  function end(reason: Error): void {
    ended = reason;
    for (const { reject } of waiting) reject(reason);
    waiting = [];
  }
  return { take, end };
}
