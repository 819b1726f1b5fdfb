/**
 * A small MCP server over both transports that `mcp-mount check` finds nothing wrong with, and a
 * switch for each fault: named as the probe that is to find it, and breaking nothing else.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { createGzip } from 'node:zlib';

export interface FaultyOptions {
  faults?: string[];
  /** With any, all but the page and the health check asks for one. */
  tokens?: string[];
  /** Speaks 2026-07-28 alone: no SSE, no sessions. */
  sessionless?: boolean;
}

export function faultyServer(options: FaultyOptions = {}): Server {
  const faulty = new Faulty(options);
  const server = createServer((req, res) => {
    faulty.answer(req, res).catch(error => {
      if (!res.headersSent) send(res, 500, { error: String(error) });
    });
  });
  faulty.die = () => {
    server.close();
    server.closeAllConnections();
  };
  return server;
}

type Id = string | number;

interface Call {
  id?: Id;
  method: string;
  params?: { protocolVersion?: unknown; requestId?: Id; name?: string };
}

interface Session {
  id: string;
  owner: string | undefined;
  version: string;
  /** Where answers go over SSE. */
  stream?: Stream;
  /** Of all POSTs over Streamable HTTP, for Last-Event-ID. */
  events: { id: number; frame: string }[];
  /** Tools at work, by the id of their call. */
  working: Map<Id, Promise<object>>;
}

interface Stream {
  write(frame: string): void;
  end(): void;
}

const mount = '/mcp';
const letIn = 'http://localhost:6274';
const maxBytes = 1024 * 1024;
const versions = ['2025-11-25', '2025-03-26'];
const toolMs = 1_000; // long enough to be cancelled on a busy machine, and half of what is waited
const pingMs = 50;
const mixedUpMs = 30; // in which two calls meet

class Faulty {
  die = () => {};
  private readonly faults: string[];
  private readonly tokens: string[];
  private readonly sessionless: boolean;
  private readonly sessions = new Map<string, Session>();
  /** Of the last call under each id, for the fault that mixes them up. */
  private readonly asked = new Map<Id, string>();
  private counted = 0;

  constructor({ faults = [], tokens = [], sessionless = false }: FaultyOptions) {
    this.faults = faults;
    this.tokens = tokens;
    this.sessionless = sessionless;
  }

