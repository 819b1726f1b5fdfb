/** The event stream. EventSource sends no Authorization header, so it is read with fetch. */
import { authorization, detailOf } from './page.js';

/** @typedef {{ name: string, data: any }} ServerEvent JSON of the server's own; each taker knows its shape */
/** @typedef {{ take: (event: ServerEvent) => void, show: (state: string, text: string) => void }} Reader */

const silenceMs = 45_000; // three of the server's pings: the connection is dead
const firstDelayMs = 500;
const longestDelayMs = 10_000;

/**
 * Reads until the server wants a token; otherwise comes back however often it is cut off.
 * @param {string} url
 * @param {Reader} reader
 */
export async function stayConnected(url, { take, show }) {
  for (let delayMs = firstDelayMs; ; delayMs = Math.min(delayMs * 2, longestDelayMs)) {
    const end = await readEvents(
      url,
      () => show('live', 'Live'),
      event => {
        delayMs = firstDelayMs;
        take(event);
      },
    );
    if (end === 'token') return;
    show('lost', end);
    await new Promise(done => setTimeout(done, delayMs * (0.75 + Math.random() / 2)));
  }
}

/**
 * Resolves, once it is over, to why.
 * @param {string} url
 * @param {() => void} open
 * @param {(event: ServerEvent) => void} take
 * @returns {Promise<string>}
 */
async function readEvents(url, open, take) {
  const silence = new AbortController();
  try {
    const response = await fetch(url, { headers: authorization(), signal: silence.signal });
    if (response.status === 401) return 'token';
    if (!response.ok || !response.body) return await detailOf(response);
    open();
    await parseEvents(response.body, take, silence);
  } catch {
    // told below: a network error says nothing a reader could use
  }
  return 'Connection lost. Trying again';
}

/**
 * Until the stream ends, or is silent for too long.
 * @param {ReadableStream<Uint8Array<ArrayBuffer>>} body
 * @param {(event: ServerEvent) => void} take
 * @param {AbortController} silence
 */
async function parseEvents(body, take, silence) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), silenceMs);
  };
  try {
    heard();
    for await (const { name, data } of eventsIn(body, heard))
      take({ name, data: JSON.parse(data) });
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The events of any stream: 'event: panel\ndata: […]'. A comment (': ping') is none.
 * @param {ReadableStream<Uint8Array<ArrayBuffer>>} body
 * @param {() => void} [heard]
 */
export async function* eventsIn(body, heard = () => {}) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    heard();
    const blocks = (text + value).split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const [, name = 'message'] = /^event: (.*)$/m.exec(block) ?? [];
      const [, data] = /^data: (.*)$/m.exec(block) ?? [];
      if (data !== undefined) yield { name, data };
    }
  }
}
