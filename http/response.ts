/**
 * Node's response, with what every answer of the server says, whoever gives it.
 *
 * Of mcp-mount, MIT.
 */
import {
  type IncomingMessage,
  type OutgoingHttpHeader,
  type OutgoingHttpHeaders,
  ServerResponse,
} from 'node:http';

type Head = OutgoingHttpHeaders | OutgoingHttpHeader[];

/** Emitted by a response that has become an event stream. */
export const streamOpened = Symbol('stream opened');

/**
 * Given to `http.createServer` as its ServerResponse. All heads pass writeHead: an app's, a
 * refusal's, those that Node makes of setHeader, and those of Node's own answers.
 */
export class Response<
  Request extends IncomingMessage = IncomingMessage,
> extends ServerResponse<Request> {
  /** Whether it is an event stream, which is open until its app ends it or its client leaves. */
  isStream = false;
  /** Whether it is another server's answer, passed on by a proxy: then it says what that says. */
  isRelayed = false;

  override writeHead(status: number, reason?: string | Head, headers?: Head): this {
    const given = typeof reason === 'object' ? reason : headers;
    if (isStreamHead(this, given)) {
      this.isStream = true;
      this.emit(streamOpened);
    }
    // Not by setHeader, with which Node goes through the other fields one by one.
    const head = this.isRelayed ? given : withNosniff(given);
    return typeof reason === 'string'
      ? super.writeHead(status, reason, head)
      : super.writeHead(status, head);
  }
}

/** No browser is to make a page of what is none, whatever a client managed to put in it. */
export const nosniff = ['X-Content-Type-Options', 'nosniff'] as const;

/** As a list of names and values. As an object, made anew, it would take a quarter of an answer. */
function withNosniff(given: Head = {}): OutgoingHttpHeader[] {
  if (Array.isArray(given))
    return [...nosniff, ...(Array.isArray(given[0]) ? given.flat() : given)];
  const head: OutgoingHttpHeader[] = nosniff[0] in given ? [] : [...nosniff]; // an app may say so too
  for (const name in given) head.push(name, given[name] as OutgoingHttpHeader); // or Node throws
  return head;
}

function isStreamHead(res: ServerResponse, given: Head = {}): boolean {
  const head = Array.isArray(given) ? {} : given; // as a list Node alone gives them, and no stream
  const type = head['Content-Type'] ?? head['content-type'] ?? res.getHeader('content-type');
  return typeof type === 'string' && type.startsWith('text/event-stream');
}
