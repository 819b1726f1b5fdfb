/**
 * What the MCP app tells whoever listens (node:diagnostics_channel): sessions, messages, frames.
 * Logs, traces and counters listen here; the app knows none of them and pays nothing unheard.
 *
 * Of mcp-mount, MIT.
 */
import { channel } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';

/** The older transport, and Streamable HTTP. */
export type TransportKind = 'sse' | 'streamable';

/** Carried by `opened` and `closed`. */
export interface SessionEvent {
  sessionId: string;
  transport: TransportKind;
  /** The request that opened it; absent on `closed`. */
  req?: IncomingMessage;
}
/** Published when a session opens. */
export const opened = channel('mcp-mount:mcp:session-opened');
/** Published when a session has ended, however it did. */
export const closed = channel('mcp-mount:mcp:session-closed');

/** Carried by `strayed`: a request that names a session of another node than this. */
export interface StrayedEvent {
  sessionId: string;
  /** The node that the session is on, as its id has it. */
  node: string;
  req: IncomingMessage;
}
export const strayed = channel('mcp-mount:mcp:session-strayed');

/** Carried by `received`: one JSON-RPC message a client posted. */
export interface ReceivedEvent {
  sessionId: string;
  req: IncomingMessage;
  message: JSONRPCMessage;
}
/** Published for each message a client posts, before its server has it. */
export const received = channel('mcp-mount:mcp:message-received');

/** Carried by `sent`: one frame, as written; `message` when it carries one. */
export interface SentEvent {
  res: ServerResponse;
  frame: string;
  message?: JSONRPCMessage | undefined;
}
/** Published for each frame that is written to a stream: endpoint, answers, pings. */
export const sent = channel('mcp-mount:mcp:frame-sent');

/** Carried by `streaming`: a response that has just become an event stream. */
export interface StreamEvent {
  res: ServerResponse;
}
/** Published when a response becomes a stream. */
export const streaming = channel('mcp-mount:mcp:stream-opened');

export function publishFrame(res: ServerResponse, frame: string, message?: JSONRPCMessage): void {
  const event: SentEvent = { res, frame, message };
  sent.publish(event);
}
