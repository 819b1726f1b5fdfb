/**
 * A response that is written at the pace of its reader.
 *
 * Node takes all it is given and keeps what the reader does not take: strings, of up to two bytes a
 * character, with a copy of each and some 300 bytes around each write. So nothing of it tells what
 * a reader costs that has stopped: 5 MB of short messages take 25 MB. Here what waits, waits as
 * bytes that are counted, and goes out piece by piece.
 *
 * Of mcp-mount, MIT.
 */
import type { ServerResponse } from 'node:http';
import { isGone, onGone } from '../../http/gone.ts';
import type { Backlog, Waiting } from './backlog.ts';

const shortChars = 16 * 1024; // what has less is written as it is, while nothing waits before it
const pieceChars = 256 * 1024; // a reader that takes one gets on
const bytesAround = 128; // what a Buffer takes beside its bytes

export class PacedResponse implements Waiting {
  readonly res: ServerResponse;
  bytes = 0;
  since = 0;
  private readonly backlog: Backlog;
  /** What Node does not have yet; undefined while the reader keeps up. */
  private pieces: Buffer[] | undefined;
  /** Of `bytes`, what Node has. */
  private handedOver = 0;
  private isEnding = false;
  private isWatched = false;

  constructor(res: ServerResponse, backlog: Backlog) {
    this.res = res;
    this.backlog = backlog;
  }

  /** @returns false when there is nobody to read it any more */
  write(text: string): boolean {
    if (isGone(this.res)) return false;
    if (text.length < shortChars && this.res.writableLength === 0) this.res.write(text);
    else this.hold(text);
    return true;
  }

  /** Ends it once all is taken. */
  end(text = ''): void {
    if (isGone(this.res)) return;
    this.isEnding = true;
    const waits = this.pieces !== undefined && this.pieces.length + text.length > 0;
    if (waits || text.length > pieceChars) return void this.hold(text);
    this.res.end(text);
    if (this.pieces || this.res.writableLength === 0) return;
    this.wait(2 * this.res.writableLength); // of characters
  }

  drop(): void {
    this.res.req.socket.destroy(); // not the response alone: behind another, it has no socket yet
    this.leave();
  }

  private hold(text: string): void {
    const isFirst = this.pieces === undefined;
    this.pieces ??= [];
    for (const piece of piecesOf(text)) {
      this.pieces.push(piece);
      this.wait(piece.length + bytesAround);
    }
    if (isFirst) this.handOver(this.pieces);
  }

  private wait(bytes: number): void {
    if (this.bytes === 0) this.since = performance.now();
    this.backlog.add(this, bytes);
    if (this.isWatched) return;
    this.isWatched = true;
    onGone(this.res, () => this.leave());
  }

  private handOver(pieces: Buffer[]): void {
    const next = pieces.splice(0, countOf(pieces));
    const [first = nothing] = next;
    const piece = next.length === 1 ? first : Buffer.concat(next);
    this.handedOver = piece.length + next.length * bytesAround;
    this.res.write(piece, () => this.taken());
  }

  private taken(): void {
    const { res, pieces } = this;
    if (!pieces || isGone(res)) return;
    this.since = performance.now();
    this.backlog.add(this, -this.handedOver);
    if (pieces.length > 0) return void this.handOver(pieces);
    this.leave();
    if (this.isEnding && !res.writableEnded) res.end();
  }

  private leave(): void {
    this.pieces = undefined;
    this.backlog.remove(this);
  }
}

const nothing = Buffer.alloc(0);

function* piecesOf(text: string): Generator<Buffer> {
  for (let from = 0; from < text.length; ) {
    const to = from + pieceChars;
    const next = isWithinPair(text, to) ? to + 1 : to;
    yield Buffer.from(text.slice(from, next));
    from = next;
  }
}

/** Of surrogates, which alone are no characters. */
function isWithinPair(text: string, at: number): boolean {
  return (text.codePointAt(at - 1) ?? 0) > 0xffff;
}

/** How many of the first make one piece together. */
function countOf(pieces: Buffer[]): number {
  let count = 0;
  for (let bytes = 0; count < pieces.length && bytes < pieceChars; count++)
    bytes += pieces[count]?.length ?? 0;
  return count;
}
