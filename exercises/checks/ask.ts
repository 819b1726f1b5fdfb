/** A client that sends a path as it is given, and tells what it saw. */
import { createServer, type IncomingMessage, type RequestListener, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { atEnd, teach } from './check.ts';

export interface Answer {
  /** `'GET /shop/apples'` */
  did: string;
  status: number;
  headers: IncomingMessage['headers'];
  body: string;
}

export interface Question {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}

const patienceMs = 5_000; // for an answer that takes a millisecond, on a busy machine

/** Ends the check where no answer comes, saying why. `path` is sent byte for byte. */
export async function ask(origin: string, path: string, question: Question = {}): Promise<Answer> {
  const { method = 'GET', body } = question;
  const did = `${method} ${path}`;
  const { hostname, port } = new URL(origin);
  const answer = new Promise<Answer>((resolve, reject) => {
    const headers = { ...question.headers, ...(body && { 'Content-Type': 'application/json' }) };
    const options = { hostname, port, path, method, headers, agent: false };
    const req = request(options, res => {
      let text = '';
      res.setEncoding('utf8').on('data', chunk => {
        text += chunk;
      });
      res.once('end', () =>
        resolve({ did, status: res.statusCode ?? 0, headers: res.headers, body: text }),
      );
      res.once('error', reject);
    });
    req.once('error', reject).setTimeout(patienceMs, () => req.destroy(new Silence()));
    req.end(body);
  });
  return answer.catch(error => (error instanceof Silence ? noAnswer(did) : Promise.reject(error)));
}

class Silence extends Error {}

function noAnswer(did: string): never {
  return teach({
    did,
    seen: `no answer, though the client waited ${patienceMs / 1_000} s.`,
    so: 'the request reached your code, and nothing ever called res.end() for it.',
    look: 'at the way this path takes through your handler: does each way out answer?',
  });
}

/** `404 and "Nothing answers /shop"` */
export function seen({ status, body }: Answer): string {
  const text = body.trim().replaceAll(/\s+/g, ' ');
  const shown = text.length > maxShown ? `${text.slice(0, maxShown)}…` : text;
  return shown === '' ? `${status} and an empty body` : `${status} and “${shown}”`;
}

const maxShown = 160; // characters: two lines

/** Serves a listener of the learner's in this process, on a free port. */
export async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  atEnd(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo; // it listens on TCP
  return `http://127.0.0.1:${port}`;
}
