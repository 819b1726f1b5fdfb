/** What may be shown of a request: never a token, never a session id whole. */
import { createHash } from 'node:crypto';

/** A session as log and page name it: the same for one session, of no use to anyone else. */
export function shortId(sessionId: string): string {
  return createHash('sha256').update(sessionId).digest('hex').slice(0, 8);
}

const sessionIds = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi;
const namedSession = /([?&]sessionId=)([^&\s"]+)/g; // whatever it looks like: it may be a good one elsewhere
const credentials = /\b(Bearer|Basic)\s+[\w.~+/=-]+/gi;
const namedSecret = /([?&][\w-]*(?:token|key|secret|password|code)=)[^&\s"]+/gi; // RFC 6750, 2.3

/** `text` with every session id shortened and every credential taken out. */
export function redact(text: string): string {
  return text
    .replace(namedSession, (_, name: string, id: string) => name + shortId(id))
    .replace(sessionIds, shortId)
    .replace(credentials, '$1 …')
    .replace(namedSecret, '$1…');
}

const shownHeaders = [
  'host',
  'origin',
  'accept',
  'content-type',
  'user-agent',
  'mcp-protocol-version',
  'last-event-id',
  'x-forwarded-prefix',
];

/** The headers that explain what became of a request. */
export function shownHeadersOf(headers: NodeJS.Dict<string | string[]>): Record<string, string> {
  const shown = shownHeaders.flatMap(name => {
    const value = headers[name];
    return value === undefined ? [] : [[name, redact(String(value))]];
  });
  const secret = headers.authorization === undefined ? {} : { authorization: 'Bearer …' };
  return { ...Object.fromEntries(shown), ...secret };
}
