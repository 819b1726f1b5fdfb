/**
 * What a server says that works when one asks it directly, and breaks behind a proxy. Pure.
 *
 *     upstream http://localhost:8000, asked through http://localhost:5500/mcp/sse:
 *
 *     endpoint '/mcp/messages?…'                     comes back
 *              'messages?…'                          comes back, also where a proxy strips a prefix
 *              'http://localhost:8000/mcp/messages'  names another host
 *              '/messages?…'                         escapes '/mcp'
 *     redirect '/mcp/'                               comes back
 *              'http://localhost:8000/mcp/'          leads to the upstream itself
 */
import { isLoopback } from '../../guard.ts';
import { holds } from '../../http/target.ts';

/** Where the client asked. */
export interface Asked {
  /** As the client wrote it: the proxy's host, the whole path. */
  url: URL;
  /** Where the proxy is mounted. */
  rootPath: string;
}

/** Why posts to `reference`, an endpoint event's, miss the proxy; undefined where they reach it. */
export function endpointBypass(reference: string, { url, rootPath }: Asked): string | undefined {
  const to = resolved(reference, url);
  if (!to) return `The endpoint event names no URL: ${reference}`;
  if (to.host !== url.host)
    return `The endpoint event names another host, ${to.host}: clients that compare it refuse it, the others post past the proxy. Name a path, such as ${to.pathname}.`;
  const prefix = longer(rootPath, folderOf(url.pathname));
  if (holds(prefix, to.pathname)) return undefined;
  return `The endpoint event names ${to.pathname}, which is not below ${prefix}: a proxy that passes on ${prefix} alone gets the stream and not the messages. Name ${prefix}${to.pathname}, or a path relative to the stream.`;
}

/** Why whoever follows a redirect to `location` misses the proxy; undefined where they reach it. */
export function redirectBypass(
  location: string,
  { url, rootPath }: Asked,
  upstream: URL,
): string | undefined {
  const to = resolved(location, url);
  if (!to) return undefined;
  if (to.host !== url.host && isSameServer(to, upstream))
    return `The redirect leads to the upstream’s own address, ${to.host}: who follows it goes past the proxy, and from another machine nowhere. Redirect to a path, or answer both spellings.`;
  if (to.host !== url.host || holds(rootPath, to.pathname)) return undefined;
  return `The redirect leads to ${to.pathname}, which is not below ${rootPath}, where the proxy is.`;
}

function resolved(reference: string, { href }: URL): URL | undefined {
  return URL.canParse(reference, href) ? new URL(reference, href) : undefined;
}

// '/mcp/sse' -> '/mcp'   '/mcp/sse/' -> '/mcp'   '/sse' -> ''
function folderOf(path: string): string {
  return path.replace(/\/$/, '').replace(/\/[^/]*$/, '');
}

function longer(one: string, other: string): string {
  return one.length > other.length ? one : other;
}

/** A server on this machine may know itself by another of its names. */
function isSameServer(one: URL, other: URL): boolean {
  if (one.host === other.host) return true;
  return portOf(one) === portOf(other) && isLoopback(one.host) && isLoopback(other.host);
}

/** Also where it is the usual one, which a URL leaves out. */
export function portOf({ port, protocol }: URL): string {
  return port || (protocol === 'https:' ? '443' : '80');
}
