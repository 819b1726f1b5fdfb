import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { mcpApp } from '../../apps/mcp/app.ts';
import { type App, createRouter } from '../../router.ts';

interface Servers {
  list: () => McpServer;
  shop: () => McpServer;
}

/** The servers, mounted. */
export function createApp(servers: Servers): App {
  const router = createRouter();
  router.mount('/list', mcpApp(servers.list));
  router.mount('/shop', mcpApp(servers.shop));
  return router;
}

/** An agent that uses the servers at these URLs. */
export async function connectAgent(urls: string[]) {
  const clients = await Promise.all(urls.map(connect));

  // The promise is kept, not what it brings: who asks meanwhile waits for the same answer.
  const known = new Map<Client, Promise<string[]>>();

  function toolNames(client: Client): Promise<string[]> {
    const names = known.get(client) ?? askForNames(client);
    known.set(client, names);
    return names;
  }

  return {
    /** The names of all tools. The agent looks at them before each step. */
    async tools(): Promise<string[]> {
      const names = await Promise.all(clients.map(toolNames));
      return names.flat();
    },
    /** Calls a tool, whichever server has it. */
    async call(name: string, args: Record<string, unknown>): Promise<unknown> {
      for (const client of clients) {
        const names = await toolNames(client);
        if (names.includes(name)) return client.callTool({ name, arguments: args });
      }
      throw new Error(`No server has a tool ${name}.`);
    },
    async close(): Promise<void> {
      for (const client of clients) await client.close();
    },
  };
}

async function askForNames(client: Client): Promise<string[]> {
  const { tools } = await client.listTools();
  return tools.map(tool => tool.name);
}

async function connect(url: string): Promise<Client> {
  const client = new Client({ name: 'two-servers', version: '1.0.0' });
  await client.connect(new SSEClientTransport(new URL(url)));
  return client;
}
