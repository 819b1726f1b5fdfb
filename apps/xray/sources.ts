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
  relayed: ['apps/proxy/app.ts', 'async function pass('],
  bypassed: ['apps/proxy/bypass.ts', 'export function endpointBypass'],
  stuck: ['apps/xray/watchdog.ts', 'export function watchHandshakes'],
  'GET /': ['apps/xray/files.ts', 'export function sendPage'],
  'GET /page': ['apps/xray/files.ts', 'export function sendPage'],
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

/** Declarations of a server's own, by the route they answer: `'GET /items/': [url, 'export function …']`. */
export type MoreSources = Record<string, [file: URL, declaration: string]>;

/** By what they are behind. The files that run do not change, so they are read once. */
export function sourceReader(more: MoreSources = {}): () => Promise<Record<string, Source>> {
  const root = new URL('../../', import.meta.url);
  return readOnce(async () => {
    const ours = Object.entries(declarations).map(([kind, [file, declaration]]) =>
      read(kind, new URL(file, root), declaration, file),
    );
    const theirs = Object.entries(more).map(([kind, [url, declaration]]) =>
      read(kind, url, declaration, url.pathname.split('/').at(-1) ?? ''),
    );
    return Object.fromEntries((await Promise.all([...ours, ...theirs])).flat());
  });
}

/** Nothing where the file is not there: the package holds what was made of it. */
async function read(
  kind: string,
  url: URL,
  declaration: string,
  name: string,
): Promise<[kind: string, source: Source][]> {
  const text = await readFile(url, 'utf8').catch(error => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  return text === undefined ? [] : [[kind, sourceAt(name, text.split('\n'), declaration)]];
}

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
