/**
 * Apps around apps: who may reach what is inside. Each is usable alone, around any App, and sees
 * a request before the app does; a guard on a mount covers all that is below its prefix.
 *
 *     router.mount('/mcp', bearer(mcpApp(…), { verify }))
 *     hostGuard(cors(router, { origins }), { origins })
 *
 * Of mcp-mount, MIT.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { channel } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { App } from './http/app.ts';
import { discard } from './http/body.ts';
import {
  aFunction,
  aText,
  checkFunction,
  exactOrigins,
  given,
  hostNames,
  type Rule,
  texts,
} from './http/options.ts';
import { type Problem, sendProblem } from './http/problem.ts';
import { authoritiesOf, countHosts, isAuthority } from './http/target.ts';

/** What `refused` carries. */
export interface RefusedEvent {
  req: IncomingMessage;
  res: ServerResponse;
  /** The guard's name. */
  by: string;
  status: number;
  detail: string;
}

/** Published when a guard stops a request. */
export const refused = channel('mcp-mount:guard:refused');

function refuse(
  by: string,
  req: IncomingMessage,
  res: ServerResponse,
  problem: Problem,
  headers: Record<string, string> = {},
): void {
  const { status, detail } = problem;
  if (refused.hasSubscribers) refused.publish({ req, res, by, status, detail });
  discard(req);
  sendProblem(res, problem, headers);
}

/** Of `hostGuard`: whom it lets in beside this machine's own names. */
export interface HostGuardOptions {
  /** Names beside the loopback ones, with a port (`'list.example:8443'`) or for any (`'list.example'`). */
  hosts?: string[] | undefined;
  /** Exact origins beside loopback and same-origin ones: `'https://app.example'`. */
  origins?: string[] | undefined;
}

/**
 * Refuses requests that a web page made on a visitor's behalf: a Host that is not ours (DNS
 * rebinding) or an Origin that is not allowed, on every path and method (CVE-2025-66414).
 *
 * @returns an App that answers 403, or 400 for a Host that is missing, doubled or malformed
 */
export function hostGuard(
  app: Guardable<IncomingMessage>,
  options: HostGuardOptions = {},
): Guarded<IncomingMessage> {
  const rules = { hosts: hostNames, origins: exactOrigins };
  const { hosts = [], origins = [] } = given('hostGuard', options, rules);
  const allowed = { hosts: new Set(hosts.map(lower)), origins: new Set(origins.map(lower)) };
  return around('hostGuard', app, (req, res, next) => {
    const refusal = hostRefusal(req, allowed) ?? originRefusal(req, allowed);
    return refusal ? refuse('hostGuard', req, res, refusal) : app(req, res, next);
  });
}

interface Allowed {
  hosts: Set<string>;
  origins: Set<string>;
}

function hostRefusal(req: IncomingMessage, { hosts }: Allowed): Problem | undefined {
  if (countHosts(req) > 1) return malformedHost;
  const named = authoritiesOf(req);
  if (named.length === 0) return malformedHost;
  for (const authority of named) {
    const refusal = authorityRefusal(authority, hosts);
    if (refusal) return refusal;
  }
  return undefined;
}

function authorityRefusal(authority: string, hosts: Set<string>): Problem | undefined {
  if (isLoopback(authority)) return undefined;
  if (!isAuthority(authority)) return malformedHost;
  if (hosts.has(lower(authority)) || hosts.has(hostname(authority))) return undefined;
  return {
    status: 403,
    detail: `The host ${authority} is not served here. If it is yours, start the server with --allow-host ${authority} or, in code, name it in hostGuard's hosts.`,
  };
}

const malformedHost = { status: 400, detail: 'Send one Host header: host or host:port.' };

function originRefusal(req: IncomingMessage, { origins }: Allowed): Problem | undefined {
  const { origin } = req.headers;
  if (origin === undefined) return undefined; // no browser made this
  const [host = ''] = authoritiesOf(req);
  const authority = /^https?:\/\/(.*)$/i.exec(origin)?.[1] ?? '';
  const ours = isLoopback(authority) || lower(authority) === lower(host);
  if (ours || origins.has(lower(origin))) return undefined;
  const named = /^[\x21-\x7e]{1,200}$/.test(origin) ? origin : 'of this request';
  return {
    status: 403,
    detail: `The origin ${named} may not call this server. If it is yours, start the server with --allow-origin ${named} or, in code, name it in hostGuard's origins.`,
  };
}

