/** What Node reads in the head of an answer, and would refuse to write. */
import type { IncomingMessage } from 'node:http';

/** @throws unless it can be passed on: clients do not know what to do with another status */
export function checked(answer: IncomingMessage): IncomingMessage {
  const { statusCode: status = 0 } = answer;
  if (status >= 200 && status <= 599) return answer;
  throw new Error(`its status, ${status}, is none that HTTP has`);
}

/** As the upstream words it; the usual one where it has a control character. */
export function reasonOf({ statusMessage = '' }: IncomingMessage): string | undefined {
  return /[^\t\x20-\x7e\x80-\xff]/.test(statusMessage) ? undefined : statusMessage;
}