  async answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const target = (req.url ?? '/').replace(/\?.*/s, '');
    const path = this.routed(target);
    if (this.has('slash: redirect') && target === mount)
      return void res.writeHead(307, { Location: `${mount}/` }).end();
    if (this.has('slash') && target === `${mount}/`)
      return void res.writeHead(307, { Location: mount }).end();
    if (this.has('odd-target') && target === '//') return; // as by a handler that threw
    if (!this.has('nosniff')) res.setHeader('X-Content-Type-Options', 'nosniff');
    const refused = this.refusesHost(req, path) ?? this.refusesOrigin(req, path);
    if (refused !== undefined) return send(res, refused, {});
    this.allowPage(req, res, path);
    if (req.method === 'OPTIONS') return void res.writeHead(204).end();
    if (this.isLocked(req, target)) return this.challenge(res);
    return path.startsWith(mount) ? this.mounted(req, res, path) : this.plain(req, res, path);
  }

  private has(fault: string): boolean {
    return this.faults.includes(fault);
  }

  /** One slash at the end makes no other path. */
  private routed(target: string): string {
    if (this.has('segment') && /^\/mcp[^/]+$/.test(target)) return mount;
    if (this.has('no path at all')) return mount;
    const path = this.has('spelling') ? target.toLowerCase() : target;
    return path.replace(/(?<=[^/])\/$/, '');
  }

  // Who may reach it

  private refusesHost({ method, headers }: IncomingMessage, path: string): number | undefined {
    const { host = '' } = headers;
    if (/^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/.test(host)) return undefined;
    if (host === '[' && this.has('odd-host')) return 500;
    if (host === '[' && this.has('comes-back')) this.die();
    return this.has(`host${kindOf(method, path)}`) ? undefined : 403;
  }

  private refusesOrigin({ method, headers }: IncomingMessage, path: string): number | undefined {
    const { origin } = headers;
    if (origin === undefined || origin === letIn) return undefined;
    return this.has(`origin${kindOf(method, path)}`) ? undefined : 403;
  }

  private allowPage({ headers }: IncomingMessage, res: ServerResponse, path: string): void {
    if (this.has('origin-plain') && !path.startsWith(mount))
      res.setHeader('Access-Control-Allow-Origin', '*');
    if (headers.origin !== letIn) return;
    res.setHeader('Access-Control-Allow-Origin', letIn);
    const misses = this.has('cors');
    const allowed = ['Authorization', 'Content-Type', 'Mcp-Session-Id', 'Mcp-Method', 'Mcp-Name'];
    if (!misses) allowed.push('Mcp-Protocol-Version');
    res.setHeader('Access-Control-Allow-Headers', allowed.join(', '));
    if (!misses) res.setHeader('Access-Control-Expose-Headers', 'Mcp-Session-Id');
  }

  private isLocked(req: IncomingMessage, target: string): boolean {
    if (this.tokens.length === 0 || this.tokens.includes(tokenOf(req) ?? '')) return false;
    if (this.has('session-id') && this.named(req)) return false;
    // A guard that compares strings, where the router is less strict than they are.
    return this.has('spelling')
      ? target.startsWith(mount)
      : target !== '/' && target !== '/healthz';
  }

  private challenge(res: ServerResponse): void {
    if (!this.has('challenge')) res.setHeader('WWW-Authenticate', 'Bearer');
    send(res, 401, {});
  }

  // Beside the mount

  private async plain({ method }: IncomingMessage, res: ServerResponse, path: string) {
    if (method !== 'GET') return send(res, 405, {}, { Allow: 'GET' });
    if (path === '/') return this.page(res);
    if (path === '/healthz') return send(res, 200, { sessions: this.counted });
    const fresh = this.has('cached') ? {} : { 'Cache-Control': 'no-cache' };
    if (path === '/items') return send(res, 200, [], fresh);
    send(res, 404, {});
  }

  private page(res: ServerResponse): void {
    const policy = [
      ...(this.has('framed') ? [] : ["frame-ancestors 'none'"]),
      `script-src 'self'${this.has('inline-script') ? " 'unsafe-inline'" : ''}`,
    ];
    const headers = { 'Content-Type': 'text/html', 'Content-Security-Policy': policy.join('; ') };
    res.writeHead(200, headers).end('<!doctype html><title>Beside it</title>');
  }

  // The mount

  private async mounted(req: IncomingMessage, res: ServerResponse, path: string): Promise<void> {
    const { method } = req;
    if (this.sessionless) return this.single(req, res, path);
    if (path === mount && method === 'POST') return this.post(req, res);
    if (path === mount && method === 'GET') return this.listen(req, res);
    if (path === mount && method === 'DELETE') return this.delete(req, res);
    if (path === mount) return send(res, 405, {}, { Allow: 'POST, GET, DELETE' });
    if (path === `${mount}/sse`) return this.sse(req, res);
    if (path === `${mount}/messages` && method === 'POST') return this.messages(req, res);
    return this.has('not-there') ? this.page(res) : send(res, 404, {});
  }

  /** A request on its own, as 2026-07-28 has them. */
  private async single(req: IncomingMessage, res: ServerResponse, path: string): Promise<void> {
    if (path !== mount) return this.has('not-there') ? this.page(res) : send(res, 404, {});
    if (req.method !== 'POST') return send(res, 405, {}, { Allow: 'POST' });
    const call = await this.message(req, res);
    if (call === undefined) return;
    const { 'mcp-protocol-version': version, 'mcp-method': method, 'mcp-name': name } = req.headers;
    const { id = null, params } = [call].flat()[0] ?? {};
    if (version !== '2026-07-28') return send(res, 400, { jsonrpc: '2.0', id, error: unsupported });
    const isNamed = method !== 'tools/call' || name === params?.name;
    if (id === null || !isNamed) return send(res, 400, {});
    const instead = this.has('apart') ? await this.mixedUp(id, String(method)) : String(method);
    send(res, 200, { jsonrpc: '2.0', id, result: resultOf(instead) });
  }

  private async sse(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { method, headers } = req;
    if (method === 'HEAD') return this.head(res);
    if (method !== 'GET')
      return send(res, this.has('which-transport') ? 404 : 405, {}, { Allow: 'GET, HEAD' });
    const session = this.open(req);
    if (!session) return send(res, 500, { error: 'Already connected to a transport' });
    session.stream = this.stream(req, res);
    const host = this.has('endpoint: host') ? 'http://other.example' : '';
    const prefixed = this.has('endpoint') ? '/messages' : `${host}${mount}/messages`;
    const isStripped = headers['x-forwarded-prefix'] !== undefined && !this.has('stripped-prefix');
    const place = isStripped ? 'messages' : prefixed;
    session.stream.write(`event: endpoint\ndata: ${place}?sessionId=${session.id}\n\n`);
    // The socket's too: up to Node 22 a response that waits behind a stream has no 'close'.
    req.socket.once('close', () => this.forget(session));
  }

  private head(res: ServerResponse): void {
    res.writeHead(200, streamHeaders);
    if (this.has('head')) res.flushHeaders();
    else res.end();
  }

  private async messages(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const session = await this.entered(req, res, this.named(req));
    if (!session) return;
    const message = await this.message(req, res);
    if (message === undefined) return;
    if (Array.isArray(message) && !this.has('batch')) return send(res, 400, {});
    send(res, 202, {});
    for (const call of [message].flat()) {
      const answered = await this.dispatch(session, call);
      if (answered) session.stream?.write(frameOf(answered));
    }
  }

  private async post(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const isNamed = req.headers['mcp-session-id'] !== undefined;
    const session = isNamed ? await this.entered(req, res, this.named(req)) : undefined;
    if (isNamed && !session) return;
    const message = await this.message(req, res);
    if (message === undefined) return;
    const begins = [message].flat().some(({ method }) => method === 'initialize');
    if (begins) return this.begin(req, res, message, session);
    if (!session) return send(res, 400, {});
    if (Array.isArray(message) && session.version !== '2025-03-26') return send(res, 400, {});
    await this.reply(req, res, session, [message].flat());
  }

  private async begin(
    req: IncomingMessage,
    res: ServerResponse,
    message: Call | Call[],
    inside: Session | undefined,
  ): Promise<void> {
    if (inside && !this.has('initialize-again')) return send(res, 400, {});
    if (Array.isArray(message) && !this.has('initialize-in-batch')) return send(res, 400, {});
    const [call] = [message].flat();
    const session = this.open(req);
    if (!session || !call) return send(res, 500, { error: 'Server already initialized' });
    const answered = await this.dispatch(session, call);
    const failed = answered !== undefined && 'error' in answered;
    if (failed && !this.has('failed-initialize')) this.forget(session);
    else res.setHeader('Mcp-Session-Id', session.id);
    send(res, 200, answered ?? {});
  }

  private async reply(
    req: IncomingMessage,
    res: ServerResponse,
    session: Session,
    calls: Call[],
  ): Promise<void> {
    const answers = (await Promise.all(calls.map(call => this.dispatch(session, call)))).filter(
      answer => answer !== undefined,
    );
    if (answers.length === 0) return send(res, 202, {});
    const stream = this.stream(req, res);
    for (const answer of answers) stream.write(this.kept(session, answer));
    stream.end();
  }

  private kept({ events }: Session, answer: object): string {
    const id = (events.at(-1)?.id ?? 0) + 1;
    const frame = `id: ${id}\n${frameOf(answer)}`;
    events.push({ id, frame });
    if (this.has('resumption') && events.length > 100) events.splice(0, 50);
    return frame;
  }

  private async listen(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const session = await this.entered(req, res, this.named(req));
    if (!session) return;
    const stream = this.stream(req, res);
    const after = req.headers['last-event-id'];
    if (after === undefined) return;
    for (const { id, frame } of session.events) if (id > Number(after)) stream.write(frame);
    stream.end();
  }

  private async delete(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const session = await this.entered(req, res, this.named(req));
    if (!session) return;
    this.forget(session);
    send(res, 200, {});
  }

  // Sessions

  private open(req: IncomingMessage): Session | undefined {
    if (this.has('two-sessions') && this.sessions.size > 0) return undefined;
    if (this.has('two-sessions: newest')) this.sessions.clear();
    const [version = ''] = versions;
    const id = randomUUID();
    const session = { id, owner: tokenOf(req), version, events: [], working: new Map() };
    this.sessions.set(id, session);
    this.counted++;
    return session;
  }

  private forget({ id }: Session): void {
    if (!this.sessions.has(id)) return;
    if (!this.has('session-ends')) this.sessions.delete(id);
    if (!this.has('freed')) this.counted--;
  }

  private named({ url = '', headers }: IncomingMessage): Session | undefined {
    const { 'mcp-session-id': header } = headers;
    const id = typeof header === 'string' ? header : /sessionId=([\w-]+)/.exec(url)?.[1];
    return this.sessions.get(id ?? '');
  }

  /** The session, if it is the asker's, before a byte of the body is read; else it is refused. */
  private async entered(req: IncomingMessage, res: ServerResponse, session: Session | undefined) {
    const asker = tokenOf(req);
    const isOwn =
      session?.owner === asker ||
      this.has('session-owner') ||
      (this.has('session-id') && asker === undefined);
    if (session && isOwn) return session;
    if (this.has('stranger')) await read(req, maxBytes);
    return void send(res, this.has('unknown-session') ? 400 : 404, {});
  }

  // What is posted

  private async message(req: IncomingMessage, res: ServerResponse) {
    const {
      'content-type': type,
      'content-encoding': coding,
      'content-length': length,
    } = req.headers;
    if (type !== 'application/json' && !this.has('no-preflight')) return void send(res, 415, {});
    if (coding !== undefined && !this.has('encoding')) return void send(res, 415, {});
    if (Number(length) > maxBytes && !this.has('declared')) return void send(res, 413, {}, close);
    const text = await read(req, this.has('endless') ? Number.POSITIVE_INFINITY : maxBytes);
    if (text === undefined) return void send(res, 413, {}, close);
    if (this.has('deep') && text.includes('[[[[')) return void send(res, 500, {});
    try {
      const message: Call | Call[] = JSON.parse(text);
      return message;
    } catch (error) {
      const stack = this.has('malformed') && error instanceof Error ? error.stack : 'no JSON';
      return void send(res, 400, { error: stack });
    }
  }

  private async dispatch(session: Session, { id, method, params }: Call) {
    if (id === undefined) return void this.notified(session, method, params);
    if (this.has('call') && method === 'tools/call') return undefined;
    const instead = this.has('apart') ? await this.mixedUp(id, method) : method;
    const running = this.has('cancelled') ? session.working.get(id) : undefined;
    const outcome = await (running ?? this.outcome(session, id, instead, params));
    return outcome && { jsonrpc: '2.0', id, ...outcome };
  }

  private notified({ working }: Session, method: string, params: Call['params']): void {
    if (method !== 'notifications/cancelled' || params?.requestId === undefined) return;
    if (!this.has('cancelled')) working.delete(params.requestId);
  }

  private async mixedUp(id: Id, method: string): Promise<string> {
    this.asked.set(id, method);
    await wait(mixedUpMs);
    return this.asked.get(id) ?? method;
  }

  private async outcome(session: Session, id: Id, method: string, params: Call['params']) {
    if (method === 'initialize') return initialized(session, params);
    if (method === 'ping') return { result: {} };
    if (method === 'tools/list') return { result: { tools: [tool] } };
    if (method !== 'tools/call') return { error: { code: -32601, message: 'Method not found' } };
    const work = wait(toolMs).then(() => ({ result: { content: [] } }));
    session.working.set(id, work);
    const result = await work;
    return session.working.delete(id) ? result : undefined; // it was cancelled
  }

  // Streams

  private stream(req: IncomingMessage, res: ServerResponse): Stream {
    const { 'X-Accel-Buffering': _, ...buffered } = streamHeaders;
    const headers = this.has('unbuffered') ? buffered : streamHeaders;
    if (!this.has('keep-alive')) keepAlive(res);
    if (!this.has('compressed') || !req.headers['accept-encoding']?.includes('gzip')) {
      res.writeHead(200, headers).flushHeaders();
      return res;
    }
    res.writeHead(200, { ...headers, 'Content-Encoding': 'gzip' }).flushHeaders();
    const zipped = createGzip();
    zipped.pipe(res);
    return zipped;
  }
}

