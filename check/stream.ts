/** Server-sent events (HTML spec, 9.2), frame by frame. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { constants, createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { type Place, silence } from './trouble.ts';

export interface Frame {
  event?: string;
  id?: string;
  data?: string;
}

// Of a server that floods, no more is kept.
const maxFrameChars = 1_000_000;
const maxFrames = 10_000;

/** One response, read as it comes. */
export class EventStream {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Whether it has ended, and whether as HTTP says: the server let go of it, and did not die. */
  ended: 'open' | 'whole' | 'cut' = 'open';
  private readonly res: IncomingMessage;
  private readonly place: Place;
  private readonly frames: Frame[] = [];
  private rest = '';
  private changed = () => {};

  constructor(res: IncomingMessage, place: Place) {
    this.res = res;
    this.place = place;
    this.status = res.statusCode ?? 0;
    this.headers = res.headers;
    readable(res)
      .setEncoding('utf8')
      .on('data', (chunk: string) => this.take(chunk))
      .on('error', () => {});
    res.once('close', () => {
      this.ended = res.complete ? 'whole' : 'cut';
      this.changed();
    });
  }

  /** The next frame; undefined once the stream has ended. */
  async next(ms = this.place.patienceMs): Promise<Frame | undefined> {
    await this.something(ms, () => this.frames.length > 0);
    return this.frames.shift();
  }

  /** The first frame that fits, or undefined at the end. @throws Trouble when none comes in time */
  async find(fits: (frame: Frame) => boolean): Promise<Frame | undefined> {
    const deadline = performance.now() + this.place.patienceMs;
    for (;;) {
      const frame = await this.next(Math.max(0, deadline - performance.now()));
      if (!frame || fits(frame)) return frame;
    }
  }

  /** Resolves when bytes come, also those of a comment, or the stream ends. */
  bytes(ms: number): Promise<void> {
    let came = false;
    this.res.once('data', () => {
      came = true;
      this.changed();
    });
    return this.something(ms, () => came);
  }

  close(): void {
    this.res.destroy();
  }

  /** @throws Trouble when nothing of the kind comes within `ms` */
  private something(ms: number, isThere: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = () => reject(silence({ ...this.place, patienceMs: ms }));
      const timer = Number.isFinite(ms) ? setTimeout(giveUp, ms) : undefined;
      this.changed = () => {
        if (!isThere() && this.ended === 'open') return;
        clearTimeout(timer);
        resolve();
      };
      this.changed();
    });
  }

  private take(text: string): void {
    const blocks = `${this.rest}${text}`.replaceAll('\r\n', '\n').split('\n\n');
    this.rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const frame = frameOf(block);
      if (frame) this.frames.push(frame);
    }
    if (this.rest.length > maxFrameChars || this.frames.length > maxFrames) this.close();
    this.changed();
  }
}

// A compressor that flushes is no fault: what it sends is read as a browser reads it.
function readable(res: IncomingMessage): Readable {
  const { Z_SYNC_FLUSH: flush, BROTLI_OPERATION_FLUSH } = constants;
  const coding = res.headers['content-encoding'];
  if (coding === 'gzip') return res.pipe(createGunzip({ flush }));
  if (coding === 'deflate') return res.pipe(createInflate({ flush }));
  if (coding === 'br') return res.pipe(createBrotliDecompress({ flush: BROTLI_OPERATION_FLUSH }));
  return res;
}

/** Undefined for comments. */
function frameOf(block: string): Frame | undefined {
  const frame: Frame = {};
  for (const line of block.split('\n')) {
    const [, name, value = ''] = /^([^:]+)(?:: ?(.*))?$/.exec(line) ?? [];
    if (name === 'data') frame.data = frame.data === undefined ? value : `${frame.data}\n${value}`;
    if (name === 'event' || name === 'id') frame[name] = value;
  }
  return Object.keys(frame).length > 0 ? frame : undefined;
}
