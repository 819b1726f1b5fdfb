/**
 * For a person who opens an MCP URL in a browser: what lives there, where it is mounted, and
 * ready-made settings for clients with this server's real URL. Everybody else gets the app as it is.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { App, Mounted } from '../http/app.ts';
import { escapeHtml } from '../http/html.ts';
import { routerIn } from '../http/near.ts';
import { rootPath } from '../router.ts';
import { sendPlainPage } from './plain-page.ts';

export interface LandingOptions {
  /** What clients are to call the server. */
  name: string;
  /** What it offers, by name. */
  tools?: Record<string, { description: string }>;
  /** What else is worth a look: `path` is one of the router that has this app at `mount`. */
  links?: { mount: string; pages: { text: string; path: string }[] };
}

/** Put around an mcpApp, outside any bearer guard: it shows no secret. */
export function landing(app: App, options: LandingOptions): App & { inner: App } {
  const hasSse = offersSse(app);
  const shown: App = (req, res) =>
    isBrowser(req) ? sendPage(req, res, options, hasSse) : app(req, res);
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

function sendPage(
  req: IncomingMessage,
  res: ServerResponse,
  options: LandingOptions,
  hasSse: boolean,
): Promise<void> {
  const { name, tools = {}, links } = options;
  const scheme = 'encrypted' in req.socket ? 'https' : 'http';
  const origin = `${scheme}://${req.headers.host ?? 'localhost'}`;
  const root = rootPath(req);
  const url = origin + (root || '/');
  const sse = hasSse ? `${origin}${root}/sse` : undefined;
  const body = [
    ...(links ? [navigation(root, links)] : []),
    ...[introduction(url, sse), mountSentence(req), toolList(tools)],
    ...['<h2>Settings for clients</h2>', ...settings(name, url, sse).map(settingBlock)],
  ].join('\n');
  return sendPlainPage(res, 200, { title: `${name}: an MCP server`, body, style, script });
}

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

function settingBlock({ client, place, text }: Setting): string {
  const code = `<pre tabindex="0"><code>${escapeHtml(text)}</code></pre>`;
  return `<h3>${escapeHtml(client)}</h3>\n<p class="muted">${escapeHtml(place)}</p>\n${copied(code, client)}`;
}

function introduction(url: string, sse: string | undefined): string {
  return `<h1>An MCP server lives here</h1>
<p>This URL is for MCP clients, which speak JSON-RPC to it; a browser has nothing to say. Give your client one of these:</p>
<dl>
<dt>Streamable HTTP</dt>${urlEntry(url, 'the Streamable HTTP URL')}
${sseEntry(sse)}
</dl>
<p>Where the server asks for a token, add the header <code>Authorization: Bearer …</code>.</p>`;
}

function sseEntry(sse: string | undefined): string {
  return sse === undefined
    ? '<dd>There are no sessions here, and no SSE for older clients: each POST is complete in itself.</dd>'
    : `<dt>SSE, for older clients</dt>${urlEntry(sse, 'the SSE URL')}`;
}

function urlEntry(url: string, what: string): string {
  return `<dd>${copied(`<code>${escapeHtml(url)}</code>`, what)}</dd>`;
}

/** `code`, with a button that copies it; without scripts there is none. */
function copied(code: string, what: string): string {
  const said = `Copy <span class="unseen">${escapeHtml(what)}</span>`;
  return `<div class="copied">${code}<button class="button" type="button" hidden>${said}</button></div>`;
}

/** What the router did to this very request. */
function mountSentence(req: Mounted): string {
  const root = escapeHtml(rootPath(req));
  const [path = '', whole = ''] = [req.url, req.originalUrl ?? req.url].map(pathIn);
  if (root === '')
    return `<p>It is mounted at <code>/</code>, so nothing came off this request: the app sees <code>rootPath ''</code> and <code>url '${path}'</code>.</p>`;
  const rest = whole.slice(root.length);
  const split = `<span class="prefix">${root}</span>${rest && `<span class="rest">${rest}</span>`}`;
  return `<p>It is mounted at <code>${root}</code>, which the router took off this request, <code>GET ${split}</code>: the app sees <code>rootPath '${root}'</code> and <code>url '${path}'</code>.</p>`;
}

function pathIn(url = ''): string {
  return escapeHtml(url.split('?', 1)[0] ?? '');
}

function toolList(tools: Record<string, { description: string }>): string {
  const items = Object.entries(tools).map(
    ([name, { description }]) =>
      `<li><code>${escapeHtml(name)}</code> ${escapeHtml(description)}</li>`,
  );
  return items.length > 0 ? `<h2>Its tools</h2>\n<ul class="tools">${items.join('')}</ul>` : '';
}

function navigation(root: string, { mount, pages }: Required<LandingOptions>['links']): string {
  const above = mount === '/' ? root : root.slice(0, root.length - mount.length);
  const links = pages.map(({ text, path }) => {
    const whole = escapeHtml(above + path);
    return `<a href="${whole}">${escapeHtml(text)} <code>${whole}</code></a>`;
  });
  return `<nav aria-label="Also here">${links.join(' ')}</nav>`;
}

const style = `
nav { display: flex; flex-wrap: wrap; gap: 0.2rem 1rem; margin-bottom: 1rem; }
h2 { margin: 2rem 0 0.4rem; } h3 { font-size: 0.95rem; margin: 1.25rem 0 0; }
main h3 + p { margin: 0 0 0.3rem; }
dl { margin: 0; } dt { font-weight: 600; } dd { margin: 0 0 0.5rem; }
.tools li { margin: 0.3rem 0; }
.copied { display: flex; flex-wrap: wrap; gap: 0.4rem; align-items: start; }
pre code { font-size: 1em; } dd .copied { align-items: center; }
.copied > :first-child { flex: 1 1 16rem; min-width: 0; }
pre { margin: 0; padding: 0.6rem 0.8rem; white-space: pre-wrap; overflow-wrap: anywhere; background: var(--surface); border: 1px solid var(--line); border-radius: 7px; }
`;

// The clipboard is there on https and loopback only: elsewhere the text is left selected.
const script = `
for (const button of document.querySelectorAll('.copied button')) {
  const text = button.previousElementSibling;
  button.hidden = false;
  button.addEventListener('click', async () => {
    getSelection().selectAllChildren(text);
    try {
      await navigator.clipboard.writeText(text.textContent);
      button.firstChild.data = 'Copied ';
    } catch {
      button.firstChild.data = 'Selected ';
    }
  });
}
`;
