/** The page: the list, live, and the x-ray of every request. One HTML file, sent as it is. */
import { readFile } from 'node:fs/promises';
import type { Handler } from '../../../http/app.ts';

const file = new URL('index.html', import.meta.url);

// Nothing from outside, whatever text a client managed to put on the list.
const headers = {
  'Content-Type': 'text/html; charset=utf-8',
  'Cache-Control': 'no-cache',
  'Content-Security-Policy':
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
};

/** GET / */
export function page(): Handler {
  return async (_req, res) => res.writeHead(200, headers).end(await readFile(file));
}
