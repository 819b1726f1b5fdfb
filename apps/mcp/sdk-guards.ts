/**
 * The SDK asks of every message, one zod schema after the other, whether it is a result, an error
 * or a request. For a call the answer is no twice, and no is what zod 4.6 is slow to say: each
 * failed safeParse builds an object with accessors of its own, and so a hidden class of its own,
 * in 2 to 8 µs, and the message is kept until V8 collects its old space (npm run bench:guards).
 */
import {
  JSONRPCErrorResponseSchema,
  JSONRPCRequestSchema,
  JSONRPCResultResponseSchema,
} from '@modelcontextprotocol/sdk/types.js';
import type { z } from 'zod';

/**
 * Has the three say no at a glance where they must. Call it once, where a process starts: it holds
 * for all that use the SDK there. `success`, `data` and `error` stay as zod has them; of a no,
 * only `success` is an own key of the result.
 */
export function hurrySdkGuards(): void {
  if (hurried) return;
  hurried = true;
  sayNoTo(JSONRPCResultResponseSchema, message => 'method' in message); // strict: a key it has not
  sayNoTo(JSONRPCErrorResponseSchema, message => 'method' in message); // so is this
  sayNoTo(JSONRPCRequestSchema, message => !('id' in message));
}

let hurried = false;

function sayNoTo<T>(schema: z.ZodType<T>, never: (message: object) => boolean): void {
  const { safeParse } = schema;
  schema.safeParse = (value, params) =>
    typeof value === 'object' && value !== null && never(value)
      ? new Misfit(() => safeParse(value, params).error as z.ZodError<T>) // it is a no
      : safeParse(value, params);
}

/** A failed result whose getter is shared by all. */
class Misfit<T> {
  readonly success = false;
  readonly #explain: () => z.ZodError<T>;
  #error: z.ZodError<T> | undefined;

  constructor(explain: () => z.ZodError<T>) {
    this.#explain = explain;
  }

  get error(): z.ZodError<T> {
    this.#error ??= this.#explain();
    return this.#error;
  }
}
