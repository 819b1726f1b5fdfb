/**
 * HTML pages, and what a browser may do with them.
 *
 * Of mcp-mount, MIT.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { App } from './app.ts';
import { readOnce } from './read-once.ts';

/** Sends the page in `file`, whose one inline script runs and may ask this origin. */
export function htmlPage(file: URL): App {
  const read = readOnce(async () => {
    const html = await readFile(file);
    return { html, headers: headersFor(html.toString()) };
  });
  return async (_req, res) => {
    const { html, headers } = await read();
    res.writeHead(200, headers).end(html);
  };
}

function headersFor(html: string): Record<string, string> {
  const [, script = ''] = /<script\b[^>]*>(.*?)<\/script>/s.exec(html) ?? [];
  return {
    'Content-Type': 'text/html; charset=utf-8',
    'Cache-Control': 'no-cache',
    'Content-Security-Policy': pagePolicy(
      scriptSource(script),
      "connect-src 'self'",
      'img-src data:',
    ),
  };
}

/** Nothing from outside and no script but what `more` allows, whatever text the page shows. */
export function pagePolicy(...more: string[]): string {
  return [
    "default-src 'none'",
    ...more,
    "style-src 'self' 'unsafe-inline'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'", // nobody's page lies over it and has it clicked
  ].join('; ');
}

/** Lets one inline script run: this one, to the letter. */
export function scriptSource(script: string): string {
  return `script-src 'sha256-${createHash('sha256').update(script).digest('base64')}'`;
}

/** Text, as text or between quotes in a page. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`);
}

/** Whether HTML is asked for by name and before JSON: a browser that opens a URL. RFC 9110, 12.5.1 */
export function prefersHtml(accept = ''): boolean {
  if (!accept.includes('text/html')) return false; // nearly all that is no browser ends here
  const weights = accept.split(',').map(range => {
    const [type = '', ...params] = range.split(';');
    const q = params.map(param => /^\s*q=([\d.]+)\s*$/.exec(param)?.[1]).find(Boolean);
    return { type: type.trim(), weight: Number(q ?? 1) };
  });
  const most = (types: RegExp) =>
    Math.max(0, ...weights.filter(({ type }) => types.test(type)).map(({ weight }) => weight));
  return most(/^text\/html$/) > most(/^application\/(problem\+)?json$/);
}
