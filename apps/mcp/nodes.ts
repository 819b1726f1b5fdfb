/**
 * Which of several nodes a session is on. Its id begins with the node's name, and the client is told
 * to say it with every request, so any proxy can send the request to the node that has the session:
 *
 *     Streamable   Mcp-Session-Id: a.3f2a91c0-…
 *     SSE          POST /mcp/messages?node=a&sessionId=3f2a91c0-…      the same id, in two parts
 *
 * Balancers that choose by a hash of the id can't: the id is made after the choice.
 *
 * Of mcp-mount, MIT.
 */
import type { Rule } from '../../http/options.ts';

/** As a proxy's configuration, a host name and a header may hold it; 63 is a DNS label's bound. */
const name = '[A-Za-z0-9-]{1,63}';
const wholeName = new RegExp(`^${name}$`);
const leadingName = new RegExp(`^(${name})\\.`);

export function isNodeName(text: string): boolean {
  return wholeName.test(text);
}

export const aNodeName: Rule = value =>
  typeof value === 'string' && isNodeName(value)
    ? undefined
    : "is 1 to 63 letters, digits and '-', as 'node-1'";

/** `'a', '3f2a…' -> 'a.3f2a…'`; of a node without a name the id as it is. */
export function sessionIdOn(node: string | undefined, id: string): string {
  return node === undefined ? id : `${node}.${id}`;
}

/** `'a.3f2a…' -> 'a'`; undefined for the id of a node without a name. */
export function nodeOf(sessionId: string): string | undefined {
  return leadingName.exec(sessionId)?.[1];
}

/** Of the place to post to: `'/mcp/messages' -> '/mcp/messages?node=a'`. */
export function endpointOn(node: string | undefined, endpoint: string): string {
  return node === undefined ? endpoint : `${endpoint}?node=${node}`;
}

/** The id that a target of that place names: `'/messages?node=a&sessionId=3f2a…' -> 'a.3f2a…'`. */
export function sessionIdIn(target = ''): string | undefined {
  const id = /[?&]sessionId=([^&]*)/.exec(target)?.[1];
  if (id === undefined) return undefined;
  return sessionIdOn(/[?&]node=([^&]*)/.exec(target)?.[1], id);
}
