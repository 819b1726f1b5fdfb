/** An agent that keeps the shopping list, over SSE: the one of the lesson. See start.ts. */
import { Agent, MCPServerSSE, run } from '@openai/agents';
import { modelFor } from './model.ts';
import { input, instructions, origin, prepare, script } from './shopping.ts';
import { tellSteps } from './steps.ts';

const thinking = modelFor(script);
await prepare();
const server = new MCPServerSSE({
  name: 'shopping list',
  url: `${origin}/mcp/sse`, // the mount, and behind it the app's own /sse
  cacheToolsList: true, // or it would be asked for its tools before each turn
});
const agent = new Agent({
  name: 'Shopper',
  instructions,
  mcpServers: [server],
  ...thinking,
});
tellSteps(agent, input);

await server.connect();
try {
  const { finalOutput } = await run(agent, input);
  console.log(finalOutput);
} finally {
  await server.close();
}