/** Names that reach this machine only: RFC 6761 for localhost. Any port. */
export function isLoopback(authority: string): boolean {
  return /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i.test(authority);
}

// 'Localhost:3000' -> 'localhost'   '[::1]:3000' -> '[::1]'
function hostname(authority: string): string {
  return lower(authority.replace(/:\d+$/, ''));
}

function lower(text: string): string {
  return text.toLowerCase();
}

/** Of `cors`. */
export interface CorsOptions {
  /** Exact origins; none means no CORS. */
  origins: string[];
}

/**
 * Lets pages of these origins read the answers (Fetch standard, CORS protocol), preflight
 * included. What MCP clients send and need to read is allowed and exposed.
 */
export function cors(
  app: Guardable<IncomingMessage>,
  options: CorsOptions,
): Guarded<IncomingMessage> {
  const { origins = [] } = given('cors', options, { origins: exactOrigins });
  if (origins.length === 0) return app;
  const allowed = new Set(origins.map(lower));
  return around('cors', app, (req, res, next) => {
    res.setHeader('Vary', 'Origin');
    const { origin } = req.headers;
    if (origin === undefined || !allowed.has(lower(origin))) return app(req, res, next);
    res.setHeader('Access-Control-Allow-Origin', origin);
    res.setHeader('Access-Control-Expose-Headers', exposedHeaders);
    return isPreflight(req) ? res.writeHead(204, preflightHeaders).end() : app(req, res, next);
  });
}

function isPreflight(req: IncomingMessage): boolean {
  return req.method === 'OPTIONS' && req.headers['access-control-request-method'] !== undefined;
}

const exposedHeaders = 'Mcp-Session-Id, Location, Retry-After, WWW-Authenticate, Allow';
const preflightHeaders = {
  'Access-Control-Allow-Methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
  'Access-Control-Allow-Headers': [
    'Authorization, Content-Type, Accept, Last-Event-ID, Mcp-Session-Id, Mcp-Protocol-Version',
    'Mcp-Method, Mcp-Name', // of clients of 2026-07-28; pages send no Mcp-Param-…
  ].join(', '),
  'Access-Control-Max-Age': 600, // s; browsers cap it between 600 and 7,200
};

/** Who is asking. The SDK's AuthInfo is one, and tools get it as that (`extra.authInfo`). */
export interface Auth {
  token: string;
  /** The client the token was issued to; several users may share it. */
  clientId: string;
  scopes: string[];
  /** Seconds since 1970. */
  expiresAt?: number;
  /** What else `verify` knows: a subject, an issuer. */
  extra?: Record<string, unknown>;
}

/** Who a token stands for; undefined for a token that is none. Throws only when it can't tell. */
export type Verify = (token: string) => Promise<Auth | undefined> | Auth | undefined;

/** Of `bearer`: which tokens are good, and for what. */
export interface BearerOptions {
  verify: Verify;
  /** Scopes a token must have, all of them. */
  scopes?: string[] | undefined;
  /** Absolute URL of the RFC 9728 document, which protectedResource() serves. */
  resourceMetadata?: string | undefined;
}

/**
 * Asks for a bearer token (RFC 6750). The app finds who it is in `req.auth`, tools in
 * `extra.authInfo`.
 *
 * @returns an App that answers 401 with WWW-Authenticate, or 403 where a scope is missing
 */
export function bearer<Req extends IncomingMessage>(
  app: Guardable<Req>,
  options: BearerOptions,
): Guarded<Req> {
  given('bearer', options, bearerRules, ['verify']);
  return around('bearer', app, async (req: Req & { auth?: Auth }, res, next) => {
    const token = bearerToken(req);
    if (token === undefined)
      return challenge(req, res, 401, 'Send a token: Authorization: Bearer …', {}, options);
    const auth = await options.verify(token);
    if (!auth || hasExpired(auth))
      return challenge(req, res, 401, 'The token is unknown or has expired.', invalid, options);
    const missing = options.scopes?.find(scope => !auth.scopes.includes(scope));
    if (missing !== undefined)
      return challenge(
        req,
        res,
        403,
        `The token lacks the scope ${missing}.`,
        insufficient,
        options,
      );
    req.auth = auth;
    return app(req, res, next);
  });
}

const isVerify: Rule = value =>
  aFunction(value) &&
  "is a function that says whom a token stands for, as staticTokens(['…']) gives";
