import { createRouter, type Router } from '../../router.ts';
import { memoryStore } from '../../store.ts';
import { shoppingServer } from '../../tools.ts';
import { connectAgent } from '../checks/agent.ts';
import { serve } from '../checks/ask.ts';
import { check, passed, teach } from '../checks/check.ts';

type SseApp = (createMcpServer: () => ReturnType<typeof shoppingServer>) => Router;

await check(async subject => {
  const sseApp = await subject.load<SseApp>('sseApp');
  const store = memoryStore();
  const app = () => sseApp(() => shoppingServer(store));
  const origin = await serve(
    createRouter().mount('/mcp', app()).mount('/tools', createRouter().mount('/mcp', app())),
  );

  for (const mount of ['/mcp', '/tools/mcp']) {
    const agent = await connectAgent(`${origin}${mount}/sse`);
    if (!agent.client)
      teach({
        did: `an agent connected to the app, mounted at ${mount}`,
        seen: `${agent.log.join(', ') || agent.failure}.`,
        so: whatItMeans(agent.endpoint, mount),
        look: 'at new SSEServerTransport(…): its first argument is what the endpoint event names. rootPath(req) is where the app is mounted.',
      });
    const { tools } = await agent.client.listTools();
    passed(
      `at ${mount} an agent was told to post to ${agent.endpoint}, and found ${tools.length} tools`,
    );
  }
});

function whatItMeans(endpoint: string | undefined, mount: string): string {
  if (endpoint === undefined) return 'no stream told the agent where to post to, so it never did.';
  return `the stream’s first event told it to post to ${endpoint}. Nothing is there: the app is mounted at ${mount}, so its /messages is ${mount}/messages.`;
}
