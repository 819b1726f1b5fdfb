/** The calls that are under way, so that an answer on another connection is known for theirs. */
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';
import { rpcName } from './steps.ts';

interface OpenCall {
  name: string;
  /** performance.now() when it came. */
  sinceMs: number;
}

/** What was called and is not answered yet, by session and JSON-RPC id. */
export class OpenCalls {
  readonly bySession = new Map<string, Map<RequestId, OpenCall>>();

  add(sessionId: string, message: JSONRPCMessage): undefined {
    if (!('method' in message) || !('id' in message)) return;
    const calls = this.bySession.get(sessionId) ?? new Map<RequestId, OpenCall>();
    this.bySession.set(sessionId, calls);
    if (calls.size < maxOpenCalls)
      calls.set(message.id, { name: rpcName(message), sinceMs: performance.now() });
  }

  take(sessionId = '', id: RequestId): OpenCall | undefined {
    const calls = this.bySession.get(sessionId);
    if (!calls) return;
    const call = calls.get(id);
    calls.delete(id);
    if (calls.size === 0) this.forget(sessionId);
    return call;
  }

  forget(sessionId: string): void {
    this.bySession.delete(sessionId);
  }
}

const maxOpenCalls = 1_000; // of a session: a cancelled call is never answered, and stays till it ends
