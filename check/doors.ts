/** The places where messages are posted, and how a session is opened at each. */
import { sessionless } from './messages.ts';
import {
  type Locate,
  type OpenOptions,
  openSseStream,
  type Session,
  SseSession,
  StreamableSession,
} from './session.ts';
import { Refused, Trouble } from './trouble.ts';
import type { Visit } from './visit.ts';

/** A place where messages are posted. */
export interface Door {
  kind: Session['kind'];
  /** Where a client enters: the stream over SSE, the one endpoint over Streamable HTTP. */
  path: string;
  /** Open throughout, for probes that do it no harm. */
  shared: Session;
  /** Opens one of the probe's own. */
  open(visit: Visit, options?: OpenOptions): Promise<Session>;
}

export interface Endpoint {
  path: string;
  /** The event's data. */
  data: string;
  /** Why it leads nowhere; undefined where it leads back to the server. */
  wrong?: string;
}

/** @throws Trouble when there is no Streamable HTTP */
export async function streamableAt(visit: Visit, path: string): Promise<Door> {
  const open = (visit: Visit, options?: OpenOptions) =>
    StreamableSession.open(visit, path, options);
  const kind = 'streamable';
  try {
    return { kind, path, open, shared: await open(visit) };
  } catch (error) {
    if (!(error instanceof Refused) || error.answer.status !== 400) throw error;
    // It may know no initialize any more.
    const openModern = (visit: Visit, options?: OpenOptions) =>
      open(visit, { version: sessionless, ...options });
    const shared = await openModern(visit).catch(() => undefined);
    if (!shared) throw error;
    return { kind, path, open: openModern, shared };
  }
}

/** @throws Trouble when there is no stream of the older transport; one that names a wrong place is one */
export async function sseAt(
  visit: Visit,
  path: string,
): Promise<{ endpoint: Endpoint; door: Door | undefined }> {
  const opening = await openSseStream(visit, path);
  const { endpoint: data } = opening;
  const url = new URL(path, visit.origin);
  if (!URL.canParse(data, url.href)) {
    opening.stream.close();
    return { endpoint: { path, data, wrong: `${data} is no URL` }, door: undefined };
  }
  const asNamed: Locate = named => pathOf(new URL(named, url));
  const elsewhere = new URL(data, url).host !== url.host;
  try {
    const shared = await SseSession.on(visit, opening, asNamed(data));
    const wrong = `it names another host, ${new URL(data, url).origin}`;
    const endpoint = { path, data, ...(elsewhere && { wrong }) };
    return { endpoint, door: sseDoor(path, asNamed, shared) };
  } catch (error) {
    opening.stream.close();
    if (!(error instanceof Trouble)) throw error;
    return sseUnderMount(visit, { path, data, wrong: error.message }, asNamed);
  }
}

/** Where the endpoint event lacks the mount's prefix, what is behind it is looked at all the same. */
async function sseUnderMount(visit: Visit, endpoint: Endpoint, asNamed: Locate) {
  const { path, data } = endpoint;
  const prefixed: Locate = named => mountOf(path) + asNamed(named);
  if (prefixed(data) === asNamed(data)) return { endpoint, door: undefined };
  const shared = await SseSession.open(visit, path, prefixed).catch(() => undefined);
  if (!shared) return { endpoint, door: undefined };
  const wrong = `${endpoint.wrong}, and ${prefixed(data).replace(/\?.*/, '')} is where it takes them`;
  return { endpoint: { ...endpoint, wrong }, door: sseDoor(path, prefixed, shared) };
}

// '/team/mcp/sse' -> '/team/mcp'   '/sse' -> ''
function mountOf(path: string): string {
  return path.replace(/\/[^/]*$/s, '');
}

function pathOf({ pathname, search }: URL): string {
  return pathname + search;
}

function sseDoor(path: string, locate: Locate, shared: Session): Door {
  const open = (visit: Visit, options?: OpenOptions) =>
    SseSession.open(visit, path, locate, options);
  return { kind: 'sse', path, shared, open };
}
