/** What one probe does at the server, and the end of it: whatever it opened is closed with it. */
import { setMaxListeners } from 'node:events';
import {
  type Answer,
  type Asked,
  bytesOf,
  type Fields,
  type Line,
  openRaw,
  type Raw,
  type Reply,
  request,
} from './wire.ts';

export interface VisitOptions extends Omit<Line, 'signal'> {
  /** Sent with every request that does not say otherwise. */
  token?: string | undefined;
}

export class Visit {
  readonly origin: URL;
  readonly patienceMs: number;
  private readonly auth: Fields;
  private readonly leaving = new AbortController();
  private readonly undos: (() => unknown)[] = [];

  constructor({ origin, patienceMs, token }: VisitOptions) {
    setMaxListeners(0, this.leaving.signal); // one a request, and some probes ask a hundred
    this.origin = origin;
    this.patienceMs = patienceMs;
    this.auth = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  }

  /** Only what was answered: an event stream is closed as soon as it has begun. */
  async ask(target: string, asked: Asked = {}): Promise<Answer> {
    const { stream, ...answer } = await this.request(target, asked);
    stream?.close();
    return answer;
  }

  async request(target: string, asked: Asked = {}): Promise<Reply> {
    const reply = await request(this.line(), target, this.dressed(asked));
    this.leave(target, asked, reply);
    return reply;
  }

  raw(): Raw {
    return openRaw(this.line());
  }

  /** As `ask` would send it; headers of the same name replace what is there. */
  bytes(target: string, asked: Asked): string {
    return bytesOf(target, this.dressed(asked));
  }

  /** Runs when the visit ends. */
  after(undo: () => unknown): void {
    this.undos.push(undo);
  }

  /** Ends in a bounded time, whatever the server does: each request of an undo is bounded. */
  async end(): Promise<void> {
    await Promise.all(this.undos.splice(0).map(settled));
    this.leaving.abort();
  }

  /** A session that a request has opened, meant or not, ends with the visit. */
  private leave(target: string, { headers: sent = {} }: Asked, { headers, status }: Answer): void {
    const id = headers['mcp-session-id'];
    if (typeof id !== 'string' || id === sent['Mcp-Session-Id'] || status >= 300) return;
    const asked = { method: 'DELETE', headers: { 'Mcp-Session-Id': id } };
    this.after(() => this.request(target, asked));
  }

  private line(): Line {
    return { origin: this.origin, patienceMs: this.patienceMs, signal: this.leaving.signal };
  }

  /** An empty value takes a header away. */
  private dressed({ headers = {}, ...asked }: Asked): Asked {
    const all = Object.entries({ Host: this.origin.host, ...this.auth, ...headers });
    return { ...asked, headers: Object.fromEntries(all.filter(([, value]) => value !== '')) };
  }
}

async function settled(undo: () => unknown): Promise<void> {
  try {
    await undo();
  } catch {
    // what can't be undone is the server's to forget
  }
}
