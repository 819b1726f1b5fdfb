/** Why an upstream gave no answer, in words that say what to do. */
import type { Problem } from '../../http/problem.ts';

/** @param error what Node gave in the place of an answer */
export function whyUnreached({ origin }: URL, error: unknown): Problem {
  const { code = '', message = '' } = error instanceof Error ? (error as Coded) : {};
  const reason = reasons.find(([pattern]) => pattern.test(code))?.[1] ?? `${code || message}.`;
  return { status: 502, detail: `${origin}, which this is a proxy of, did not answer: ${reason}` };
}

type Coded = NodeJS.ErrnoException; // Node's own errors are; of others the message is left

const reasons: [code: RegExp, reason: string][] = [
  [/^ECONNREFUSED$/, 'nothing listens there. Start it, or name another URL.'],
  [/^(?:ENOTFOUND|EAI_AGAIN)$/, 'no address is known for its name.'],
  [/^(?:ECONNRESET|EPIPE)$/, 'it closed the connection first. Its own log may say why.'],
  [/^(?:ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)$/, 'it can’t be reached from here.'],
  [
    /CERT|SELF_SIGNED|UNABLE_TO_/,
    'its certificate is not trusted. NODE_EXTRA_CA_CERTS names yours.',
  ],
  [/^(?:EPROTO|ERR_SSL)/, 'it does not speak TLS. Try it with http://.'],
  [/^HPE_/, 'what came is no HTTP. Is it a service for https://?'],
];
