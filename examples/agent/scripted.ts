/**
 * A model that follows a script, for a class without keys. To the SDK it is a model like any other:
 * its agent loop asks it for the next turn, makes the calls it wants, and asks again with what the
 * tools answered. So the loop, the tools and the list are the true ones; only the thinking is not.
 */
import { type AgentInputItem, type AgentOutputItem, type Model, Usage } from '@openai/agents';

/** What the model says next: calls, or its last words. */
export type Turn = (answers: Answers) => Call[] | string;

export interface Call {
  name: string;
  args: object;
}

/** What the tools have answered up to now. */
export interface Answers {
  /** A tool's latest answer, as JSON. The script knows what its tools answer. */
  of<T>(tool: string): T;
}

export function call(name: string, args: object = {}): Call {
  return { name, args };
}

export function scriptedModel(script: Turn[]): Model {
  let turn = 0;
  return {
    async getResponse({ input, tools }) {
      const said = script[turn++]?.(answersIn(input)) ?? 'That is all.';
      if (typeof said === 'string') return { usage: new Usage(), output: [message(said)] };
      const offered = tools.map(tool => (tool.type === 'function' ? tool.name : ''));
      const missing = said.find(({ name }) => !offered.includes(name));
      if (missing) throw new Error(`No server offers a tool ${missing.name}.`);
      return { usage: new Usage(), output: said.map((call, i) => asked(call, `${turn}-${i}`)) };
    },
    getStreamedResponse() {
      throw new Error('This model is not streamed: run it with run(agent, input).');
    },
  };
}

function answersIn(input: string | AgentInputItem[]): Answers {
  const items = typeof input === 'string' ? [] : input;
  const results = items.filter(item => item.type === 'function_call_result');
  return {
    of(tool) {
      const last = results.findLast(({ name }) => name === tool);
      const [text = '', json] = last ? textOf(last.output).split('\n') : []; // for people, for programs
      if (json === undefined) throw new Error(`${tool} answered with no JSON: ${text}`);
      return JSON.parse(json);
    },
  };
}

type Output = Extract<AgentInputItem, { type: 'function_call_result' }>['output'];

function textOf(output: Output): string {
  if (typeof output === 'string') return output;
  const parts = Array.isArray(output) ? output : [output];
  return parts.map(part => ('text' in part ? part.text : '')).join('');
}

function asked({ name, args }: Call, callId: string): AgentOutputItem {
  const asJson = JSON.stringify(args);
  return { type: 'function_call', callId, name, arguments: asJson, status: 'completed' };
}

function message(text: string): AgentOutputItem {
  const content = [{ type: 'output_text' as const, text }];
  return { type: 'message', role: 'assistant', status: 'completed', content };
}
