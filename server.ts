/**
 * A shopping list as web endpoints and as an MCP server, on one port: what is mounted where.
 *
 *     tsx server.ts [--help]
 */
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type McpOptions, mcpApp } from './apps/mcp/app.ts';
import { addItem, getItem, listItems, removeItem, updateItem } from './items.ts';
import { listen, stopOnSignal } from './listen.ts';
import { parseOptions, UsageError, usage } from './options.ts';
import { createRouter, type Router } from './router.ts';
import { banner, reportAndExit, version } from './startup.ts';
import { memoryStore, type Store, sqliteStore } from './store.ts';
import { shoppingServer } from './tools.ts';

export interface AppOptions {
  /** Prefix of the MCP app: '/mcp' unless told. */
  mount?: string;
  mcp?: McpOptions;
}

/** Everything the server answers. No side effects: nothing listens, nothing is read. */
export function createApp(store: Store, { mount = '/mcp', mcp = {} }: AppOptions = {}): Router {
  const router = createRouter();
  router.get('/items/', listItems(store)); // FastAPI: @app.get('/items/')
  router.post('/items/', addItem(store));
  router.get('/items/:id', getItem(store));
  router.patch('/items/:id', updateItem(store));
  router.delete('/items/:id', removeItem(store));
  router.mount(
    mount,
    mcpApp(() => shoppingServer(store), mcp),
  ); // FastAPI: app.mount('/mcp', mcp.sse_app())
  return router;
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2), process.env);
  if (options === 'help') return console.log(usage);
  if (options === 'version') return console.log(version);
  const store = options.data === undefined ? memoryStore() : await sqliteStore(options.data);
  const app = checked(() => createApp(store, options));
  const running = await listen(app, options.hosts, options.port);
  stopOnSignal(async () => {
    await running.stop();
    await store.close();
  });
  console.log(banner(app, running, options.mount));
}

// A mount that can't be registered is the operator's to mend.
function checked<T>(build: () => T): T {
  try {
    return build();
  } catch (error) {
    throw new UsageError(`--mount: ${error instanceof Error ? error.message : error}`);
  }
}

const isMain = process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url);
if (isMain) await main().catch(reportAndExit);
