/** Server-sent events (HTML spec, 9.2) read from a copy, with each frame as it was written. */

export interface Frame {
  /** To the empty line that ends it. */
  raw: string;
  /** `'message'` where it names none. */
  event: string;
  /** Undefined for comments, and for an id or a retry alone. */
  data?: string;
}

const maxChars = 8 * 1024 * 1024; // of a frame: of a longer one the beginning is shown, unread

/** Gives `take` each frame of the chunks it is given. */
export function frameReader(take: (frame: Frame) => void): (chunk: Uint8Array) => void {
  const decoder = new TextDecoder();
  let rest = '';
  let isLong = false; // the beginning of this frame was given already

  function takeNext(from: number): boolean {
    ends.lastIndex = from;
    if (!ends.test(rest)) return false;
    const raw = rest.slice(0, ends.lastIndex).trimStart();
    rest = rest.slice(ends.lastIndex);
    if (!isLong && raw !== '') take(frameOf(raw));
    isLong = false;
    return true;
  }

  return chunk => {
    let from = Math.max(0, rest.length - 3); // where half an end may stand
    rest += decoder.decode(chunk, { stream: true });
    while (takeNext(from)) from = 0;
    if (rest.length <= maxChars) return;
    if (!isLong) take({ raw: rest, event: 'message' });
    isLong = true;
    rest = rest.slice(-3);
  };
}

const ends = /(?:\r\n|\n|\r(?!\n)){2}/g; // a line and an empty one: any of three ends, also mixed

function frameOf(raw: string): Frame {
  const lines = raw.split(/\r\n|\n|\r/);
  const valuesOf = (field: string) =>
    lines.flatMap(line => (line.startsWith(field) ? [line.slice(field.length)] : []));
  const data = valuesOf('data:').map(withoutSpace);
  const [event = 'message'] = valuesOf('event:').map(withoutSpace);
  return { raw, event, ...(data.length > 0 && { data: data.join('\n') }) };
}

function withoutSpace(value: string): string {
  return value.startsWith(' ') ? value.slice(1) : value;
}
