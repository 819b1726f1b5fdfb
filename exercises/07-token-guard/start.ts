// Where exercise 7 begins. npm run learn copies it to token-guard.ts: that is the file to edit.

import { mcpApp } from '../../apps/mcp/app.ts';
import { bearer, staticTokens } from '../../guard.ts';
import { type App, createRouter } from '../../router.ts';
import type { Store } from '../../store.ts';
import { shoppingServer } from '../../tools.ts';

/** The list, as an endpoint and as tools. */
export function createApp(store: Store, token: string): App {
  const mcp = mcpApp(() => shoppingServer(store));
  const router = createRouter();
  router.get('/items/', async (_req, res) => res.end(JSON.stringify(await store.list())));
  router.mount('/mcp', mcp);
  return bearer(router, { verify: staticTokens([token]) });
}
