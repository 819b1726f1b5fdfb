/**
 * What the operator reads of a request that failed.
 *
 * Of mcp-mount, MIT.
 */
import type { IncomingMessage } from 'node:http';
import { format } from 'node:util';
import { printable, redact } from './redact.ts';

/** Logs what an app threw, under the target as the client sent it, without a secret in either. */
export function logRequestError(
  error: unknown,
  req: IncomingMessage & { originalUrl?: string },
): void {
  const { method, originalUrl = req.url ?? '' } = req; // a router below has made url its own
  // What a client says is never the format: a '%c' in it would take the error away.
  console.error('%s %s: %s', method, shown(originalUrl), textOf(error));
}

function shown(text: string): string {
  return printable(redact(text));
}

/** With its stack, whose lines stay lines. */
function textOf(error: unknown): string {
  return format(error).split('\n').map(shown).join('\n');
}
