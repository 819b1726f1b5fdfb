/**
 * The SDK's own client against the list, step by step:
 *
 *     npm run client                                  http://localhost:3000/mcp/sse, or PORT's
 *     npm run client -- http://localhost:3000/mcp     the same over Streamable HTTP
 *     npm run client -- URL --token T                 where the server asks for one
 */
import { parseArgs } from 'node:util';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { readFlags, UsageError } from '../program/flags.ts';
import { itemSchema } from '../store.ts';

const usage = `Usage: npm run client -- [URL] [--token T]

  URL        of an SSE stream or of a Streamable mount: what answers decides
             (default: http://localhost:3000/mcp/sse, on PORT where that is set)
  --token T  a bearer token, where the server asks for one
  --help`;

interface Visit {
  url: URL;
  fetch: typeof fetch;
  /** What went wrong last, as the wire had it. */
  trouble(): string | undefined;
}

async function main(args: string[], env: NodeJS.ProcessEnv): Promise<void> {
  const flags = { token: { type: 'string' }, help: { type: 'boolean', short: 'h' } } as const; // typed by its words
  const parse = () => parseArgs({ args, options: flags, allowPositionals: true });
  const { values, positionals } = readFlags(parse, Object.keys(flags), args, env);
  if (values.help) return console.log(usage);
  const visit = visitOf(urlOf(positionals, env.PORT || '3000'), values.token);
  try {
    await visited(visit);
  } catch (error) {
    throw new Error(`Can't use ${visit.url}: ${visit.trouble() ?? reasonOf(error)}`);
  }
}

async function visited(visit: Visit): Promise<void> {
  const client = await connect(visit);
  try {
    await tour(client, visit);
  } finally {
    await client.close();
  }
}

function urlOf([text, ...more]: string[], port: string): URL {
  const given = text ?? `http://localhost:${port}/mcp/sse`;
  const url = /^https?:\/\//.test(given) && URL.canParse(given) ? new URL(given) : undefined;
  if (url && more.length === 0) return url;
  throw new UsageError(
    `'${[given, ...more].join(' ')}' is not a URL. Write one like http://localhost:3000/mcp/sse. See --help.`,
  );
}

/** A GET says which it is: an SSE stream begins, and a Streamable mount refuses who has no session. */
async function connect(visit: Visit): Promise<Client> {
  const { url, fetch } = visit;
  console.log(`1. GET ${url}`);
  try {
    return await connected(new SSEClientTransport(url, { fetch }));
  } catch (error) {
    if (!/^4\d\d|^200/.test(codeOf(error)) || /^40[13]/.test(codeOf(error))) throw error;
    console.log(`   no SSE stream is there (${codeOf(error)}), so as Streamable HTTP: POST ${url}`);
    // It is a Transport; only its sessionId is typed apart under exactOptionalPropertyTypes.
    return await connected(new StreamableHTTPClientTransport(url, { fetch }) as Transport);
  }
}

async function connected(transport: Transport): Promise<Client> {
  const client = new Client({ name: 'example-client', version: '1.0.0' }); // one takes one transport
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, fail) => {
    timer = setTimeout(() => fail(new Error('it says nothing for ten seconds.')), patienceMs);
  });
  try {
    await Promise.race([client.connect(transport), late]);
    return client;
  } catch (error) {
    await client.close();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

const patienceMs = 10_000; // for a stream to say where to post, and for initialize

async function tour(client: Client, { url, fetch }: Visit): Promise<void> {
  const { tools } = await client.listTools();
  console.log(`2. tools/list   ${tools.map(tool => tool.name).join(', ')}`);
  if (!tools.some(({ name }) => name === 'add_item'))
    return console.log('   There is no add_item: this is another server, and that is all.');

  const added = await call(client, 'add_item', { name: 'Oat milk', quantity: 2 });
  console.log(`3. tools/call   add_item -> ${JSON.stringify(added)}`);

  const bought = await call(client, 'update_item', { id: added.id, purchased: true });
  console.log(`4. tools/call   update_item -> ${JSON.stringify(bought)}`);

  const items = new URL('/items/', url);
  const list = itemSchema.array().parse(await (await fetch(items)).json());
  console.log(`5. GET ${items}`);
  for (const { id, name, quantity, purchased } of list)
    console.log(`   ${purchased ? '[x]' : '[ ]'} ${id}  ${quantity} × ${name}`);
}

async function call(client: Client, name: string, args: Record<string, unknown>) {
  const result = CallToolResultSchema.parse(await client.callTool({ name, arguments: args }));
  if (result.isError) throw new Error(JSON.stringify(result.content));
  return itemSchema.parse(result.structuredContent);
}

/** Sends the token, says where an endpoint event leads, and notes what goes wrong on the wire. */
function visitOf(url: URL, token: string | undefined): Visit {
  let told = false;
  let trouble: string | undefined;
  const noting: typeof fetch = async (input, init) => {
    const to = new URL(input instanceof Request ? input.url : input);
    // The place to post comes from the stream's first event: this is where a wrong mount shows.
    if (init?.method === 'POST' && to.pathname !== url.pathname && !told) {
      told = true;
      const query = to.search.replace(/(sessionId=)[^&]*/, '$1…');
      console.log(`   the stream's endpoint event says: POST ${to.pathname}${query}`);
    }
    const headers = new Headers(init?.headers);
    if (token !== undefined) headers.set('Authorization', `Bearer ${token}`);
    try {
      const answer = await fetch(input, { ...init, headers });
      trouble = await troubleIn(answer, token);
      return answer;
    } catch (error) {
      trouble = unreachable(error) ?? trouble;
      throw error;
    }
  };
  return { url, fetch: noting, trouble: () => trouble };
}

/** undefined for what an MCP server answers when all is well. */
async function troubleIn(answer: Response, token: string | undefined): Promise<string | undefined> {
  const { status, ok, headers } = answer;
  const type = headers.get('content-type')?.split(';', 1)[0] ?? '';
  if (ok && type !== 'text/html') return undefined;
  if (ok) return `it answers with ${type}, so a page is there and no MCP server.`;
  const detail = detailIn(await answer.clone().text());
  const remedy = status === 401 && token === undefined ? ' Give one: --token T' : '';
  return `${status} ${answer.statusText}. ${detail}${remedy}`.trim();
}

/** RFC 9457's, where it is a problem. */
function detailIn(body: string): string {
  try {
    const { detail }: { detail?: unknown } = JSON.parse(body) ?? {};
    return typeof detail === 'string' ? detail : '';
  } catch {
    return '';
  }
}

function unreachable(error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  const { code, message }: { code?: unknown; message?: unknown } = Object(cause);
  if (code === 'ECONNREFUSED') return 'nothing listens there. Is the server running (npm start)?';
  return typeof code === 'string' ? `${message || code}.` : undefined; // an abort has none
}

/** The HTTP status by which the SDK's transport gave up; '' where it was something else. */
function codeOf(error: unknown): string {
  const { code }: { code?: unknown } = Object(error);
  return typeof code === 'number' ? String(code) : '';
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

try {
  await main(process.argv.slice(2), process.env);
} catch (error) {
  console.error(reasonOf(error));
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
