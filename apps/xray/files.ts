/** The page's files, sent as they are: no build, no framework, nothing from outside. */
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Handler } from '../../http/app.ts';
import { escapeHtml, pagePolicy } from '../../http/html.ts';
import { sendProblem } from '../../http/problem.ts';

const folder = new URL('page/', import.meta.url);
const types: Record<string, string> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  json: 'application/json',
};

/** Of the modules and styles, by their names. */
export function pageFiles(): Map<string, URL> {
  const names = readdirSync(folder).filter(name => /\.(js|css)$/.test(name));
  return new Map(names.map(name => [name, new URL(name, folder)]));
}

/** GET /:file */
export function sendFiles(files: Map<string, URL>): Handler<'/:file'> {
  return (req, res) => {
    const file = files.get(req.params.file);
    if (file) return sendFile(file, req, res);
    return sendProblem(res, { status: 404, detail: `The page has no file ${req.originalUrl}.` });
  };
}

/** With a mark of its content, so that a browser asks whether it is still this and gets 304. */
async function sendFile(file: URL, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const content = await readFile(file);
  const ETag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 16)}"`;
  const type = types[file.pathname.split('.').at(-1) ?? ''] ?? 'application/octet-stream';
  const headers = { 'Content-Type': type, 'Cache-Control': 'no-cache', ETag, ...nosniff };
  if (req.headers['if-none-match'] === ETag) return void res.writeHead(304, headers).end();
  res.writeHead(200, headers).end(content);
}

const nosniff = { 'X-Content-Type-Options': 'nosniff' };

const pageHeaders = {
  'Content-Type': 'text/html; charset=utf-8',
  'Cache-Control': 'no-cache',
  // Scripts of this origin alone, and none in the page: whatever text a client managed to have shown.
  'Content-Security-Policy': pagePolicy("script-src 'self'", "connect-src 'self'", 'img-src data:'),
  ...nosniff,
};

export interface Place {
  /** Path of the router that is looked at: `''` or `'/team'`. */
  root: string;
  /** Path of the x-ray's own app: `'/team/xray'`. */
  own: string;
  /** What is beside the requests; none where the server names none. */
  panel?: string;
  /** A saved trace to show, instead of what happens. */
  trace?: string;
}

/** The page, told where it is: it is served from more than one path. */
export function sendPage(placeOf: (req: IncomingMessage) => Place): Handler {
  return async (req: IncomingMessage, res: ServerResponse) => {
    const html = await readFile(new URL('index.html', folder), 'utf8');
    const { root, own, panel = '', trace = '' } = placeOf(req);
    const values: Record<string, string> = { root, own, panel, trace };
    const filled = html.replace(/\{\{(\w+)\}\}/g, (_, name: string) =>
      escapeHtml(values[name] ?? ''),
    );
    res.writeHead(200, pageHeaders).end(filled);
  };
}
