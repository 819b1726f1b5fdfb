/** Why nothing came back, in one line a person can act on. */

import type { IncomingHttpHeaders } from 'node:http';

export type TroubleKind =
  | 'unreachable'
  | 'closed'
  | 'silent'
  | 'certificate'
  | 'no http'
  | 'refused';

/** What came instead of an answer. The message is one line and names the remedy where there is one. */
export class Trouble extends Error {
  readonly kind: TroubleKind;

  constructor(kind: TroubleKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** Of an answer, what says why it is none. */
export interface Answered {
  status: number;
  headers: IncomingHttpHeaders;
}

/** A server's address, and how long it may take. */
export interface Place {
  origin: URL;
  /** ms until silence counts as silence. */
  patienceMs: number;
}

/** An answer, but not the one that was needed. */
export class Refused extends Trouble {
  readonly answer: Answered;

  constructor(what: string, answer: Answered) {
    super('refused', `${what}: ${answer.status}`);
    this.answer = answer;
  }
}

export function silence({ origin, patienceMs }: Place): Trouble {
  const seconds = Math.round(patienceMs / 100) / 10;
  return new Trouble(
    'silent',
    `${origin.host} takes connections and says nothing for ${seconds} s.`,
  );
}

export function unended({ origin, patienceMs }: Place): Trouble {
  const seconds = Math.round(patienceMs / 100) / 10;
  return new Trouble(
    'silent',
    `${origin.host} begins an answer and does not end it in ${seconds} s.`,
  );
}

type Row = [code: RegExp, kind: TroubleKind, line: (origin: URL, code: string) => string];

const rows: Row[] = [
  [
    /^(?:ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL)$/,
    'unreachable',
    ({ host }) => `Nothing listens on ${host}. Start the server, or name the URL it is at.`,
  ],
  [
    /^(?:ENOTFOUND|EAI_AGAIN)$/,
    'unreachable',
    ({ hostname }) => `No address is known for ${hostname}. Look at the URL's host.`,
  ],
  [
    /CERT|SELF_SIGNED|UNABLE_TO_/,
    'certificate',
    ({ host }, code) =>
      `The certificate of ${host} is not trusted (${code}). If it is yours: NODE_EXTRA_CA_CERTS=ca.pem.`,
  ],
  [
    /^(?:EPROTO|ERR_SSL)/,
    'no http',
    ({ host }) => `${host} does not speak TLS as it should. Try http://${host}.`,
  ],
  [
    /^HPE_/,
    'no http',
    ({ host }) => `${host} does not speak HTTP. Is it another service, or one for https://?`,
  ],
  [
    /^(?:ECONNRESET|EPIPE|UND_ERR_SOCKET)$/,
    'closed',
    ({ host }) => `${host} closes the connection without an answer.`,
  ],
  [/^ETIMEDOUT$/, 'silent', ({ host }) => `${host} can't be reached: no connection in time.`],
];

/** Of what Node throws. An error without a code is this program's own, and stays what it is. */
export function troubleOf(error: unknown, place: Place): unknown {
  if (error instanceof Trouble || !(error instanceof Error)) return error;
  if (error.name === 'AbortError' || error.name === 'TimeoutError') return silence(place);
  const code = 'code' in error ? String(error.code) : '';
  const row = rows.find(([pattern]) => pattern.test(code));
  if (row) return new Trouble(row[1], row[2](place.origin, code));
  return code === '' ? error : new Trouble('closed', `${place.origin.host}: ${error.message}`);
}
