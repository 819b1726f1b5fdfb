/**
 * Ids of calls as the SDK is to see them. Its Protocol cancels no call whose id is 0 or ''
 * (_oncancel: `if (!requestId) return`): the call goes on, and is answered when its id may long be
 * that of another. So these two go to it under names of their own, and come back as what they are.
 *
 * Of mcp-mount, MIT.
 */
import { randomUUID } from 'node:crypto';
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';

const zero = randomUUID(); // which no client sends by chance
const empty = randomUUID();

export function idForSdk(id: RequestId): RequestId {
  if (id === 0) return zero;
  return id === '' ? empty : id;
}

export function idFromSdk(id: RequestId): RequestId {
  if (id === zero) return 0;
  return id === empty ? '' : id;
}

/** A call or the cancellation of one; `id` is the call's. */
export function messageForSdk(message: JSONRPCMessage, id: RequestId): JSONRPCMessage {
  const theirs = idForSdk(id);
  if (theirs === id || !('method' in message)) return message;
  if ('id' in message) return { ...message, id: theirs };
  return { ...message, params: { ...message.params, requestId: theirs } };
}

export function messageFromSdk(message: JSONRPCMessage): JSONRPCMessage {
  if ('method' in message || message.id === undefined) return message;
  const id = idFromSdk(message.id);
  return id === message.id ? message : { ...message, id };
}
