/**
 * What may be shown of a request, by a log or a page: never a token, never a session id whole.
 *
 * Of mcp-mount, MIT.
 */
/**
 * A session as log, page and explain name it: enough to be recognised, of no use to post with,
 * and never taken for the whole. Of 122 random bits 90 are left.
 *
 *     '3f2a91c0-7f0d-…' -> '3f2a91c0…'   'node1.3f2a91c0-7f0d-…' -> 'node1.3f2a91c0…'   'abc' -> 'a…'
 */
export function shortId(sessionId: string): string {
  if (sessionId.endsWith('…')) return sessionId; // it is short already
  const [, node = '', id = sessionId] = named.exec(sessionId) ?? [];
  return `${node}${id.slice(0, Math.min(shownChars, Math.floor(id.length / 3)))}…`;
}

// A node's name stands before an id of ours: of another server's, both parts may be the secret.
const named = /^([\w-]{1,63}[.~])([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;

const shownChars = 8; // and of an id that is short itself no more than a third

/** `text` with every session id shortened and every credential taken out. */
export function redact(text: string): string {
  return hideNamed(text)
    .replace(sessionIds, shortId)
    .replace(pathIds, shortId)
    .replace(credentials, '$1 …')
    .replace(userinfo, '$1…@');
}

const sessionIds = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi;
const pathIds = /(?<=\/)[0-9a-f]{32,}(?![\w-])/gi; // '/messages/0123…': as other servers name them
const credentials = /\b(Bearer|Basic)\s+[\w.~+/=-]+/gi;
const userinfo = /(\bhttps?:\/\/)[^/\s?#"]+@/gi;

/**
 * Takes out what a query names a secret (RFC 6750, 2.3), in a target of any form or in a text,
 * whatever the case of the name, and where it or the whole query is percent-encoded:
 *
 *     '/x?access_token=abc&page=2' -> '/x?access_token=…&page=2'
 *     '/x?next=%2fy%3ftoken%3dabc' -> '/x?next=%2fy%3ftoken%3d…'
 */
function hideNamed(text: string): string {
  let shown = '';
  let from = 0;
  for (const found of text.matchAll(names)) {
    const { 0: written, 1: name = '', index } = found;
    const hide = index < from ? undefined : hidingOf(decoded(name));
    if (!hide) continue;
    const start = index + written.length;
    const end = valueEnd(text, start);
    shown += text.slice(from, start) + hide(text.slice(start, end));
    from = end;
  }
  return shown + text.slice(from);
}

// The bound keeps a target of nothing but '%3f' from being read once for each of them.
const names = /(?:[?&;#]|%3f|%26)([^=?&;#\s"]{1,100}?)(?:=|%3d)/gi;

function hidingOf(name: string): ((value: string) => string) | undefined {
  if (namesSession.test(name)) return shortId; // of any form: it may be a good one elsewhere
  return namesSecret.test(name) ? () => '…' : undefined;
}

const namesSession = /^(?:mcp[-_]?)?session[-_]?id$/i;
const namesSecret = /(?:token|key|secret|passw(?:or)?d|code|auth|authorization|signature)$/i;

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

function valueEnd(text: string, from: number): number {
  const end = text.slice(from).search(/[&\s"]/);
  return end === -1 ? text.length : from + end;
}

/**
 * `text` as one line that a terminal shows as it stands: what would move its cursor, turn its
 * direction or begin a line is written as JSON would write it, so JSON stays the same JSON.
 */
export function printable(text: string): string {
  return text.replace(unprintable, escaped);
}

const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

// '\x9b' -> '\u009b'; beyond the first plane by its two halves, as JSON has it
function escaped(character: string): string {
  const units = character.split('').map(unit => unit.charCodeAt(0).toString(16).padStart(4, '0'));
  return units.map(unit => `\\u${unit}`).join('');
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
