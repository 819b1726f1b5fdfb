/** The places where messages are posted, and how a session is opened at each. */
import { initialize, sessionless } from './messages.ts';
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
import type { Asked } from './wire.ts';

type Open = (visit: Visit, options?: OpenOptions) => Promise<Session>;

/** A place where messages are posted. */
export class Door {
  readonly kind: Session['kind'];
  /** Where a client enters: the stream over SSE, the one endpoint over Streamable HTTP. */
  readonly path: string;
  /** Open throughout. */
  readonly shared: Session;
  /** Opens another. */
  readonly open: Open;
  /** Whether there is one session for all clients, so that no other can be opened. */
  oneForAll = false;

  constructor(path: string, shared: Session, open: Open) {
    this.kind = shared.kind;
    this.path = path;
    this.shared = shared;
    this.open = open;
  }

  /** What a client says first, ready to be posted: nothing has to be open for it. */
  get opening(): Asked {
    return this.shared.version < sessionless ? initialize : this.shared.ping();
  }

  /** One to do as one likes with: a server may end it for what is posted in it. */
  async session(visit: Visit): Promise<Session> {
    const isThere = this.oneForAll && (await this.shared.pong().catch(() => undefined));
    return isThere ? this.shared : this.open(visit);
  }
}

/** Of the older transport: where its stream is, and what the endpoint event names. */
export interface Endpoint {
  path: string;
  /** The event's data. */
  data: string;
  /** Why it leads nowhere; undefined where it leads back to the server. */
  wrong?: string;
}

/** @throws Trouble when there is no Streamable HTTP */
export async function streamableAt(visit: Visit, path: string): Promise<Door> {
  const open: Open = (visit, options) => StreamableSession.open(visit, path, options);
  try {
    return new Door(path, await open(visit), open);
  } catch (error) {
    // It may know no initialize any more.
    if (!(error instanceof Refused) || error.answer.status !== 400) throw error;
    const modern: Open = (visit, options) => open(visit, { version: sessionless, ...options });
    const shared = await modern(visit).catch(() => undefined);
    if (!shared) throw error;
    return new Door(path, shared, modern);
  }
}

interface Sse {
  endpoint: Endpoint;
  /** Undefined where no place to post could be found. */
  door: Door | undefined;
}

/** @throws Trouble when there is no stream that begins with an endpoint event */
export async function sseAt(visit: Visit, path: string): Promise<Sse> {
  const opening = await openSseStream(visit, path);
  const { endpoint: data, stream } = opening;
  const url = new URL(path, visit.origin);
  if (!URL.canParse(data, url.href)) {
    stream.close();
    return { endpoint: { path, data, wrong: `${data} is no URL` }, door: undefined };
  }
  const asNamed: Locate = named => pathOf(new URL(named, url));
  try {
    const shared = await SseSession.on(visit, opening, asNamed(data));
    return { endpoint: { path, data, ...hostOf(data, url) }, door: sseDoor(path, asNamed, shared) };
  } catch (error) {
    stream.close();
    if (!(error instanceof Trouble)) throw error;
    return sseUnderMount(visit, { path, data, wrong: error.message }, asNamed);
  }
}

function hostOf(data: string, url: URL): Pick<Endpoint, 'wrong'> {
  const { host, origin } = new URL(data, url);
  return host === url.host ? {} : { wrong: `it names another host, ${origin}` };
}

/** Where the endpoint event lacks the mount's prefix, what is behind it is looked at all the same. */
async function sseUnderMount(visit: Visit, endpoint: Endpoint, asNamed: Locate): Promise<Sse> {
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
  return new Door(path, shared, (visit, options) => SseSession.open(visit, path, locate, options));
}
