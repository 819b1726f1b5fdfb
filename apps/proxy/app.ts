/**
 * A reverse proxy as an App: it asks one other server what it is asked, and passes on what that
 * answers as it comes. So a server of any make and language can be looked at:
 *
 *     hostGuard(router.mount('/', proxyApp(new URL('http://localhost:8000'))))
 *
 * It changes what it must: Host, which names the upstream, and what is each connection's own (RFC
 * 9110, 7.6.1). Not even Via is added, for some servers answer differently behind a proxy. With
 * Host the upstream loses sight of whom a browser meant to reach: hence the guard.
 */
import {
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { request as httpsRequest } from 'node:https';
import { Transform } from 'node:stream';
import { urlToHttpOptions } from 'node:url';
import type { App } from '../../http/app.ts';
import { hasTurn, isGone, onGone } from '../../http/gone.ts';
import { sendProblem } from '../../http/problem.ts';
import { Response } from '../../http/response.ts';
import { fieldsOf } from './fields.ts';
import { checked, reasonOf } from './head.ts';
import { whyUnreached } from './unreached.ts';
import { watch } from './watch.ts';

/**
 * Asks `upstream` what it is asked, and passes the answers on. Where there is none: 502, and why.
 *
 * @param upstream its origin; a path, if any, comes in front of what is asked for
 */
export function proxyApp(upstream: URL): App {
  const open = new Set<ClientRequest>();
  let isClosing = false;

  async function pass(req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (!(await hasTurn(res))) return; // nothing is asked for nobody
    const asked = ask(upstream, req);
    open.add(asked);
    onGone(res, () => {
      open.delete(asked);
      asked.destroy(); // the upstream, too, is to see that its client has left
      req.unpipe().resume(); // or what is left of its body stops its connection
    });
    const told = watch(req, res, upstream);
    req.pipe(unhurried()).pipe(asked);
    try {
      const answer = checked(await answerTo(asked));
      told.answer(answer);
      passOn(answer, res);
    } catch (error) {
      if (isGone(res)) return;
      told.settle();
      sendProblem(res, isClosing ? stopping : whyUnreached(upstream, error));
    }
  }

  async function close(): Promise<void> {
    isClosing = true;
    const alive = [...open].filter(asked => !asked.closed);
    await Promise.all(alive.map(asked => new Promise(done => asked.once('close', done).destroy())));
  }
  return Object.assign(pass, { close });
}

const stopping = { status: 503, detail: 'The proxy is stopping.' };

/**
 * On a connection of its own: one that is kept may be closed as it is used again. But the upstream
 * is not told so, or it would cut off a body that it refuses unread, and its refusal with it.
 */
function ask(upstream: URL, req: IncomingMessage): ClientRequest {
  const send = upstream.protocol === 'https:' ? httpsRequest : httpRequest;
  const path = upstream.pathname.replace(/\/$/, '') + req.url;
  const { method, headers } = req;
  const place = { ...urlToHttpOptions(upstream), path, method, setHost: false, agent: false };
  const asked = send(place);
  for (const [name, value] of fieldsOf(req)) asked.appendHeader(name, value);
  asked.setHeader('Host', upstream.host).setHeader('Connection', 'keep-alive');
  const isChunked = headers['transfer-encoding'] !== undefined;
  if (isChunked) asked.setHeader('Transfer-Encoding', 'chunked'); // Node would not, behind a GET
  if (isChunked || headers['content-length'] !== undefined) asked.flushHeaders();
  return asked;
}

/**
 * A body, each part a turn later: by then what the upstream has said is read. To write to one that
 * has refused the body and closed would be an error first, and take the refusal with it.
 */
function unhurried(): Transform {
  return new Transform({
    transform: (chunk, _encoding, done) => void setImmediate(done, null, chunk),
  });
}

/** Rejects when there is none. What goes wrong behind its head ends its body. */
function answerTo(asked: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    asked.once('response', resolve).on('error', reject);
    const unanswered = new Error('it closed without an answer'); // but with a 101 nobody asked for
    asked.once('close', () => reject(unanswered));
  });
}

function passOn(answer: IncomingMessage, res: ServerResponse): void {
  if (res instanceof Response) res.isRelayed = true;
  for (const [name, value] of fieldsOf(answer)) res.appendHeader(name, value);
  res.writeHead(answer.statusCode ?? 502, reasonOf(answer)).flushHeaders();
  answer
    .on('error', () => {})
    .once('close', () => {
      if (!answer.complete) res.destroy(); // it broke off
    });
  answer.pipe(res);
}
