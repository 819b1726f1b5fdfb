/**
 * The requests of one connection, a few at a time. A client may send many before it reads an
 * answer (RFC 9112, 9.3.2), and Node hands over all that one read of the socket holds: 64 KB of
 * `GET /items/` were 1,600 answers in memory. To pause the socket comes too late for those.
 *
 * Of mcp-mount, MIT.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { type Response, streamOpened } from './response.ts';

const maxOpen = 32; // requests that apps have at once: browsers and SDKs pipeline none, tools ten
const maxWaiting = 256; // behind those, some 2 KB each; who sends more is flooding

export class Pipeline {
  readonly socket: Socket;
  private readonly answer: (req: IncomingMessage, res: Response) => unknown;
  /** Handed over and not yet sent, in the order they came. */
  private readonly open: Response[] = [];
  private readonly waiting: Response[] = [];

  /** @param answer is to call `returned` when its app has returned */
  constructor(socket: Socket, answer: Pipeline['answer']) {
    this.socket = socket;
    this.answer = answer;
  }

  /** Has the request answered, now or when its turn comes; or ends the connection. */
  take(res: Response): void {
    const before = this.waiting.at(-1) ?? this.open.at(-1);
    if (before) this.endIfEndless(before);
    if (this.socket.destroyed) return; // now, or before: Node goes on with what it has read
    // In a turn of its own, for some streams end in the one in which they begin.
    before?.once(streamOpened, () => process.nextTick(() => this.endIfEndless(before)));
    if (this.open.length < maxOpen) this.hand(res);
    else if (this.waiting.length < maxWaiting) this.waiting.push(res);
    else this.end();
  }

  /** To be called once an app has returned. Most answers have left by then, and need no listener. */
  returned(res: Response): void {
    if (res.writableFinished || res.closed) this.leave();
    else res.once('close', () => this.leave());
  }

  /** Whether the head of an answer has gone out, and not all of its body. */
  isMidAnswer(): boolean {
    return this.open[0]?.headersSent ?? false;
  }

  private hand(res: Response): void {
    this.open.push(res);
    this.answer(res.req, res);
  }

  private leave(): void {
    this.open.shift(); // answers leave in the order of their requests, or all with the connection
    const next = this.waiting.shift();
    if (next && !this.socket.destroyed) this.hand(next);
  }

  /** What comes behind a stream would wait for as long as it is open. */
  private endIfEndless(before: Response): void {
    if (before.isStream && !before.writableEnded) this.end();
  }

  private end(): void {
    this.socket.destroy();
    this.waiting.length = 0;
  }
}
