/** The shopping list for clients of both kinds: one store, one set of tools, a server of each SDK. */
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { mcpApp } from '../../apps/mcp/app.ts';
import type { App } from '../../http/app.ts';
import type { Store } from '../../store.ts';
import { about, itemsUri, shoppingServer, shoppingTools } from '../../tools.ts';
import { everyEra } from './every-era.ts';

export function shop(store: Store): App {
  const tools = shoppingTools(store);
  const withSessions = mcpApp(() => shoppingServer(store, tools));
  const without = createMcpHandler(() => serverWithout(store, tools), { legacy: 'reject' });
  const app = everyEra(withSessions, without);
  // With sessions each server hears of changes itself; without, one tells all who listen.
  const stopTelling = store.onChange(() => without.notify.resourceUpdated(itemsUri));
  return Object.assign(app.bind(null), {
    inner: withSessions,
    async close() {
      stopTelling();
      await app.close?.();
    },
  });
}

/** A new one for each request. */
function serverWithout(store: Store, tools: ReturnType<typeof shoppingTools>): McpServer {
  const server = new McpServer(
    { name: 'shopping-list', title: 'Shopping list', version: '0.1.0' },
    { capabilities: { resources: { subscribe: true } } },
  );
  for (const [name, { answer }] of Object.entries(tools)) {
    const config = about[name as keyof typeof about]; // the tools are made of it
    server.registerTool(name, config as never, answer as never); // no one type fits all four
  }
  server.registerResource('items', itemsUri, { mimeType: 'application/json' }, async uri => ({
    contents: [{ uri: uri.href, text: JSON.stringify(await store.list()) }],
  }));
  return server;
}
