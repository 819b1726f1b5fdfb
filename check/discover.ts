/** What the server is, before it is looked at: which transports it has, where, and of which era. */
import type { Child } from './child.ts';
import { type Door, type Endpoint, sseAt, streamableAt } from './doors.ts';
import { sessionless } from './messages.ts';
import type { Options } from './options.ts';
import { StreamableSession } from './session.ts';
import { Refused, Trouble } from './trouble.ts';
import type { Visit } from './visit.ts';
import type { Answer } from './wire.ts';

export interface Found {
  options: Options;
  doors: Door[];
  /** Of the older transport: where its stream is, and what the endpoint event names. */
  endpoint: Endpoint | undefined;
  /** Versions it was seen to speak. */
  versions: string[];
  /** Requests that were sent elsewhere: 'POST /mcp: 307 to /mcp/'. */
  redirects: string[];
  /** What answers GET beside the MCP server. */
  plain: Plain[];
  /** Whether the Streamable HTTP endpoint gives a stream to GET. */
  listens: boolean;
  /** ms it took to open a session, at the most. */
  openMs: number;
  /** Probes behind which it did not come back. */
  wounds: string[];
  /** The process, if it was started to be looked at. */
  child?: Child;
}

export interface Plain {
  path: string;
  answer: Answer;
}

/** @throws Trouble that says in one line why there is no MCP server to look at */
export async function discover(visit: Visit, options: Options): Promise<Found> {
  const search = new Search(visit);
  await search.run(options.url.pathname + options.url.search);
  const { endpoint, redirects, openMs } = search;
  const doors = [search.streamable, search.sse].filter(door => door !== undefined);
  const versions = await versionsOf(visit, doors);
  const plain = await plainOf(visit, options.plain, [...doors, ...(endpoint ? [endpoint] : [])]);
  const listens = await listensAt(visit, search.streamable);
  return { options, doors, endpoint, versions, redirects, plain, listens, openMs, wounds: [] };
}

interface Failure {
  method: string;
  path: string;
  trouble: Trouble;
}

class Search {
  streamable: Door | undefined;
  sse: Door | undefined;
  endpoint: Endpoint | undefined;
  readonly redirects: string[] = [];
  openMs = 0;
  private readonly visit: Visit;
  private readonly failures: Failure[] = [];

  constructor(visit: Visit) {
    this.visit = visit;
  }

  /** At the path itself, then below it, then for the other transport beside the one found. */
  async run(path: string): Promise<void> {
    await this.tryStreamable(path);
    await this.trySse(path);
    this.giveUpOnSilence();
    if (!this.found) await this.tryStreamable(below(path, 'mcp'));
    const { path: base } = this.streamable ?? { path };
    await this.trySse(below(base, 'sse'));
    if (!this.found) throw whyNot(this.visit.origin, path, this.failures);
    await this.trySse(beside(base, 'sse'));
    const stream = this.endpoint?.path ?? base;
    if (/\/sse$/.test(stream)) await this.tryStreamable(stream.replace(/\/sse$/, '') || '/');
    await this.tryStreamable(beside(stream, 'mcp'));
  }

  private get found(): boolean {
    return this.streamable !== undefined || this.endpoint !== undefined;
  }

  private async tryStreamable(path: string): Promise<void> {
    if (this.streamable) return;
    await this.attempt('POST', path, async at => {
      this.streamable = await streamableAt(this.visit, at);
    });
  }

  private async trySse(path: string): Promise<void> {
    if (this.endpoint) return;
    await this.attempt('GET', path, async at => {
      const { endpoint, door } = await sseAt(this.visit, at);
      this.endpoint = endpoint;
      this.sse = door;
    });
  }

  /** At the path, and where it is sent from there. */
  private async attempt(
    method: string,
    path: string,
    open: (path: string) => Promise<void>,
  ): Promise<void> {
    if (this.failures.some(failure => failure.method === method && failure.path === path)) return;
    const begun = performance.now();
    try {
      await open(path);
      this.openMs = Math.max(this.openMs, performance.now() - begun);
    } catch (trouble) {
      if (!(trouble instanceof Trouble)) throw trouble;
      this.failures.push({ method, path, trouble });
      const elsewhere = redirectIn(trouble, this.visit.origin, path);
      if (elsewhere === undefined) return;
      this.redirects.push(`${trouble.message} to ${elsewhere}`);
      await this.attempt(method, elsewhere, open);
    }
  }

