/**
 * Pages made for one request, whole in themselves: the look of the x-ray, written into the page,
 * since where its files are served is another app's to say.
 */
import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { escapeHtml, pagePolicy, scriptSource } from '../http/html.ts';
import { readOnce } from '../http/read-once.ts';
import { nosniff } from '../http/response.ts';

export interface PlainPage {
  title: string;
  /** HTML: what is not of this house in it is escaped. */
  body: string;
  /** Rules beside the look. */
  style?: string;
  /** The only one that runs, whatever the body was made to hold. */
  script?: string;
}

const look = readOnce(() => readFile(new URL('xray/page/look.css', import.meta.url), 'utf8'));

export async function sendPlainPage(
  res: ServerResponse,
  status: number,
  page: PlainPage,
): Promise<void> {
  const rules = await look().catch(() => ''); // plain, but there
  res.appendHeader('Vary', 'Accept'); // a guard may have named Origin
  res.writeHead(status, headersFor(page)).end(documentOf(page, rules));
}

function headersFor({ script }: PlainPage): Record<string, string> {
  return {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': pagePolicy(...(script === undefined ? [] : [scriptSource(script)])),
    'Cache-Control': 'no-store',
    [nosniff[0]]: nosniff[1],
  };
}

function documentOf({ title, body, style = '', script }: PlainPage, rules: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${rules}${layout}${style}</style>
</head>
<body>
<main>
${body}
</main>${script === undefined ? '' : `\n<script>${script}</script>`}
</body>
</html>
`;
}

const layout = `
main { max-width: 46rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
main p { margin: 0.6rem 0; }
code { overflow-wrap: anywhere; }
`;
