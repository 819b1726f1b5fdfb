/**
 * What may be set of an MCP app, each with its bounds; and what its handlers share.
 *
 * Of mcp-mount, MIT.
 */
import type { IncomingMessage } from 'node:http';
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import { logRequestError } from '../../http/log.ts';
import {
  aBoolean,
  aFunction,
  aShare,
  given,
  maxTimerMs,
  type Optional,
  oneOf,
  type Rule,
  wholeNumber,
} from '../../http/options.ts';
import type { Backlog } from './backlog.ts';
import { type MessageLimits, messageDefaults } from './messages.ts';
import { aNodeName } from './nodes.ts';
import {
  type CreateServer,
  type SessionLimits,
  type Sessions,
  sessionDefaults,
} from './sessions.ts';
import { type StreamLimits, streamDefaults } from './stream.ts';

/** Each may be left out. @interface */
export type McpOptions = Optional<McpSettings>;

/** Every limit has its unit and its reason where its default stands. */
export interface McpSettings extends SessionLimits, MessageLimits, StreamLimits {
  /** `'relative'`: always name the place to post relative to the stream (see endpointFor). */
  endpoint: 'absolute' | 'relative';
  /** This process among several behind a proxy, which sends a session where its name says: nodes.ts. */
  node: string | undefined;
  /** Answer Streamable calls with one JSON body, not a stream, where the client takes both. */
  enableJsonResponse: boolean;
  /**
   * Streamable HTTP without sessions, for servers behind any balancer: each POST has a server of
   * its own and is complete in itself, so a server can't ask its client anything or say anything
   * unasked. `maxSessions` bounds the POSTs at once. GET and DELETE are 405, and SSE is off.
   */
  stateless: boolean;
  /** ms that `close()` lets calls in flight take. */
  graceMs: number;
  /**
   * Whom a session belongs to: by default who has the token that opened it. Clients refresh
   * theirs in mid-session, and users may share a `clientId`: name the issuer and the subject.
   */
  owner(auth: AuthInfo): string;
  /** Told what failed, with the request if it was one's. The client is told 500 and no more. */
  onError(error: unknown, req?: IncomingMessage): void;
}

/** What the handlers of one app share. */
export interface Context {
  createServer: CreateServer;
  options: McpSettings;
  sessions: Sessions;
  /** What waits for readers, of all sessions together. */
  backlog: Backlog;
}

/** @throws TypeError that names the option which can't be */
export function settingsOf(options: McpOptions): McpSettings {
  return { ...defaults, ...given('mcpApp', options, rules) };
}

const defaults: McpSettings = {
  ...sessionDefaults,
  ...messageDefaults,
  ...streamDefaults,
  endpoint: 'absolute',
  node: undefined,
  enableJsonResponse: false,
  stateless: false,
  graceMs: 10_000, // a third of what common supervisors allow before they kill
  owner: ({ token }) => token,
  onError: logError,
};

const rules: Record<keyof McpSettings, Rule> = {
  maxSessions: wholeNumber(1),
  ownerShare: aShare,
  handshakeMs: wholeNumber(0),
  idleMs: wholeNumber(1),
  maxCallsInFlight: wholeNumber(1),
  maxBodyBytes: wholeNumber(1),
  maxJsonDepth: wholeNumber(1, 1_000), // far more, and a stack overflows
  maxBatch: wholeNumber(1),
  keepAliveMs: wholeNumber(1, maxTimerMs),
  maxBufferedBytes: wholeNumber(0),
  maxBufferedTotalBytes: wholeNumber(0),
  retryMs: wholeNumber(0),
  endpoint: oneOf('absolute', 'relative'),
  node: aNodeName,
  enableJsonResponse: aBoolean,
  stateless: aBoolean,
  graceMs: wholeNumber(0, maxTimerMs),
  owner: aFunction,
  onError: aFunction,
};

function logError(error: unknown, req?: IncomingMessage): void {
  if (req) logRequestError(error, req);
  else console.error(error);
}
