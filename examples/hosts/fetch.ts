/** fetch() to where the global one does not go: own certificates, Unix sockets, HTTP/2, any Host. */
import { once } from 'node:events';
import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import { type ClientHttp2Session, connect } from 'node:http2';
import { request as requestTls } from 'node:https';
import { Readable } from 'node:stream';

export interface Reach {
  /** Whom to trust, instead of the usual. */
  ca?: string;
  socketPath?: string;
  http2?: boolean;
}

/** Of fetch() it has what the SDK's clients use: a method, headers, a body of text, a signal. */
export function fetchVia({ http2 = false, ...reach }: Reach = {}): typeof fetch {
  const send = http2 ? over2() : over1;
  return (input, init = {}) => {
    const { method = 'GET', body, signal } = init;
    const headers = Object.fromEntries(new Headers(init.headers));
    const options = { ...reach, method, headers, ...(signal && { signal }) };
    const url = new URL(input instanceof Request ? input.url : input);
    return send(url, options, body ? String(body) : '');
  };
}

type Options = RequestOptions & { ca?: string; method: string; headers: Record<string, string> };
type Send = (url: URL, options: Options, body: string) => Promise<Response>;

const over1: Send = async (url, options, body) => {
  const servername = url.hostname; // whatever the Host header says
  const asked =
    url.protocol === 'https:' ? requestTls(url, { ...options, servername }) : request(url, options);
  asked.end(body);
  const [answer]: IncomingMessage[] = await once(asked, 'response');
  return responseOf(answer, answer?.statusCode, answer?.headers);
};

/** One connection for all requests to come, as browsers have it, which only the server ends. */
function over2(): Send {
  let session: ClientHttp2Session | undefined;
  return async (url, { method, ca, signal, headers: { host = url.host, ...headers } }, body) => {
    if (!session || session.closed || session.destroyed) {
      session = connect(url, ca === undefined ? {} : { ca });
      session.on('error', () => {}); // its streams fail with it, and say so
    }
    const about = { ':method': method, ':path': url.pathname + url.search, ':authority': host };
    const ending = { endStream: body === '', ...(signal && { signal }) };
    const stream = session.request({ ...about, ...headers }, ending);
    if (body !== '') stream.end(body);
    const [answer] = await once(stream, 'response');
    return responseOf(stream, answer[':status'], answer);
  };
}

function responseOf(body?: Readable, status = 0, fields: object = {}): Response {
  const headers = new Headers();
  for (const [name, value] of Object.entries(fields))
    if (!name.startsWith(':')) headers.set(name, String(value));
  if (!body || status === 204 || status === 304) return new Response(null, { status, headers });
  // Node's types name its own web streams and the global ones apart; they are the same.
  return new Response(Readable.toWeb(body) as ReadableStream<Uint8Array>, { status, headers });
}
