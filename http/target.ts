/**
 * Which request targets are let in, and why not. Two parsers that read one target differently are
 * how requests get around guards: what has two readings is refused before anything is matched.
 *
 * Of mcp-mount, MIT.
 */
import type { IncomingMessage } from 'node:http';

/**
 * A request target as path and query, and the authority when it came in absolute form, which
 * every server must take (RFC 9112, 3.2.2) and which then stands in for the Host header.
 */
export function originForm(target: string): { url: string; authority?: string } {
  if (target[0] === '/') return { url: target };
  const [, authority, rest = ''] = /^https?:\/\/([^/?#]*)(.*)$/is.exec(target) ?? [];
  if (authority === undefined) return { url: target };
  return { authority, url: rest[0] === '/' ? rest : `/${rest}` };
}

/** A host name, an IPv4 or a bracketed IPv6, with or without a port: no userinfo (RFC 3986). */
export function isAuthority(text: string): boolean {
  return /^(?:[a-z0-9._~-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i.test(text);
}

/**
 * An origin as browsers send it, in any case: `'https://app.example'`, without a slash at its end
 * or the scheme's own port. Those of extensions are taken as they are (`'chrome-extension://…'`).
 */
export function isOrigin(text: string): boolean {
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@]+$/i.test(text)) return false;
  if (!/^https?:/i.test(text)) return true;
  return URL.canParse(text) && new URL(text).origin === text.toLowerCase();
}

/** Node keeps the first of two in req.headers; headersDistinct would rebuild them all each time. */
export function countHosts({ rawHeaders }: IncomingMessage): number {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts++;
  }
  return hosts;
}

/**
 * Whom a request is addressed to, in each of the ways it says so: the absolute target, HTTP/2's
 * `:authority` (RFC 9113, 8.3.1) and Host. They should agree; a guard looks at all.
 */
export function authoritiesOf({ url = '', headers }: IncomingMessage): string[] {
  const named: (string | undefined)[] = [headers.host];
  const pseudo = headers[':authority'];
  if (typeof pseudo === 'string') named.push(pseudo);
  if (url[0] !== '/') named.push(originForm(url).authority);
  return named.filter(authority => authority !== undefined);
}

/** Why two parsers could read this path differently; undefined for a plain one. */
export function ambiguity(path: string): string | undefined {
  if (path[0] !== '/') return "The request target does not start with '/'. Send a path.";
  if (plain.test(path) && !path.includes('/.')) return undefined;
  const found = suspects.find(([pattern]) => pattern.test(path))?.[1];
  return found ?? (decode(path) === undefined ? 'The path is not UTF-8 when decoded.' : undefined);
}

// One test for the plain case; which row it is gets looked up only when that fails.
const plain = /^[!"$&-[\]-~]+$/; // printable ASCII but for '#', '%' and '\\'
const suspects: [RegExp, string][] = [
  [/[^\x21-\x7e]/, 'The path holds a byte that must be percent-encoded.'],
  [/\\/, "The path holds '\\', which some parsers read as '/'."],
  [/#/, "The path holds '#', which starts a fragment. Fragments stay with the client."],
  [/%(?![0-9a-f]{2})/i, "The path holds a '%' without two hex digits after it. Write '%25'."],
  [/%2f/i, "The path holds '%2f', which some parsers read as '/'."],
  [/%5c/i, "The path holds '%5c', which some parsers read as '/'."],
  [/%00/, "The path holds '%00', at which some parsers stop."],
  [/\/(?:\.|%2e){1,2}(?:\/|$)/i, "The path holds a dot segment ('.' or '..'). Send it resolved."],
];

/** undefined for what does not decode to UTF-8. */
export function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** `'/mcp/sse?x=1'` -> `'/mcp/sse'`: the path ends at the first question mark. */
export function pathOf(target: string): string {
  const query = target.indexOf('?');
  return query === -1 ? target : target.slice(0, query);
}

/** `'/items/'` -> `'/items'`   `'/'` -> `''`   `'/items//'` -> `'/items/'`: one slash, never more */
export function withoutSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path;
}

/** Whether `prefix` holds whole segments of `path`: `'/mcp'` holds `'/mcp/sse'`, never `'/mcpx'`. */
export function holds(prefix: string, path: string): boolean {
  return path.startsWith(prefix) && (path.length === prefix.length || path[prefix.length] === '/');
}
