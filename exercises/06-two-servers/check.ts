import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { z } from 'zod';
import type { App } from '../../router.ts';
import { connectAgent as connectPlainly } from '../checks/agent.ts';
import { serve } from '../checks/ask.ts';
import { atEnd, check, passed, teach } from '../checks/check.ts';

type CreateApp = (servers: Record<'list' | 'shop', () => McpServer>) => App;

interface Agent {
  tools(): Promise<string[]>;
  call(name: string, args: Record<string, unknown>): Promise<unknown>;
  close(): Promise<void>;
}

const calls: string[] = []; // that reached a server
let listings = 0; // tools/list, as it goes over the wire

await check(async subject => {
  const createApp = await subject.load<CreateApp>('createApp');
  const connectAgent = await subject.load<(urls: string[]) => Promise<Agent>>('connectAgent');
  const app = createApp({
    list: () => serverWith('list', ['add_item', 'get_items']),
    shop: () => serverWith('shop', ['place_order', 'get_prices']),
  });
  const origin = await serve(app);

  for (const mount of ['/list', '/shop']) {
    const { client, log } = await connectPlainly(`${origin}${mount}/sse`);
    if (!client)
      teach({
        did: `an agent connected to ${mount}/sse`,
        seen: `${log.join(', ')}.`,
        so: `no MCP server is mounted at ${mount}.`,
        look: 'at createApp: each server is an app of its own, mcpApp(…), and is mounted with one line.',
      });
    passed(`there is an MCP server at ${mount}`);
  }

  countListings();
  const agent = await connectAgent([`${origin}/list/sse`, `${origin}/shop/sse`]);
  atEnd(() => agent.close());
  const names = (await agent.tools()).toSorted().join(', ');
  if (names !== 'add_item, get_items, get_prices, place_order')
    teach({
      did: 'the agent looked at its tools',
      seen: `it has ${names || 'none'}.`,
      so: 'of two servers with two tools each it should have four.',
      look: 'at tools(): it has to hold what every server said, in one list.',
    });
  passed(`the agent has the tools of both: ${names}`);

  await agent.tools();
  await agent.call('add_item', { name: 'Milk' });
  await agent.tools();
  await agent.call('place_order', { name: 'Milk' });
  if (calls.join(', ') !== 'list add_item, shop place_order')
    teach({
      did: 'the agent called add_item, then place_order',
      seen: `the servers were called: ${calls.join(', ') || 'not at all'}.`,
      so: 'a call did not reach the server that has the tool.',
      look: 'at call(…): it has to look for the client whose server named this tool.',
    });
  passed('add_item reached the list, and place_order the shop');

  if (listings > 2)
    teach({
      did: 'the agent looked at its tools three times, and called two',
      seen: `the servers were asked for their tools ${listings} times, over the wire.`,
      so: 'it asks again at each step for what it was told already. Two servers: twice is enough.',
      look: 'at toolNames, which asks each time it is called: where could the first answer be kept?',
    });
  passed(`over the wire each server was asked for its tools once`);
});

function serverWith(name: string, tools: string[]): McpServer {
  const server = new McpServer({ name, version: '1.0.0' });
  for (const tool of tools)
    server.registerTool(tool, { inputSchema: { name: z.string().optional() } }, () => {
      calls.push(`${name} ${tool}`);
      return { content: [{ type: 'text', text: 'done' }] };
    });
  return server;
}

/** The SDK's client posts with the global fetch. */
function countListings(): void {
  const { fetch } = globalThis;
  globalThis.fetch = (input, init) => {
    if (String(init?.body).includes('"tools/list"')) listings++;
    return fetch(input, init);
  };
}
