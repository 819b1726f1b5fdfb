/** Bodies read beside whoever passes them on; a compressed one as its reader will see it. */
import type { IncomingMessage } from 'node:http';
import { brotliDecompressSync, constants, gunzipSync, inflateSync } from 'node:zlib';

const maxBytes = 8 * 1024 * 1024; // of a body: a longer one is passed on and not shown

/** Gives `take` the whole of it, if it ends as it should. What can't be decoded is not given. */
export function textOf(body: IncomingMessage, take: (text: string) => void): void {
  const chunks: Uint8Array[] = [];
  let size = 0;
  body.on('data', (chunk: Uint8Array) => {
    size += chunk.length;
    if (size <= maxBytes) chunks.push(chunk);
    else chunks.length = 0;
  });
  body.once('end', () => {
    const whole = size <= maxBytes ? decoded(Buffer.concat(chunks), decoderOf(body)) : undefined;
    if (whole) take(whole.toString());
  });
}

/** Gives `take` its bytes as they pass. */
export function bytesOf(body: IncomingMessage, take: (chunk: Uint8Array) => void): void {
  const decode = decoderOf(body);
  body.on('data', decode ? decoding(decode, take) : take);
}

type Decode = (bytes: Buffer, maxOutputLength: number) => Buffer;

function decoderOf({ headers }: IncomingMessage): Decode | undefined {
  return decoders[headers['content-encoding']?.toLowerCase() ?? ''];
}

const finishFlush = constants.Z_SYNC_FLUSH; // it need not be all there
const brotliFlush = constants.BROTLI_OPERATION_FLUSH;

const decoders: Record<string, Decode> = {
  gzip: (bytes, maxOutputLength) => gunzipSync(bytes, { finishFlush, maxOutputLength }),
  deflate: (bytes, maxOutputLength) => inflateSync(bytes, { finishFlush, maxOutputLength }),
  br: (bytes, maxOutputLength) =>
    brotliDecompressSync(bytes, { finishFlush: brotliFlush, maxOutputLength }),
};

// Of a stream, since all of it is decoded anew with each chunk: what is longer goes on unread.
const maxEncodedBytes = 256 * 1024;
const maxDecodedBytes = 2 * 1024 * 1024;

/**
 * At once, and not by a stream: that would give the last of it when the answer is over, and told
 * as that. What can't be decoded, or is long, is passed on unread.
 */
function decoding(decode: Decode, take: (chunk: Uint8Array) => void): (chunk: Buffer) => void {
  let encoded = Buffer.alloc(0);
  let given = 0; // bytes of what was decoded
  let isOver = false;
  return chunk => {
    if (isOver) return;
    encoded = Buffer.concat([encoded, chunk]);
    const whole = decoded(encoded, decode, maxDecodedBytes);
    isOver = whole === undefined || encoded.length > maxEncodedBytes;
    if (whole) take(whole.subarray(given));
    given = whole?.length ?? given;
    if (isOver) encoded = Buffer.alloc(0);
  };
}

/** As it is where there is no decoder; undefined where it is no such thing, or too long. */
function decoded(bytes: Buffer, decode?: Decode, maxLength = maxBytes): Buffer | undefined {
  try {
    return decode ? decode(bytes, maxLength) : bytes;
  } catch {
    return undefined;
  }
}