const bearerRules = { verify: isVerify, scopes: texts, resourceMetadata: aText };

/** As its Authorization header has it (RFC 6750, 2.1); undefined for none, and for another form. */
export function bearerToken({ headers }: IncomingMessage): string | undefined {
  return /^Bearer +([\w.~+/-]+=*) *$/i.exec(headers.authorization ?? '')?.[1];
}

const invalid = { error: 'invalid_token' };
const insufficient = { error: 'insufficient_scope' };

function hasExpired({ expiresAt }: Auth): boolean {
  return expiresAt !== undefined && expiresAt * 1_000 <= Date.now();
}

function challenge(
  req: IncomingMessage,
  res: ServerResponse,
  status: number,
  detail: string,
  error: Record<string, string>,
  { scopes = [], resourceMetadata }: BearerOptions,
): void {
  const fields: Record<string, string> = {
    ...error,
    ...(scopes.length > 0 && { scope: scopes.join(' ') }),
    ...(resourceMetadata !== undefined && { resource_metadata: resourceMetadata }),
  };
  const list = Object.entries(fields).map(([name, value]) => `${name}="${value}"`);
  const header = ['Bearer', list.join(', ')].filter(Boolean).join(' ');
  refuse('bearer', req, res, { status, detail }, { 'WWW-Authenticate': header });
}

/** What puts `bearer` over fixed tokens around each app it is given; nothing without tokens. */
export function tokenGuard(
  tokens: string[] = [],
): <Req extends IncomingMessage>(app: Guardable<Req>) => Guarded<Req> {
  if (tokens.length === 0) return app => app;
  const verify = staticTokens(tokens);
  return app => bearer(app, { verify });
}

/** A Verify over fixed tokens, in a time that tells nothing about them. */
export function staticTokens(tokens: string[]): Verify {
  const known = tokens.map(digest);
  return token => {
    const given = digest(token);
    // Every one is compared, and digests have one length.
    const index = known.reduce((found, hash, i) => (timingSafeEqual(hash, given) ? i : found), -1);
    return index === -1 ? undefined : { token, clientId: `token-${index + 1}`, scopes: [] };
  };
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** What `protectedResource` says of the server. */
export interface ProtectedResource {
  /** The MCP app's absolute URL: `'https://list.example/mcp'`. */
  resource: string;
  /** Issuers whose tokens its `verify` takes. */
  authorizationServers: string[];
  scopes?: string[];
}

/**
 * The document that tells a client where to get a token (RFC 9728). Clients look for it at the
 * root, with the resource's path behind, although the MCP app is mounted below:
 *
 *     router.mount('/.well-known/oauth-protected-resource', protectedResource(…))
 */
export function protectedResource(about: ProtectedResource): App {
  const body = JSON.stringify({
    resource: about.resource,
    authorization_servers: about.authorizationServers,
    ...(about.scopes && { scopes_supported: about.scopes }),
    bearer_methods_supported: ['header'],
  });
  const prefix = new URL(about.resource).pathname.replace(/\/$/, '');
  return (req, res) => {
    const path = (req.url ?? '').split('?', 1)[0] ?? '';
    if (path !== '/' && path !== prefix && !path.startsWith(`${prefix}/`))
      return sendProblem(res, { status: 404, detail: `Only ${prefix} is protected here.` });
    if (req.method !== 'GET' && req.method !== 'HEAD')
      return sendProblem(res, { status: 405, detail: 'Use GET.' }, { Allow: 'GET, HEAD' });
    res.writeHead(200, metadataHeaders).end(body);
  };
}

// Public by nature, and browser clients read it before they have a token.
const metadataHeaders = { 'Content-Type': 'application/json', 'Access-Control-Allow-Origin': '*' };

/** An App or a Handler, of whatever its path promises of the request. */
export type Guardable<Req> = ((req: Req, res: ServerResponse, next?: () => void) => unknown) &
  Pick<App, 'close'>;
/** It hands a host's `next` on, so that a guarded router is the guest that a bare one is. */
export type Guarded<Req> = Guardable<Req>;

/** A guard closes what it guards, and shows it to those who explain (`inner`). */
function around<Req>(by: string, app: Guardable<Req>, guard: Guardable<Req>): Guarded<Req> {
  checkFunction(by, 'what it guards', app);
  const { close } = app;
  return Object.assign(guard, { inner: app }, close && { close: () => close.call(app) });
}