const close = { Connection: 'close' };
const tool = { name: 'slow', inputSchema: { type: 'object' } };
const streamHeaders = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-cache, no-transform',
  'X-Accel-Buffering': 'no',
};

// '' of a POST at the mount, '-get' of a GET there, '-plain' beside it: as the probes are named
function kindOf(method: string | undefined, path: string): string {
  if (!path.startsWith(mount)) return '-plain';
  return method === 'GET' || method === 'HEAD' ? '-get' : '';
}

function tokenOf({ headers }: IncomingMessage): string | undefined {
  return /^Bearer (.*)$/.exec(headers.authorization ?? '')?.[1];
}

function send(res: ServerResponse, status: number, body: unknown, headers: object = {}): void {
  res.writeHead(status, { 'Content-Type': 'application/json', ...headers });
  res.end(JSON.stringify(body));
}

/** The body, or undefined where it is larger than `max`. */
async function read(req: IncomingMessage, max: number): Promise<string | undefined> {
  let text = '';
  for await (const chunk of req.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    text += chunk;
    if (text.length > max) return undefined;
  }
  return text;
}

function initialized(session: Session, params: Call['params']) {
  const { protocolVersion } = params ?? {};
  if (typeof protocolVersion !== 'string')
    return { error: { code: -32602, message: 'Name a protocolVersion' } };
  if (versions.includes(protocolVersion)) session.version = protocolVersion;
  const serverInfo = { name: 'faulty', version: '1' };
  return { result: { protocolVersion: session.version, capabilities: { tools: {} }, serverInfo } };
}

const unsupported = { code: -32022, message: 'Unsupported protocol version' };

function resultOf(method: string): object {
  if (method === 'tools/list') return { tools: [tool] };
  return method === 'tools/call' ? { content: [] } : { supportedVersions: ['2026-07-28'] };
}

function frameOf(message: object): string {
  return `event: message\ndata: ${JSON.stringify(message)}\n\n`;
}

function keepAlive(res: ServerResponse): void {
  const timer = setInterval(() => res.writableEnded || res.write(': ping\n\n'), pingMs);
  res.once('close', () => clearInterval(timer));
  res.req.socket.once('close', () => clearInterval(timer));
}
