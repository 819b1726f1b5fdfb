/** Tells the agent loop, step by step, whichever model thinks. */
import type { Agent } from '@openai/agents';

/** Prints what is asked, then each call with the first line of its answer. */
export function tellSteps(agent: Agent, input: string): void {
  const { model } = agent;
  const thinking = typeof model === 'string' ? model || 'the default model' : 'a script';
  console.log(`Asked: ${input}\nThinking: ${thinking}\n`);

  let step = 0;
  agent.on('agent_tool_start', (_context, tool, { toolCall }) => {
    const args = 'arguments' in toolCall ? toolCall.arguments : '';
    console.log(`${++step}. the model calls ${tool.name} ${args}`);
  });
  agent.on('agent_tool_end', (_context, tool, result) => {
    console.log(`   ${tool.name} answers: ${firstLine(result)}`);
  });
  agent.on('agent_end', () => console.log('\nThe model has what it needs, and says:'));
}

// '{"type":"text","text":"Added Milk as item 4\n{…}"}' -> 'Added Milk as item 4'
function firstLine(result: string): string {
  const text = /"text":"((?:[^"\\]|\\[^n])*)/.exec(result)?.[1];
  return text ?? result.slice(0, 80);
}
