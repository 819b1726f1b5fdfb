/** The list as server.ts wires it, in short, with room for a mistake at the mount. */
import { alive } from '../apps/health.ts';
import { type McpApp, type McpOptions, mcpApp } from '../apps/mcp/app.ts';
import { xray } from '../apps/xray/app.ts';
import { hostGuard, type Verify } from '../guard.ts';
import type { App } from '../http/app.ts';
import { addItem, listItems } from '../items.ts';
import { listPanel, listSources } from '../program/list-panel/panel.ts';
import { createRouter } from '../router.ts';
import { createApp, type ListApp } from '../server.ts';
import { memoryStore } from '../store.ts';
import { shoppingServer } from '../tools.ts';

export interface Wiring {
  /** Prefix of the MCP app: '/mcp' unless told. */
  mount?: string;
  mcp?: McpOptions;
  /** Where the x-ray's page is: '/' unless told. */
  page?: string;
}

/** What is mounted for the MCP app; `web` answers the list's web endpoints, for who mounts both. */
export type Put = (mcp: McpApp, web: App) => App;

/** The list's server, with what `put` makes of its MCP app mounted. With it at '/', all is its. */
export function listWith(
  put: Put,
  { mount = '/mcp', mcp: options = {}, page = '/' }: Wiring = {},
): ListApp {
  const store = memoryStore();
  const mcp = mcpApp(() => shoppingServer(store), options);
  const web = createRouter();
  web.get('/', listItems(store));
  web.post('/', addItem(store));

  const router = createRouter();
  const seen = xray(router, { guarded: true, panel: listPanel(store), sources: listSources });
  router.get(page, seen.page);
  router.get('/healthz', alive(mcp));
  if (mount !== '/') router.mount('/items', web);
  router.mount(mount, put(mcp, web));
  router.mount('/live', seen);
  return Object.assign(hostGuard(router), { router });
}

/** The real server, as `npm start` has it. */
export function realList(options: Parameters<typeof createApp>[1] = {}): ListApp {
  return createApp(memoryStore(), { xray: true, ...options });
}

/** Stands for an OAuth server: `ann-1`, `ann-2` and `bob-1` are tokens of two users of one application. */
export const verify: Verify = token => {
  const [, sub] = /^(ann|bob)-\d$/.exec(token) ?? [];
  return sub === undefined ? undefined : { token, clientId: 'the-app', scopes: [], extra: { sub } };
};
