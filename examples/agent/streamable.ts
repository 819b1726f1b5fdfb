/** The same agent over Streamable HTTP: another class, and the mount alone as URL. See start.ts. */
import { Agent, MCPServerStreamableHttp, run } from '@openai/agents';
import { modelFor } from './model.ts';
import { input, instructions, origin, prepare, script } from './shopping.ts';
import { tellSteps } from './steps.ts';

const thinking = modelFor(script);
await prepare();
const server = new MCPServerStreamableHttp({
  name: 'shopping list',
  url: `${origin}/mcp`,
  cacheToolsList: true,
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
