/** How long anything may take. */
import { setTimeout as wait } from 'node:timers/promises';

const boundMs = 15_000; // for each answer: some hundred times what it takes

/** Rejects when `promise` is not settled within the bound, or within so many bounds. */
export async function within<T>(promise: Promise<T>, what: string, bounds = 1): Promise<T> {
  const ms = bounds * boundMs;
  const over = new AbortController();
  const late = wait(ms, undefined, { signal: over.signal, ref: false });
  const never = late.then(() => Promise.reject(new Error(`${what}: nothing for ${ms} ms`)));
  never.catch(() => {}); // it is told through the race, or came to nothing
  try {
    return await Promise.race([promise, never]);
  } finally {
    over.abort();
  }
}