  /** What can't be reached, or never answers, will not do so at another path either. */
  private giveUpOnSilence(): void {
    const [first] = this.failures;
    if (this.found || !first) return;
    if (this.failures.every(({ trouble }) => trouble.kind !== 'refused')) throw first.trouble;
  }
}

// '/mcp' -> '/mcp/sse'   '/' -> '/sse'
function below(path: string, name: string): string {
  return `${path.replace(/\/?(?:\?.*)?$/s, '')}/${name}`;
}

// '/team/mcp' -> '/team/sse'
function beside(path: string, name: string): string {
  return path.replace(/[^/]*(?:\?.*)?$/s, name);
}

function redirectIn(trouble: Trouble, origin: URL, path: string): string | undefined {
  if (!(trouble instanceof Refused)) return undefined;
  const { status, headers } = trouble.answer;
  const { location = '' } = headers;
  if (status < 300 || status >= 400 || !URL.canParse(location, origin.href)) return undefined;
  const to = new URL(location, new URL(path, origin));
  return to.host === origin.host && to.pathname !== path ? to.pathname + to.search : undefined;
}

/** In the order in which one would look: what hides the others comes first. */
function whyNot(origin: URL, path: string, failures: Failure[]): Trouble {
  const url = `${origin.origin}${path}`;
  const line = lockedLine(failures) ?? pageLine(url, failures) ?? absentLine(url, failures);
  return new Trouble('refused', line);
}

function lockedLine(failures: Failure[]): string | undefined {
  const locked = failures.find(({ trouble }) => [401, 403].includes(statusOf(trouble) ?? 0));
  if (!locked) return undefined;
  return `${locked.trouble.message}. If it asks for a token, give one: --token T.`;
}

function pageLine(url: string, failures: Failure[]): string | undefined {
  const isPage = failures.some(({ trouble }) => {
    const type = trouble instanceof Refused ? trouble.answer.headers['content-type'] : undefined;
    return statusOf(trouble) === 200 && type?.includes('text/html');
  });
  if (!isPage) return undefined;
  return `${url} answers with a web page, not with MCP. Name the URL that clients connect to, such as …/mcp or …/sse.`;
}

function absentLine(url: string, failures: Failure[]): string {
  const seen = failures.map(({ method, path, trouble }) => {
    return `${method} ${path} ${statusOf(trouble) ?? trouble.kind}`;
  });
  return `There is no MCP server at ${url}: ${seen.join(', ')}.`;
}

function statusOf(trouble: Trouble): number | undefined {
  return trouble instanceof Refused ? trouble.answer.status : undefined;
}

async function versionsOf(visit: Visit, doors: Door[]): Promise<string[]> {
  const versions = new Set(doors.map(({ shared }) => shared.version));
  const streamable = doors.find(({ kind }) => kind === 'streamable');
  if (streamable && !versions.has(sessionless)) {
    const options = { version: sessionless };
    const modern = await StreamableSession.open(visit, streamable.path, options).catch(() => {});
    if (modern) versions.add(sessionless);
  }
  return [...versions].sort();
}

async function listensAt(visit: Visit, door: Door | undefined): Promise<boolean> {
  if (!door) return false;
  const headers = { ...door.shared.headers, Accept: 'text/event-stream' };
  const answer = await visit.ask(door.path, { headers }).catch(() => undefined);
  return answer?.status === 200;
}

const common = ['/', '/health', '/healthz', '/docs', '/openapi.json'];

async function plainOf(visit: Visit, named: string[], taken: { path: string }[]): Promise<Plain[]> {
  const paths = new Set([...named, ...common]);
  for (const { path } of taken) paths.delete(path);
  const answers = [...paths].map(async (path): Promise<Plain[]> => {
    const headers = { Accept: 'text/html, application/json' };
    const answer = await visit.ask(path, { headers }).catch(() => undefined);
    return answer && answer.status < 300 ? [{ path, answer }] : [];
  });
  return (await Promise.all(answers)).flat();
}
