/**
 * What a client posts: one JSON-RPC message, or a batch of them (protocol 2025-03-26), read
 * within bounds and checked against the SDK's schema before a session hears of it.
 *
 * Of mcp-mount, MIT.
 */
import type { IncomingMessage } from 'node:http';
import {
  DEFAULT_NEGOTIATED_PROTOCOL_VERSION,
  ErrorCode,
  type JSONRPCMessage,
  JSONRPCMessageSchema,
  type JSONRPCRequest,
} from '@modelcontextprotocol/sdk/types.js';
import { readJson } from '../../http/body.ts';

export interface MessageLimits {
  /** Bytes of a request body. */
  maxBodyBytes: number;
  /** Levels of nesting in it. */
  maxJsonDepth: number;
  /** Messages in a batch. */
  maxBatch: number;
}

export const messageDefaults: MessageLimits = {
  maxBodyBytes: 4 * 1024 * 1024, // the SDK's own bound, so that what works there works here
  maxJsonDepth: 64, // tool arguments nest a handful deep; a stack overflows at thousands
  maxBatch: 100, // the SDK's own bound
};

export interface Posted {
  messages: JSONRPCMessage[];
  batch: boolean;
}

export type Messages =
  | ({ ok: true } & Posted)
  | { ok: false; status: number; detail: string; code: number };

export async function readMessages(req: IncomingMessage, limits: MessageLimits): Promise<Messages> {
  const { maxBodyBytes, maxJsonDepth, maxBatch } = limits;
  const body = await readJson(req, { maxBytes: maxBodyBytes, maxDepth: maxJsonDepth });
  if (!body.ok) {
    const code = body.status === 400 ? ErrorCode.ParseError : ErrorCode.InvalidRequest;
    return { ...body, code };
  }
  const batch = Array.isArray(body.value);
  const values: unknown[] = Array.isArray(body.value) ? body.value : [body.value];
  if (values.length === 0) return invalid('The batch is empty. Send a message.');
  if (values.length > maxBatch)
    return invalid(`The batch holds more than ${maxBatch} messages. Send fewer at a time.`);

  const messages: JSONRPCMessage[] = [];
  for (const value of values) {
    const message = JSONRPCMessageSchema.safeParse(value);
    if (!message.success) return invalid('The body is JSON but no JSON-RPC 2.0 message.');
    messages.push(message.data);
  }
  if (batch && messages.some(isInitialize)) return invalid(initializeAlone);
  return { ok: true, messages, batch };
}

// 2025-03-26, lifecycle: initialize "MUST NOT be part of a JSON-RPC batch", not even of one.
const initializeAlone =
  'An initialize request comes alone, and not in an array. Send the rest after its answer.';

/** A request, that is: as a notification it is one that nobody knows. */
export function isInitialize(message: JSONRPCMessage): message is JSONRPCRequest {
  return 'method' in message && message.method === 'initialize' && 'id' in message;
}

/** Which protocol the request is of. 2025-03-26 where it does not say (2025-11-25, transports). */
export function versionOf({ headers }: IncomingMessage): string {
  const version = headers['mcp-protocol-version'];
  return typeof version === 'string' ? version : DEFAULT_NEGOTIATED_PROTOCOL_VERSION;
}

function invalid(detail: string): Messages {
  return { ok: false, status: 400, detail, code: ErrorCode.InvalidRequest };
}
