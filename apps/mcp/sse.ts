/**
 * The legacy SSE transport (protocol 2024-11-05): the SDK's own, mounted.
 *
 *     GET  /sse        -> event: endpoint, then every answer     one stream a session
 *     POST /messages   -> 202                                     the answer comes on the stream
 *
 * What the SDK leaves to its host is added here: an endpoint that is right below any mount and
 * behind any proxy, keep-alive, and an end for readers that stopped reading.
 *
 * Of mcp-mount, MIT.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { App } from '../../http/app.ts';
import { hasTurn, isGone, onGone } from '../../http/gone.ts';
import { rootPath } from '../../router.ts';
import { Backlog } from './backlog.ts';
import { publishFrame, sent } from './channels.ts';
import { onExpiry, renew } from './expiry.ts';
import { isInitialize, readMessages, versionOf } from './messages.ts';
import { endpointOn, sessionIdIn, sessionIdOn } from './nodes.ts';
import { PacedResponse } from './paced-response.ts';
import { refuse, refuseConflict, refuseForNow, refuseUnknownSession } from './refuse.ts';
import { messageFromSdk } from './sdk-ids.ts';
import { type McpRequest, ownerOf, Session, type SessionTransport } from './sessions.ts';
import type { Context } from './settings.ts';
import { frameOf, keepAlive, publishStream, type StreamLimits, streamHeaders } from './stream.ts';

/** GET /sse */
export function openSse({ createServer, options, sessions, backlog }: Context): App {
  return async (req: McpRequest, res) => {
    if (req.method === 'HEAD') return res.writeHead(200, streamHeaders).end(); // opens nothing
    if (!(await hasTurn(res))) return; // it left, perhaps while a guard asked who it is
    const owner = ownerOf(req, options.owner);
    const full = sessions.refusal(owner);
    if (full) return refuseForNow(res, full);
    const endpoint = endpointOn(options.node, endpointFor(req, options.endpoint));
    const transport = new SseTransport(endpoint, res, options, backlog);
    const session = new Session(transport, owner);
    session.inUse = comesBack(req);
    onGone(res, () => {
      if (!session.server) sessions.drop(session); // with one, the transport says so
    });
    await sessions.open(session, req, createServer);
    if (!res.headersSent) return refuseForNow(res, 'The session ended as it began.');
    onExpiry(res, () => sessions.drop(session));
  };
}

/** The SDK's client, when its stream was cut, opens another and goes on without initialize. */
function comesBack({ headers }: IncomingMessage): boolean {
  return headers['mcp-protocol-version'] !== undefined;
}

/** POST /messages?[node=…&]sessionId=… -> 202, or 404 for a session that is not this client's */
export function postToSse({ options, sessions }: Context): App {
  return async (req: McpRequest, res) => {
    const id = sessionIdIn(req.url);
    const session = sessions.find(id, 'sse', ownerOf(req, options.owner));
    if (!session) return refuseUnknownSession(res, id, options.node);
    const body = await readMessages(req, options);
    if (!body.ok) return refuse(res, body.status, body.detail, {}, body.code);
    if (!sessions.holds(session)) return refuseUnknownSession(res); // it ended while the body came
    if (body.batch && (session.protocolVersion ?? versionOf(req)) !== batches)
      return refuse(res, 400, noBatch);
    const conflict = sessions.conflict(session, body.messages);
    if (conflict) return refuseConflict(res, conflict);
    session.transport.renew?.(req.auth);
    for (const message of body.messages) {
      if (isInitialize(message)) session.initializing = message.id;
      else session.inUse = true;
      session.receive(message, req);
    }
    res.writeHead(202, { 'Content-Length': 8 }).end('Accepted');
  };
}

const batches = '2025-03-26'; // came with it, and went with the next: 2025-06-18, key changes
const noBatch = `Only protocol ${batches} has batches. Post the messages one by one.`;

type SseLimits = StreamLimits & { node?: string | undefined };

export class SseTransport extends SSEServerTransport implements SessionTransport {
  readonly kind = 'sse';
  onsent?: (message: JSONRPCMessage) => void;
  private readonly response: ServerResponse;
  private readonly endpoint: string;
  private readonly limits: StreamLimits;
  private readonly backlog: Backlog;
  private readonly out: PacedResponse;
  private readonly id: string;

  /** @param app what waits for readers in the whole app */
  constructor(endpoint: string, res: ServerResponse, limits: SseLimits, app: Backlog) {
    super(endpoint, res);
    this.endpoint = endpoint;
    this.id = sessionIdOn(limits.node, super.sessionId);
    this.response = res;
    this.limits = limits;
    this.backlog = new Backlog(limits.maxBufferedBytes, app);
    this.out = new PacedResponse(res, this.backlog);
  }

  /** With the node's name. In the endpoint event that stands apart, so the SDK's own goes in there. */
  override get sessionId(): string {
    return this.id;
  }

  override async start(): Promise<void> {
    this.closeOnce();
    for (const [name, value] of Object.entries(streamHeaders)) this.response.setHeader(name, value);
    const started = super.start(); // has written by now, so what follows leaves in the same packet
    this.response.write(`retry: ${this.limits.retryMs}\n\n`);
    await started;
    onGone(this.response, () => this.onclose?.()); // the SDK listens to the response alone
    publishStream(this.response);
    keepAlive(this.response, this.limits.keepAliveMs);
    if (sent.hasSubscribers) publishFrame(this.response, this.endpointFrame());
  }

  /** Not the SDK's: that hands over to Node whatever there is. */
  override async send(theirs: JSONRPCMessage): Promise<void> {
    const message = messageFromSdk(theirs);
    this.onsent?.(message);
    this.backlog.makeRoom();
    const frame = frameOf(message);
    const isWritten = this.out.write(frame);
    if (isWritten && sent.hasSubscribers) publishFrame(this.response, frame, message);
  }

  cancelled(): void {} // its answer had no response of its own to end

  hasStream(): boolean {
    return !isGone(this.response);
  }

  /** Its owner has posted with this. */
  renew(auth: McpRequest['auth']): void {
    renew(this.response.req, auth);
  }

  /** The SDK says so again when the response closes that its close() has ended. */
  private closeOnce(): void {
    const { onclose } = this;
    let closed = false;
    this.onclose = () => {
      if (closed) return;
      closed = true;
      onclose?.();
    };
  }

  private endpointFrame(): string {
    const place = this.endpoint.replace(/^relative:/, '');
    const query = place.includes('?') ? '&' : '?';
    return `event: endpoint\ndata: ${place}${query}sessionId=${super.sessionId}\n\n`;
  }
}

/**
 * Where the client is to post, as the endpoint event names it. Root-relative by default. Behind
 * a proxy that strips a prefix no root-relative path can be right, so a request that comes with
 * X-Forwarded-Prefix gets a path relative to the stream's own. The header's value is not used,
 * so it need not be trusted.
 *
 *     mounted at /mcp:  '/mcp/messages'        stripped by a proxy:  'messages'
 */
export function endpointFor(req: IncomingMessage, style: 'absolute' | 'relative'): string {
  const stripped = req.headers['x-forwarded-prefix'] !== undefined;
  if (style === 'absolute' && !stripped) return `${rootPath(req)}/messages`;
  // The scheme keeps the SDK from making the path absolute; it emits what follows.
  const path = req.url?.split('?', 1)[0];
  return path?.endsWith('/') ? 'relative:../messages' : 'relative:messages';
}
