/** Steps as the page gets them: plain JSON, bounded, without a secret. Made when somebody looks. */
import { refusal } from '../../http/near.ts';
import { redact, shortId, shownHeadersOf } from '../../http/redact.ts';
import type { KeptStep, Request } from './record.ts';
import { cut, rpcOf } from './shorten.ts';
import type { Rpc, Taken, WireStep } from './wire-step.ts';

export function toWire(request: Request, step: KeptStep): WireStep {
  const { n, at } = step;
  const base = { n, exchange: request.id, at };
  const session = request.sessionId === undefined ? {} : { session: shortId(request.sessionId) };
  switch (step.kind) {
    case 'request': {
      const { method, target } = request;
      const headers = shownHeadersOf(request.headers);
      return { ...base, kind: 'request', method, target: redact(target), headers };
    }
    case 'matched':
      return { ...base, kind: 'matched', ...takenBy(request.method, step) };
    case 'refused': {
      const { by, status, detail } = step;
      return { ...base, kind: 'refused', by, status, detail: redact(detail) };
    }
    case 'opened': {
      const { sessionId, transport } = step;
      return { ...base, kind: 'opened', session: shortId(sessionId), transport };
    }
    case 'stream':
      return { ...base, kind: 'stream', ...session };
    case 'message':
      return {
        ...base,
        ...messageStep(step.sessionId, rpcOf(step.message), JSON.stringify(step.message)),
      };
    case 'long message':
      return { ...base, ...messageStep(step.sessionId, step.rpc, step.text) };
    case 'frame': {
      const rpc = step.rpc && { rpc: step.rpc };
      return { ...base, kind: 'frame', ...session, ...rpc, frame: cut(redact(step.frame)) };
    }
    case 'relayed': {
      const { upstream, status, location } = step;
      const to = location === undefined ? {} : { location: cut(redact(location)) };
      return { ...base, kind: 'relayed', upstream, status, ms: rounded(step.ms), ...to };
    }
    case 'bypassed':
      return { ...base, kind: 'bypassed', detail: redact(step.detail) };
    case 'answered': {
      const { status, ms, bytes, whole } = step;
      return { ...base, kind: 'answered', status, ms: rounded(ms), bytes, whole };
    }
  }
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}

function messageStep(sessionId: string, rpc: Rpc, text: string) {
  return { kind: 'message' as const, session: shortId(sessionId), rpc, text: cut(redact(text)) };
}

function takenBy(
  method: string,
  { rootPath, match, entries }: KeptStep & { kind: 'matched' },
): Taken {
  const url = redact(match.url);
  if (match.kind === 'mount') {
    const { prefix } = match.mount;
    return { by: 'mount', name: prefix || '/', rootPath: rootPath + prefix, url };
  }
  const base = { by: match.kind, rootPath, url };
  if (match.kind === 'route') return { ...base, name: `${match.route.method} ${match.route.path}` };
  if (match.kind === 'options') return { ...base, name: 'OPTIONS' };
  const detail = refusal(match, { method, rootPath, entries });
  return { ...base, name: 'router', status: match.status, detail: redact(detail) };
}
