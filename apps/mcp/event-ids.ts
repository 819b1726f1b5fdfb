/**
 * What the id of an event says: its stream, its number there, and the calls that the stream still
 * owed an answer after it.
 *
 *     5.0.7    stream 5, nothing yet, call 7 is to be answered
 *     5.1      the answer: nothing is owed any more
 *
 * A client that comes back shows the last id it has seen (Last-Event-ID). So the server knows what
 * that client waits for, however long ago the answer was given and forgotten, and keeps nothing.
 *
 * Of mcp-mount, MIT.
 */
import type { RequestId } from '@modelcontextprotocol/sdk/types.js';

export interface EventId {
  stream: number;
  seq: number;
  owed: RequestId[];
}

/** Fits in a header. Of a batch, the calls that fit are named; the loss of others goes untold. */
const maxOwedChars = 1_000;

/** @param owed names of calls, of namesOf() */
export function eventId(stream: number, seq: number, owed: string): string {
  if (owed === '') return `${stream}.${seq}`;
  const end = owed.length > maxOwedChars ? owed.lastIndexOf(',', maxOwedChars) : owed.length;
  return `${stream}.${seq}.${owed.slice(0, end)}`;
}

/** Those that are not too long to be named. */
export function namesOf(calls: RequestId[]): string {
  const [only] = calls;
  if (only !== undefined && calls.length === 1) return nameOf(only) ?? ''; // as it mostly is
  return calls
    .map(nameOf)
    .filter(name => name !== undefined)
    .join();
}

/** Of a batch, each answer takes one out, mostly the first. */
export function without(owed: string, call: RequestId): string {
  if (owed === '') return '';
  const name = nameOf(call);
  if (owed === name) return '';
  if (owed.startsWith(`${name},`)) return owed.slice(owed.indexOf(',') + 1);
  return owed
    .split(',')
    .filter(each => each !== name)
    .join();
}

/** undefined for what eventId() does not give. */
export function parseEventId(text: string): EventId | undefined {
  const [, stream, seq, names] = /^(\d{1,15})\.(\d{1,15})(?:\.(.+))?$/.exec(text) ?? [];
  if (stream === undefined || (names?.length ?? 0) > maxOwedChars) return undefined;
  const owed = names?.split(',').map(callNamed) ?? [];
  if (!owed.every(id => id !== undefined)) return undefined;
  return { stream: Number(stream), seq: Number(seq), owed };
}

/**
 * A call's name in an event's id: ASCII, as a header has it, and no comma, which parts two.
 *
 *     7 -> '7'    '7' -> '~7'    'a,b' -> '~a%2Cb'
 *
 * @returns undefined for an id that is too long to be named
 */
function nameOf(id: RequestId): string | undefined {
  if (typeof id === 'number') return `${id}`;
  if (id.length > maxOwedChars) return undefined;
  const name = `~${encodeURIComponent(JSON.stringify(id).slice(1, -1))}`; // escapes half characters
  return name.length > maxOwedChars ? undefined : name;
}

function callNamed(name: string): RequestId | undefined {
  try {
    if (name.startsWith('~')) return JSON.parse(`"${decodeURIComponent(name.slice(1))}"`);
    const id: unknown = JSON.parse(name);
    return typeof id === 'number' ? id : undefined;
  } catch {
    return undefined;
  }
}
