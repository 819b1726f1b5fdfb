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
  const hash = createHash('sha256').update(script).digest('base64');
  return {
    'Content-Type': 'text/html; charset=utf-8',
    'Cache-Control': 'no-cache',
    'Content-Security-Policy': pagePolicy(
      `script-src 'sha256-${hash}'`,
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
