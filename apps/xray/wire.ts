/** Steps as the page gets them: plain JSON, bounded, without a secret. */
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { refusal } from '../../http/near.ts';
import { redact, shortId, shownHeadersOf } from '../../http/redact.ts';
import type { Step } from './steps.ts';

/** What joins a call to its answer: the JSON-RPC id, with the session it belongs to. */
export interface Rpc {
  id?: string | number;
  method?: string;
}

/** `earlier`: it happened before anybody looked, and is told afterwards. */
export type WireStep = { exchange: number; at: number; earlier?: true } & (
  | { kind: 'request'; method: string; target: string; headers: Record<string, string> }
  | ({ kind: 'matched' } & Taken)
  | { kind: 'refused'; by: string; status: number; detail: string }
  | { kind: 'opened'; session: string; transport: string }
  | { kind: 'stream'; session?: string }
  | { kind: 'message'; session: string; rpc: Rpc; text: string }
  | { kind: 'frame'; session?: string; rpc?: Rpc; frame: string }
  | { kind: 'answered'; status: number; ms: number; bytes: number; whole: boolean }
);

/** `rootPath` and `url` are the split that this router made. */
export interface Taken {
  by: 'mount' | 'route' | 'options' | 'refused';
  name: string;
  rootPath: string;
  url: string;
  status?: number;
  detail?: string;
}

const maxChars = 2_000; // of one message or frame: enough to read, not to fill a page's memory

export function toWire(step: Step): WireStep {
  const { exchange } = step;
  const base = {
    exchange: exchange.id,
    at: Math.round(performance.timeOrigin + performance.now()),
  };
  const session = exchange.sessionId === undefined ? {} : { session: shortId(exchange.sessionId) };
  switch (step.kind) {
    case 'request': {
      const { method, target, req } = exchange;
      const headers = shownHeadersOf(req.headers);
      return { ...base, kind: 'request', method, target: redact(target), headers };
    }
    case 'matched':
      return { ...base, kind: 'matched', ...takenBy(step) };
    case 'refused': {
      const { by, status } = step;
      return { ...base, kind: 'refused', by, status, detail: redact(step.detail) };
    }
    case 'opened':
      return {
        ...base,
        kind: 'opened',
        session: shortId(step.sessionId),
        transport: step.transport,
      };
    case 'stream':
      return { ...base, kind: 'stream', ...session };
    case 'message': {
      const text = cut(redact(JSON.stringify(step.message)));
      return {
        ...base,
        kind: 'message',
        session: shortId(step.sessionId),
        rpc: rpcOf(step.message),
        text,
      };
    }
    case 'frame':
      return frameStep(base, session, step.frame, step.message);
    case 'answered': {
      const { status, ms, bytes, whole } = step;
      return { ...base, kind: 'answered', status, ms: Math.round(ms * 100) / 100, bytes, whole };
    }
  }
}

export function frameStep(
  base: { exchange: number; at: number },
  { session }: { session?: string | undefined },
  frame: string,
  message: JSONRPCMessage | undefined,
): WireStep {
  return {
    ...base,
    kind: 'frame',
    ...(session !== undefined && { session }),
    ...(message && { rpc: rpcOf(message) }),
    frame: cut(redact(frame)),
  };
}

function takenBy({ exchange, rootPath, match, entries }: Step & { kind: 'matched' }): Taken {
  const url = redact(match.url);
  if (match.kind === 'mount') {
    const { prefix } = match.mount;
    return { by: 'mount', name: prefix || '/', rootPath: rootPath + prefix, url };
  }
  const base = { by: match.kind, rootPath, url };
  if (match.kind === 'route') return { ...base, name: `${match.route.method} ${match.route.path}` };
  if (match.kind === 'options') return { ...base, name: 'OPTIONS' };
  const detail = refusal(match, { method: exchange.method, rootPath, entries });
  return { ...base, name: 'router', status: match.status, detail: redact(detail) };
}

function rpcOf(message: JSONRPCMessage): Rpc {
  return {
    ...('id' in message && message.id !== undefined && { id: message.id }),
    ...('method' in message && { method: message.method }),
  };
}

function cut(text: string): string {
  return text.length <= maxChars ? text : `${text.slice(0, maxChars)} … ${text.length} characters`;
}
