/**
 * One JSON request body, bounded. Used by every door that takes JSON, so that each refuses the
 * same things in the same words: too large, compressed, not JSON, not UTF-8, too deep.
 *
 * Of mcp-mount, MIT.
 */
import type { IncomingMessage } from 'node:http';

export type Body =
  | { ok: true; value: unknown }
  | { ok: false; status: 400 | 413 | 415; detail: string };

export interface BodyLimits {
  /** Bytes. A declared Content-Length above it is refused before anything is read. */
  maxBytes: number;
  /** Levels of arrays and objects. Code that walks a value recursively has a stack to lose. */
  maxDepth?: number;
  /** Media types taken, without parameters. */
  types?: string[];
}

/**
 * Reads and parses the body, or says why not. A stream can be read once, so what a host has read
 * before is taken from `req.body`: parsed, as express.json() leaves it, or as the text or bytes of
 * express.text() and express.raw().
 */
export async function readJson(req: IncomingMessage, limits: BodyLimits): Promise<Body> {
  const { maxBytes, maxDepth = 64, types = ['application/json'] } = limits;
  if (!types.includes(mediaType(req)))
    return refuse(415, `The body must be ${types[0]}. Set Content-Type so.`);
  const left = leftBy(req);
  const isRead = typeof left === 'string' || left instanceof Uint8Array;
  if (left !== undefined && !isRead) return shallow(left, maxDepth);
  if (!isRead && isEncoded(req)) return refuse(415, encoded);
  const bytes = isRead ? bounded(Buffer.from(left), maxBytes) : await readBytes(req, maxBytes);
  if (bytes === 'over')
    return refuse(413, `The body is over ${maxBytes} bytes. Send less at a time.`);
  if (bytes === 'gone') return refuse(400, readBefore);
  if (bytes === 'cut') return refuse(400, 'The request ended before its body did. Send it whole.');
  return parse(bytes, maxDepth);
}

const encoded = 'The body has a Content-Encoding, and nothing is inflated here. Send it plain.';

// Only who wrote the server can mend it, and this is where it shows.
const readBefore =
  'The body was read by the host before it came here, and is not on req.body. Mount this before the body parser, or have the parser leave it on req.body.';

// Express 4's parsers leave {} on what they did not read, too.
function leftBy(req: IncomingMessage & { body?: unknown }): unknown {
  const { body } = req;
  const isBlank = typeof body === 'object' && body !== null && Object.keys(body).length === 0;
  return isBlank && !req.readableDidRead ? undefined : body;
}

function bounded(bytes: Buffer, maxBytes: number): Buffer | 'over' {
  return bytes.length > maxBytes ? 'over' : bytes;
}

function mediaType(req: IncomingMessage): string {
  const type = req.headers['content-type'] ?? '';
  const end = type.indexOf(';');
  return (end === -1 ? type : type.slice(0, end)).trim().toLowerCase();
}

// 'identity' says that there is none (RFC 9110, 12.5.3), in any case.
function isEncoded(req: IncomingMessage): boolean {
  const encoding = req.headers['content-encoding'];
  return encoding !== undefined && !/^(?:identity)?$/i.test(encoding.trim());
}

/**
 * 'over': there are more than `maxBytes`. 'cut': the client went away, or a time-out cut it.
 * Both are a client's doing, so neither is thrown, which would fill the log. 'gone': the host's.
 */
function readBytes(
  req: IncomingMessage,
  maxBytes: number,
): Promise<Buffer | 'over' | 'cut' | 'gone'> {
  if (Number(req.headers['content-length']) > maxBytes) {
    discard(req);
    return Promise.resolve('over');
  }
  if (req.readableEnded) return Promise.resolve('gone');
  if (req.closed) return Promise.resolve('cut');
  return new Promise(resolve => {
    let read = nothing;
    req.on('data', (chunk: Buffer) => {
      if (read.size + chunk.length <= maxBytes) {
        read = withChunk(read, chunk, maxBytes);
        return;
      }
      req.removeAllListeners('data');
      read = nothing;
      discard(req);
      resolve('over');
    });
    req.on('end', () => resolve(read.bytes.subarray(0, read.size)));
    // Comes after each end, too, and a promise resolved again is a call into V8's runtime.
    req.on('close', () => {
      if (!req.readableEnded) resolve('cut');
    });
    req.on('error', () => resolve('cut'));
  });
}

interface Read {
  /** The first `size` of these. */
  bytes: Buffer;
  size: number;
}

const nothing: Read = { bytes: Buffer.alloc(0), size: 0 };

/**
 * Most bodies come in one piece, which is taken as it is. Others are copied together as they
 * come: kept, each piece takes some 350 bytes, and a client may send its body byte by byte.
 */
function withChunk(read: Read, chunk: Buffer, maxBytes: number): Read {
  if (read === nothing) return { bytes: chunk, size: chunk.length };
  const size = read.size + chunk.length;
  if (size > read.bytes.length) {
    const larger = Buffer.allocUnsafe(Math.max(size, Math.min(2 * size, maxBytes)));
    larger.set(read.bytes.subarray(0, read.size));
    read.bytes = larger;
  }
  read.bytes.set(chunk, read.size);
  read.size = size;
  return read;
}

// Closing at once would reset the connection, and the client would lose the answer it is sent.
const lingerMs = 1_000;

/** For a request that is refused unread: what is left of its body is read into nothing, and cut. */
export function discard(req: IncomingMessage): void {
  if (req.complete || req.destroyed) return;
  req.resume();
  const cut = setTimeout(() => req.socket.destroy(), lingerMs).unref();
  req.once('close', () => clearTimeout(cut));
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function parse(bytes: Buffer, maxDepth: number): Body {
  try {
    return shallow(JSON.parse(utf8.decode(bytes)), maxDepth);
  } catch (error) {
    const reason = error instanceof SyntaxError ? error.message : 'it is not UTF-8';
    return refuse(400, `The body is not JSON: ${reason}.`);
  }
}

function shallow(value: unknown, maxDepth: number): Body {
  if (!deeperThan(value, maxDepth)) return { ok: true, value };
  return refuse(400, `The body is nested more than ${maxDepth} levels deep. Flatten it.`);
}

// Stops at the limit, so it can't run out of stack itself.
function deeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  // for…in over an array makes a string of each index: 540 ms for 4 MiB of zeros, against 70.
  if (Array.isArray(value)) return value.some(entry => deeperThan(entry, levels - 1));
  for (const key in value) {
    if (deeperThan((value as Record<string, unknown>)[key], levels - 1)) return true;
  }
  return false;
}

function refuse(status: 400 | 413 | 415, detail: string): Body {
  return { ok: false, status, detail };
}
