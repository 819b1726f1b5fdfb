/** The source lines behind each kind of step: read from the files that run, so they are true. */
import { readFile } from 'node:fs/promises';
import { readOnce } from '../../http/read-once.ts';

export interface Source {
  file: string;
  /** Of the first line shown. */
  line: number;
  text: string;
}

/**
 * Which declaration does what a step shows: by the step's kind, or for the answer by the route
 * that gives it, `mcp` in front of those of the MCP app.
 */
const declarations: Record<string, [file: string, declaration: string]> = {
  request: ['http/listen.ts', 'async function answer('],
  hostGuard: ['guard.ts', 'export function hostGuard'],
  bearer: ['guard.ts', 'export function bearer'],
  find: ['http/routes.ts', 'export function find('],
  mount: ['router.ts', 'export function stripPrefix'],
  enter: ['router.ts', 'function enter('],
  route: ['router.ts', 'function handOver('],
  options: ['http/routes.ts', 'function otherMethod'],
  opened: ['apps/mcp/sessions.ts', 'async function open('],
  stream: ['apps/mcp/stream.ts', 'export function keepAlive'],
  message: ['apps/mcp/sessions.ts', 'receive('],
  endpoint: ['apps/mcp/sse.ts', 'export function endpointFor'],
  frame: ['apps/mcp/stream.ts', 'export function frameOf'],
  stuck: ['apps/xray/watchdog.ts', 'export function watchHandshakes'],
  'GET /': ['apps/xray/files.ts', 'export function sendPage'],
  'GET /page': ['apps/xray/files.ts', 'export function sendPage'],
  'GET /items/': ['items.ts', 'export function listItems'],
  'POST /items/': ['items.ts', 'export function addItem'],
  'GET /items/:id': ['items.ts', 'export function getItem'],
  'PATCH /items/:id': ['items.ts', 'export function updateItem'],
  'DELETE /items/:id': ['items.ts', 'export function removeItem'],
  'GET /healthz': ['apps/health.ts', 'export function alive'],
  'GET /readyz': ['apps/health.ts', 'export function ready'],
  'GET /openapi.json': ['apps/docs/app.ts', 'export function openapi'],
  'GET /docs': ['apps/docs/app.ts', 'export function docsPage'],
  'mcp GET /sse': ['apps/mcp/sse.ts', 'export function openSse'],
  'mcp POST /messages': ['apps/mcp/sse.ts', 'export function postToSse'],
  'mcp POST /': ['apps/mcp/streamable.ts', 'export function post'],
  'mcp GET /': ['apps/mcp/streamable.ts', 'export function listen'],
  'mcp DELETE /': ['apps/mcp/streamable.ts', 'export function endSession'],
};

/** By what they are behind. The files that run do not change, so they are read once. */
export const readSources = readOnce(async (): Promise<Record<string, Source>> => {
  const entries = Object.entries(declarations).map(async ([kind, [file, declaration]]) => {
    const text = await readFile(new URL(`../../${file}`, import.meta.url), 'utf8');
    return [kind, sourceAt(file, text.split('\n'), declaration)] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
});

/** The declaration with the comment above it, up to the line that closes it. */
function sourceAt(file: string, lines: string[], declaration: string): Source {
  const at = lines.findIndex(line => line.trimStart().startsWith(declaration));
  if (at === -1) throw new Error(`${file} has no '${declaration}'. Mend the table in sources.ts.`);
  const indent = /^ */.exec(lines[at] ?? '')?.[0] ?? '';
  const closes = new RegExp(`^${indent}[}\\])].*[^{]$|^${indent}}$`); // not ') {', which opens the body
  const end = lines.findIndex((line, i) => i > at && closes.test(line));
  let start = at;
  while (start > 0 && /^\s*(\/\*\*|\*|\/\/)/.test(lines[start - 1] ?? '')) start--;
  const shown = lines.slice(start, end + 1).map(line => line.slice(indent.length));
  return { file, line: start + 1, text: shown.join('\n') };
}
