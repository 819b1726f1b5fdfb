/** How clients enter: what a stranger asks first, and how it shows that it is let in. */
import type { Found } from './discover.ts';
import { messagesIn } from './messages.ts';
import { type Answer, type Asked, isEventStream } from './wire.ts';

export interface Entry {
  method: string;
  path: string;
  asked: Asked;
}

export const streamAsked: Asked = { headers: { Accept: 'text/event-stream' } };

/** Streamable HTTP's first, where there are both. */
export function entriesOf({ doors, endpoint }: Found): Entry[] {
  const entries = doors
    .filter(({ kind }) => kind === 'streamable')
    .map(({ path, opening }): Entry => ({ method: 'POST', path, asked: opening }));
  if (endpoint) entries.push({ method: 'GET', path: endpoint.path, asked: streamAsked });
  return entries;
}

/** Whether the answer is one of an MCP server, and no refusal. */
export function isLetIn({ status, headers, body }: Answer): boolean {
  if (status >= 300) return false;
  return isEventStream(headers) || messagesIn(body).some(({ result }) => result !== undefined);
}
