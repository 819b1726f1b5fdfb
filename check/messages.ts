/**
 * MCP's messages, as each era says them: with initialize and sessions up to 2025-11-25, each request
 * on its own from 2026-07-28.
 */
import { z } from 'zod';
import type { Asked, Fields } from './wire.ts';

/** The newest version that begins with initialize, and the one that knows no sessions. */
export const newest = '2025-11-25';
export const sessionless = '2026-07-28';

export type Id = string | number;

const messageSchema = z.looseObject({
  jsonrpc: z.literal('2.0'),
  id: z.union([z.string(), z.number(), z.null()]).optional(),
  method: z.string().optional(),
  result: z.looseObject({}).optional(),
  error: z.looseObject({ code: z.number().optional(), message: z.string().optional() }).optional(),
});
export type Message = z.infer<typeof messageSchema>;

/** What a JSON text holds of JSON-RPC: one message, a batch, or none. */
export function messagesIn(text: string): Message[] {
  return [jsonOf(text)].flat().flatMap(value => messageSchema.safeParse(value).data ?? []);
}

/** The value, or undefined where the text is no JSON. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What every request of a client says beside its message. */
export interface Voice {
  version: string;
  /** The version, the session's id and the token, as far as there are any. */
  headers: Fields;
}

/** One call, ready to be posted. */
export function asked(voice: Voice, id: Id, method: string, params: object = {}): Asked {
  if (voice.version < sessionless) return posted(voice, { jsonrpc: '2.0', id, method, params });
  const message = { jsonrpc: '2.0', id, method, params: { ...params, _meta: meta } };
  const named: Fields = 'name' in params ? { 'Mcp-Name': String(params.name) } : {};
  const headers = { ...voice.headers, 'Mcp-Method': method, ...named };
  return posted({ headers }, message);
}

/** Any body, ready to be posted. */
export function posted({ headers }: Pick<Voice, 'headers'>, body: unknown): Asked {
  const text = JSON.stringify(body);
  return {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      'Content-Length': String(Buffer.byteLength(text)),
      Accept: 'application/json, text/event-stream',
      ...headers,
    },
    body: text,
  };
}

/** The version an answer to initialize settles on. */
export function versionIn({ result }: Message): string | undefined {
  const version = result?.['protocolVersion'];
  return typeof version === 'string' ? version : undefined;
}

const clientInfo = { name: 'mcp-mount-check', version: '0' };

export function initializeParams(version: string): object {
  return { protocolVersion: version, capabilities: {}, clientInfo };
}

const meta = {
  'io.modelcontextprotocol/protocolVersion': sessionless,
  'io.modelcontextprotocol/clientInfo': clientInfo,
  'io.modelcontextprotocol/clientCapabilities': {},
};

/** The first words of a client, ready to be posted. */
export const initialize: Asked = asked(
  { version: newest, headers: {} },
  0,
  'initialize',
  initializeParams(newest),
);
