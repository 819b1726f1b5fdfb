/** What is kept and shown of a message or a frame: its beginning, without a copy of the whole. */
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { Rpc } from './wire-step.ts';

export function rpcOf(message: JSONRPCMessage): Rpc {
  const rpc: Rpc = {};
  if ('id' in message && message.id !== undefined) rpc.id = message.id;
  if ('method' in message) rpc.method = message.method;
  return rpc;
}

const maxChars = 2_000; // of one message or frame: enough to read, not to fill a memory

export function cut(text: string): string {
  return text.length <= maxChars ? text : `${text.slice(0, maxChars)} …`;
}

/** The first characters of `text`, without the rest behind them: V8's slice would keep all of it. */
export function shortened(text: string): string {
  if (text.length <= maxChars) return text;
  return Buffer.from(text.slice(0, maxChars + 1)).toString();
}

/** JSON.stringify for a value of any size, which stops once it has enough to show. */
export function boundedJson(value: unknown): string {
  let text = '';
  const add = (part: string): void => {
    if (text.length <= maxChars) text += part;
  };
  writeJson(value, add, () => text.length > maxChars);
  return text;
}

function writeJson(value: unknown, add: (part: string) => void, isEnough: () => boolean): void {
  if (typeof value !== 'object' || value === null) {
    add(JSON.stringify(typeof value === 'string' ? shortened(value) : value) ?? 'null');
    return;
  }
  const isArray = Array.isArray(value);
  add(isArray ? '[' : '{');
  let separator = '';
  for (const [key, part] of Object.entries(value)) {
    if (isEnough()) return;
    add(isArray ? separator : `${separator}${JSON.stringify(shortened(key))}:`);
    separator = ',';
    writeJson(part, add, isEnough);
  }
  add(isArray ? ']' : '}');
}
