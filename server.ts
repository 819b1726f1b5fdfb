/**
 * A shopping list as web endpoints and as an MCP server, on one port: what is mounted where.
 *
 *     tsx server.ts [--help]
 */
import { fileURLToPath } from 'node:url';
import { about as docsAbout, docsPage, openapi, pageAbout } from './apps/docs/app.ts';
import { alive, about as health, ready } from './apps/health.ts';
import { landing } from './apps/landing.ts';
import { lostPage } from './apps/lost.ts';
import { type McpOptions, mcpApp } from './apps/mcp/app.ts';
import { fastCalls } from './apps/mcp/fast-calls.ts';
import { xray as xrayApp } from './apps/xray/app.ts';
import { explain, mountHeader } from './apps/xray/explain.ts';
import { accessLog } from './apps/xray/log.ts';
import { watchHandshakes } from './apps/xray/watchdog.ts';
import { cors, hostGuard, tokenGuard } from './guard.ts';
import type { App, Router } from './http/app.ts';
import { listen, stopOnSignal } from './http/listen.ts';
import { addItem, getItem, about as items, listItems, removeItem, updateItem } from './items.ts';
import { listPanel, listSources } from './program/list-panel/panel.ts';
import { parseOptions, usage } from './program/options.ts';
import { banner, hasColours, isRun, reportAndExit, stuckLine, version } from './program/startup.ts';
import { createRouter } from './router.ts';
import { memoryStore, type Store, sqliteStore } from './store.ts';
import { shoppingServer, shoppingTools, about as toolsAbout } from './tools.ts';

export interface AppOptions {
  /** Prefix of the MCP app: '/mcp' unless told. */
  mount?: string;
  mcp?: McpOptions;
  /** Hosts and origins let in beside the loopback ones. */
  allowHosts?: string[];
  allowOrigins?: string[];
  /** Bearer tokens; with any, all but health and the bare page asks for one. */
  tokens?: string[];
  /** Whether the page shows requests on their way through. */
  xray?: boolean;
  /** Whether it does so to other machines, and through proxies. */
  xrayRemote?: boolean;
}

/** The guarded app, and the router inside it for those who list or explain routes. */
export interface ListApp extends App {
  router: Router;
}

/** Everything the server answers. No side effects: nothing listens, nothing is read. */
export function createApp(store: Store, options: AppOptions = {}): ListApp {
  const {
    mount = '/mcp',
    allowHosts: hosts = [],
    allowOrigins: origins = [],
    tokens = [],
    xray = false,
    xrayRemote: remote = false,
  } = options;
  const guarded = tokenGuard(tokens); // FastAPI: dependencies=[Depends(verify_token)]
  const tools = shoppingTools(store);
  const mcp = mcpApp(() => fastCalls(shoppingServer(store, tools), tools), {
    ownerShare: tokens.length > 1 ? 0.5 : 1, // no token's holder takes all the places
    ...options.mcp,
  });
  const documented = {
    title: 'Shopping list',
    version,
    hostGuard: true,
    bearer: tokens.length > 0,
    mcp: { mount, tools: toolsAbout },
  };

  const router = createRouter();
  const seen = xrayApp(router, {
    record: xray,
    remote,
    guard: guarded,
    guarded: true,
    node: options.mcp?.node,
    tool: { name: 'get_items', arguments: {} },
    panel: listPanel(store),
    sources: listSources,
  });
  const pagePath = mount === '/' ? '/page' : '/';
  router.get(pagePath, seen.page, pageAbout('page', 'The list, live, and requests on their way'));
  router.get('/items/', guarded(listItems(store)), items.listItems); // FastAPI: @app.get('/items/')
  router.post('/items/', guarded(addItem(store)), items.addItem);
  router.get('/items/:id', guarded(getItem(store)), items.getItem);
  router.patch('/items/:id', guarded(updateItem(store)), items.updateItem);
  router.delete('/items/:id', guarded(removeItem(store)), items.removeItem);
  router.get('/healthz', alive(mcp), health.alive);
  router.get('/readyz', ready(mcp, store), health.ready);
  router.get('/openapi.json', guarded(openapi(router, documented)), docsAbout.openapi);
  router.get('/docs', docsPage(), docsAbout.docsPage);
  const welcome = {
    name: 'shopping',
    tools: toolsAbout,
    links: {
      mount,
      pages: [
        { text: 'The x-ray', path: pagePath },
        { text: 'API docs', path: '/docs' },
      ],
    },
  };
  router.mount(mount, landing(guarded(lostPage(mcp)), welcome)); // FastAPI: app.mount('/mcp', mcp.sse_app())
  router.mount('/live', seen);
  const shown = mountHeader(lostPage(router));
  return Object.assign(hostGuard(cors(shown, { origins }), { hosts, origins }), { router });
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2), process.env);
  if (options === 'help') return console.log(usage);
  if (options === 'version') return console.log(version);
  if (options.explain) {
    const { router } = createApp(memoryStore(), options);
    return console.log(explain(router, ...options.explain));
  }
  const store = options.data === undefined ? memoryStore() : await sqliteStore(options.data);
  const app = createApp(store, options);
  const running = await listen(app, options.hosts, options.port);
  stopOnSignal(async () => {
    await running.stop();
    await store.close();
  });
  console.log(banner(app.router, running, options));
  if (options.log !== 'off') {
    const colour = hasColours(process.stdout);
    accessLog(options.log, line => process.stdout.write(line), { colour });
  }
  watchHandshakes(stuck => console.error(stuckLine(stuck)));
}

if (isRun(fileURLToPath(import.meta.url))) await main().catch(reportAndExit);
