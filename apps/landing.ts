/**
 * For a person who opens an MCP URL in a browser: what lives there, and ready-made settings for
 * clients with this server's real URL. Everybody else gets the app as it is.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { App } from '../http/app.ts';
import { pagePolicy } from '../http/html.ts';
import { routerIn } from '../http/near.ts';
import { rootPath } from '../router.ts';

export interface LandingOptions {
  /** What clients are to call the server. */
  name: string;
}

/** Put around an mcpApp, outside any bearer guard: it shows no secret. */
export function landing(app: App, { name }: LandingOptions): App & { inner: App } {
  const hasSse = offersSse(app);
  const shown: App = (req, res) =>
    isBrowser(req) ? sendPage(req, res, name, hasSse) : app(req, res);
  return Object.assign(shown, { inner: app }, app.close && { close: () => app.close?.() });
}

/** A stateless app has no such route; of what is no router, nothing is known. */
function offersSse(app: App): boolean {
  const entries = routerIn(app)?.list();
  return entries?.some(entry => entry.kind === 'route' && entry.path === '/sse') ?? true;
}

function isBrowser({ method, url = '', headers }: IncomingMessage): boolean {
  return (
    method === 'GET' &&
    /^\/(?:sse)?(?:\?|$)/.test(url) &&
    headers['mcp-session-id'] === undefined &&
    (headers.accept?.includes('text/html') ?? false)
  );
}

function sendPage(req: IncomingMessage, res: ServerResponse, name: string, hasSse: boolean): void {
  const scheme = 'encrypted' in req.socket ? 'https' : 'http';
  const origin = `${scheme}://${req.headers.host ?? 'localhost'}`;
  const root = rootPath(req);
  const sse = hasSse ? `${origin}${root}/sse` : undefined;
  res.writeHead(200, pageHeaders).end(page(name, origin + (root || '/'), sse));
}

const pageHeaders = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': pagePolicy(),
  'Cache-Control': 'no-store',
  Vary: 'Accept',
};

interface Setting {
  client: string;
  /** Where it goes. */
  place: string;
  text: string;
}

function settings(name: string, url: string, sse: string | undefined): Setting[] {
  const overSse = sse && `\n# or, over SSE:\nclaude mcp add --transport sse ${name} ${sse}`;
  const server = (entry: object) => JSON.stringify({ [name]: entry }, null, 2);
  return [
    {
      client: 'Claude Code',
      place: 'in a terminal',
      text: `claude mcp add --transport http ${name} ${url}${overSse ?? ''}`,
    },
    {
      client: 'VS Code',
      place: '.vscode/mcp.json',
      text: JSON.stringify({ servers: { [name]: { type: 'http', url } } }, null, 2),
    },
    {
      client: 'Cursor',
      place: '.cursor/mcp.json',
      text: `{ "mcpServers": ${server({ url })} }`,
    },
    {
      client: 'OpenAI Agents SDK, Python',
      place: 'agent.py',
      text: `from agents import Agent\nfrom agents.mcp import MCPServerStreamableHttp\n\nasync with MCPServerStreamableHttp(params={"url": "${url}"}) as server:\n    agent = Agent(name="Shopper", mcp_servers=[server])`,
    },
    {
      client: 'OpenAI Agents SDK, JavaScript',
      place: 'agent.js',
      text: `import { Agent, MCPServerStreamableHttp } from '@openai/agents';\n\nconst server = new MCPServerStreamableHttp({ name: '${name}', url: '${url}' });\nawait server.connect();\nconst agent = new Agent({ name: 'Shopper', mcpServers: [server] });`,
    },
    {
      client: 'Clients that speak stdio only, through mcp-remote',
      place: 'their settings',
      text: `{ "mcpServers": ${server({ command: 'npx', args: ['mcp-remote', url] })} }`,
    },
    {
      client: 'MCP Inspector',
      place: 'in a terminal',
      text: `npx @modelcontextprotocol/inspector --cli ${url} --transport http --method tools/list`,
    },
  ];
}

function page(name: string, url: string, sse: string | undefined): string {
  const blocks = settings(name, url, sse).map(
    ({ client, place, text }) =>
      `<h2>${escapeHtml(client)}</h2><p>${escapeHtml(place)}</p><pre tabindex="0"><code>${escapeHtml(text)}</code></pre>`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(name)}: an MCP server</title>
<style>${style}</style>
<main>
<h1>An MCP server lives here</h1>
<p>This URL is for MCP clients, which speak JSON-RPC to it; a browser has nothing to say. Give your client one of these:</p>
<dl>
<dt>Streamable HTTP</dt><dd><code>${escapeHtml(url)}</code></dd>
${sseEntry(sse)}
</dl>
<p>Where the server asks for a token, add the header <code>Authorization: Bearer …</code>.</p>
${blocks.join('\n')}
</main>
</html>
`;
}

function sseEntry(sse: string | undefined): string {
  return sse === undefined
    ? '<dd>There are no sessions here, and no SSE for older clients: each POST is complete in itself.</dd>'
    : `<dt>SSE, for older clients</dt><dd><code>${escapeHtml(sse)}</code></dd>`;
}

const style = `
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; }
main { max-width: 46rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.05rem; margin: 2rem 0 0; }
h2 + p { margin: 0 0 .4rem; opacity: .8; }
dt { font-weight: 600; } dd { margin: 0 0 .5rem; overflow-wrap: anywhere; }
pre { margin: 0; padding: .75rem 1rem; white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid color-mix(in srgb, currentColor 25%, transparent); border-radius: 6px; }
code { font: 14px/1.5 ui-monospace, monospace; }
`;

function escapeHtml(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
  };
  return text.replace(/[&<>"]/g, character => entities[character] ?? character);
}
