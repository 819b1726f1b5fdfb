/** docs/parity.md, made of what both servers answer: `npm run docs:parity` writes it. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isRun } from '../../program/startup.ts';
import type { Answer, Recorded } from './ask.ts';
import { compare, type MountName, methodsIn, mounts, type Row, typeOf } from './compare.ts';

export const pageFile = fileURLToPath(new URL('../../docs/parity.md', import.meta.url));

/** The page as it is to be now. */
export async function parityPage(): Promise<string> {
  const mcp = await compare('mcp');
  const root = await compare('root');
  const counts = `${counted(mcp)} at \`/mcp\`, ${counted(root)} at \`/\``;
  return [intro(counts), tableOf('mcp', mcp), tableOf('root', root)].join('\n');
}

function counted(rows: Row[]): string {
  return `${rows.filter(({ differs }) => differs.length === 0).length} of ${rows.length}`;
}

function intro(counts: string): string {
  return `# Beside the original

What the lesson’s server in Python answers, and what this one does, request by request. Theirs is \`app.mount('/mcp', mcp.sse_app())\` beside \`GET /items/\`: FastAPI 0.142.2, starlette 1.7.0, mcp 2.3.0, uvicorn 0.54.0, Python 3.11, recorded on 2026-11-26 ([tests/parity/](../tests/parity/)). Ours is asked anew each time this page is checked. How to write in one what you have in the other is in [README](../README.md#coming-from-the-fastapi-lesson).

**Equal** says that a client meets no difference: the status, where it is sent (\`Location\`), the methods named (\`Allow\`), and of a success the body and its kind. So are ${counts}. What is different names in what, and why. The words of refusals are not compared: theirs are text or \`{"detail":…}\`, ours are problems (RFC 9457) that say what to do, and each is shown.

Both lists hold the same one item. Session ids are left out.
`;
}

function tableOf(mount: MountName, rows: Row[]): string {
  return [
    `## Mounted at \`${mounts[mount]}\``,
    '',
    '| request | FastAPI | here | | why ours |',
    '|---|---|---|---|---|',
    ...rows.map(lineOf),
    '',
  ].join('\n');
}

function lineOf({ request, ours, differs, reason = '' }: Row): string {
  const verdict = differs.length === 0 ? 'equal' : `**different**: ${differs.join(', ')}`;
  const cells = [requestCell(request), answerCell(request.answer), answerCell(ours), verdict];
  return `| ${[...cells, differs.length === 0 ? '' : reason].join(' | ')} |`;
}

function requestCell({ method, target, head, body }: Recorded): string {
  const names = target.includes('session') ? target.replace(/[0-9a-f-]{32,}/, '0…') : target;
  const headers = head.filter(line => !line.startsWith('Content-Type:')).map(code);
  const sent = body.includes('"initialize"') ? ['an initialize'] : body === '' ? [] : [code(body)];
  return [code(`${method} ${names}`), ...headers, ...sent].join(', ');
}

function answerCell(answer: Answer): string {
  const { status, headers } = answer;
  const sent = headers.location && `to ${code(pathOf(headers.location))}`;
  const methods = headers.allow && `Allow: ${methodsIn(answer)}`;
  return [String(status), sent, methods, gist(answer)].filter(Boolean).join(', ');
}

// 'http://localhost:PORT/mcp/' -> '/mcp/'
function pathOf(location: string): string {
  const path = location.replace(/^http:\/\/[^/]+/, '');
  return path.replace(/[0-9a-f-]{32,}/, '0…');
}

const gistChars = 60; // of a body

/** What is worth reading of a body. */
function gist(answer: Answer): string {
  const { body, headers } = answer;
  const type = typeOf(answer);
  if (body === '' && type !== 'text/event-stream') return '';
  if (type === 'text/event-stream') return streamGist(body, headers['cache-control'] ?? '');
  if (type === 'text/html')
    return `the page ${code(/<title>(.*?)<\/title>/.exec(body)?.[1] ?? '')}`;
  if (body.startsWith('{') && /"openapi"/.test(body))
    return `the document ${code(openapiIn(body))}`;
  const said = detailIn(body);
  return code(
    said.length > gistChars && answer.status < 400 ? `${said.slice(0, gistChars)}…` : said,
  );
}

function streamGist(body: string, cache: string): string {
  const endpoint = /^data: (.*)$/m.exec(body)?.[1]?.replace(/SESSION$/, '…');
  const retry = /^retry: .*$/m.exec(body)?.[0];
  return [`a stream (${cache})`, endpoint && code(endpoint), retry && code(retry)]
    .filter(Boolean)
    .join(', ');
}

// cut at what is kept of it, so it can't be parsed
function openapiIn(body: string): string {
  return /"openapi":\s*"[^"]*"/.exec(body)?.[0] ?? '';
}

function detailIn(body: string): string {
  const detail = /"detail":"((?:[^"\\]|\\.)*)/.exec(body)?.[1];
  return (detail ?? body).replaceAll('\\"', '"').replaceAll(/\s+/g, ' ').trim();
}

function code(text: string): string {
  return `\`${text.replaceAll('|', '\\|').replaceAll('`', '’')}\``;
}

if (isRun(fileURLToPath(import.meta.url))) writeFileSync(pageFile, await parityPage());
