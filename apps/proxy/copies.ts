/** Bodies read beside whoever passes them on; a compressed one as its reader will see it. */
import type { IncomingMessage } from 'node:http';
import { brotliDecompressSync, constants, gunzipSync, inflateSync } from 'node:zlib';

const maxBytes = 8 * 1024 * 1024; // of a body: a longer one is passed on and not shown

/** Gives `take` the whole of it, if it ends as it should. */
export function textOf(body: IncomingMessage, take: (text: string) => void): void {
  const chunks: Uint8Array[] = [];
  let size = 0;
  bytesOf(body, chunk => {
    size += chunk.length;
    if (size <= maxBytes) chunks.push(chunk);
  });
  body.once('end', () => {
    if (size <= maxBytes) take(Buffer.concat(chunks).toString());
  });
}

/** Gives `take` its bytes as they pass. */
export function bytesOf(body: IncomingMessage, take: (chunk: Uint8Array) => void): void {
  const decode = decoders[body.headers['content-encoding']?.toLowerCase() ?? ''];
  body.on('data', decode ? decoding(decode, take) : take);
}

type Decode = (bytes: Buffer) => Buffer;

const { Z_SYNC_FLUSH, BROTLI_OPERATION_FLUSH } = constants;
const flush = { finishFlush: Z_SYNC_FLUSH, maxOutputLength: maxBytes }; // it need not be all there

const decoders: Record<string, Decode> = {
  gzip: bytes => gunzipSync(bytes, flush),
  deflate: bytes => inflateSync(bytes, flush),
  br: bytes => brotliDecompressSync(bytes, { ...flush, finishFlush: BROTLI_OPERATION_FLUSH }),
};

const maxEncodedBytes = 256 * 1024; // since all of it is decoded anew with each chunk

/**
 * At once, and not by a stream: that would give the last of it when the answer is over, and told
 * as that. What can't be decoded, or is long, is passed on unread.
 */
function decoding(decode: Decode, take: (chunk: Uint8Array) => void): (chunk: Buffer) => void {
  let encoded = Buffer.alloc(0);
  let given = 0; // bytes of what was decoded
  return chunk => {
    if (encoded.length > maxEncodedBytes) return;
    encoded = Buffer.concat([encoded, chunk]);
    const decoded = attempt(decode, encoded);
    take(decoded.subarray(given));
    given = Math.max(given, decoded.length);
  };
}

function attempt(decode: Decode, bytes: Buffer): Buffer {
  try {
    return decode(bytes);
  } catch {
    return Buffer.alloc(0);
  }
}
