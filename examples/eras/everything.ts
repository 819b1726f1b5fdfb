/**
 * What the official conformance suite asks of a server of 2026-07-28: a tool, prompt or resource a
 * scenario, under the name and in the shape it looks for.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import {
  acceptedContent,
  type CallToolResult,
  CLIENT_CAPABILITIES_META_KEY,
  type ClientCapabilities,
  completable,
  createRequestStateCodec,
  fromJsonSchema,
  type InputRequests,
  inputRequired,
  inputResponse,
  McpServer,
  ResourceTemplate,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { contact, embedded, image, png, sound } from '../../tests/conformance/everything-tools.ts';

/** Told by the tools that change what is listed. */
export interface Changes {
  toolsChanged(): void;
  promptsChanged(): void;
}

const description = 'As the suite asks for it';

/** Signed, since it comes back by way of the client. */
const state = createRequestStateCodec<string>({ key: randomBytes(32) });

/** A server for one request. */
export function everything(changes: Changes): McpServer {
  const server = new McpServer(
    { name: 'everything', version: '0.1.0' },
    {
      capabilities: {
        logging: {},
        tools: { listChanged: true },
        prompts: { listChanged: true },
        resources: { subscribe: true },
      },
      requestState: { verify: state.verify },
    },
  );
  const tools = { ...contentTools, ...talkingTools, ...askingTools, ...changingTools(changes) };
  for (const [name, answer] of Object.entries(tools))
    server.registerTool(name, { description }, answer);
  for (const [name, schema] of Object.entries(schemas)) {
    const inputSchema = fromJsonSchema(schema as object); // its type has no x-mcp-header
    const config = { description, inputSchema };
    server.registerTool(name, config, async given => text(JSON.stringify(given)));
  }
  addResources(server);
  addPrompts(server);
  return server;
}

/** Of tools that are asked for by their schemas: rich in keywords, or with a header for a value. */
const schemas = {
  json_schema_2020_12_tool: z.toJSONSchema(contact, { io: 'input' }),
  test_header: {
    type: 'object',
    properties: { region: { type: 'string', 'x-mcp-header': 'Region' } },
  },
};

type Answer = (ctx: ServerContext) => Promise<ReturnType<typeof inputRequired> | CallToolResult>;
type Answers = Record<string, Answer>;

const contentTools: Answers = {
  test_simple_text: async () => text('Text'),
  test_image_content: async () => ({ content: [image] }),
  test_audio_content: async () => ({ content: [sound] }),
  test_embedded_resource: async () => ({
    content: [embedded('test://embedded', 'text/plain', 'Text')],
  }),
  test_multiple_content_types: async () => ({
    content: [
      { type: 'text', text: 'Of all kinds' },
      image,
      embedded('test://mixed', 'application/json', '{}'),
    ],
  }),
  test_error_handling: async () => {
    throw new Error('This tool fails, as is asked for');
  },
};

const talkingTools: Answers = {
  test_tool_with_logging: async ctx => {
    await ctx.mcpReq.log('info', 'It begins');
    return text('Logged');
  },
  test_logging_tool: async ctx => {
    await ctx.mcpReq.log('info', 'It begins');
    return text('Logged');
  },
  test_tool_with_progress: async ({ mcpReq }) => {
    const { progressToken = 0 } = mcpReq._meta ?? {};
    for (const progress of [0, 50, 100]) {
      const params = { progressToken, progress, total: 100 };
      await mcpReq.notify({ method: 'notifications/progress', params });
      await wait(20); // so that they are three
    }
    return text('Done');
  },
};

const named = z.object({ name: z.string() });
const coloured = z.object({ color: z.string() });
const confirmed = z.object({ ok: z.boolean() });

const askingTools: Answers = {
  // The SDK refuses what its client can't do: nothing is asked of it.
  test_missing_capability: async () =>
    inputRequired({ inputRequests: { greeting: sample('Generate a greeting') } }),
  test_streaming_elicitation: async ctx => greet(ctx),
  test_input_required_result_elicitation: async ctx => greet(ctx),
  test_input_required_result_sampling: async ({ mcpReq }) => {
    const answer = inputResponse(mcpReq.inputResponses, 'capital_question');
    if (answer.kind === 'sampling') return text(JSON.stringify(answer.result.content));
    return inputRequired({
      inputRequests: { capital_question: sample('What is the capital of France?') },
    });
  },
  test_input_required_result_list_roots: async ({ mcpReq }) => {
    const answer = inputResponse(mcpReq.inputResponses, 'client_roots');
    if (answer.kind === 'roots') return text(answer.roots.map(({ uri }) => uri).join());
    return inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } });
  },
  test_input_required_result_request_state: async ctx => {
    const isDone = acceptedContent(ctx.mcpReq.inputResponses, 'confirm', confirmed);
    if (isDone && ctx.mcpReq.requestState() === 'asked') return text('state-ok');
    return ask(ctx, { confirm: elicit('Please confirm', confirmed) }, 'asked');
  },
  test_input_required_result_tampered_state: async ctx => {
    if (ctx.mcpReq.requestState() === 'asked') return text('state-ok');
    return ask(ctx, { confirm: elicit('Please confirm', confirmed) }, 'asked');
  },
  test_input_required_result_multiple_inputs: async ctx => {
    const { inputResponses: given } = ctx.mcpReq;
    const keys = ['user_name', 'greeting', 'client_roots'];
    if (keys.every(key => inputResponse(given, key).kind !== 'missing')) return text('All three');
    const requests = {
      user_name: elicit('What is your name?', named),
      greeting: sample('Generate a greeting'),
      client_roots: inputRequired.listRoots(),
    };
    return ask(ctx, requests, 'asked');
  },
  test_input_required_result_multi_round: async ctx => {
    const { inputResponses: given } = ctx.mcpReq;
    const round = ctx.mcpReq.requestState<string>();
    if (round === '2' && acceptedContent(given, 'step2', coloured)) return text('Both steps');
    if (round === '1' && acceptedContent(given, 'step1', named))
      return ask(ctx, { step2: elicit('Step 2: What is your favorite color?', coloured) }, '2');
    return ask(ctx, { step1: elicit('Step 1: What is your name?', named) }, '1');
  },
  test_input_required_result_capabilities: async ctx => {
    const can = capabilities(ctx);
    const requests: InputRequests = {
      ...(can.elicitation && { user_name: elicit('What is your name?', named) }),
      ...(can.sampling && { greeting: sample('Generate a greeting') }),
      ...(can.roots && { client_roots: inputRequired.listRoots() }),
    };
    if (Object.keys(requests).length === 0 || ctx.mcpReq.inputResponses) return text('Enough');
    return inputRequired({ inputRequests: requests });
  },
};

function greet({ mcpReq }: ServerContext) {
  const user = acceptedContent(mcpReq.inputResponses, 'user_name', named);
  if (user) return text(`Hello, ${user.name}!`);
  return inputRequired({ inputRequests: { user_name: elicit('What is your name?', named) } });
}

async function ask(ctx: ServerContext, inputRequests: InputRequests, round: string) {
  return inputRequired({ inputRequests, requestState: await state.mint(round, ctx) });
}

function elicit(message: string, requestedSchema: z.ZodObject) {
  return inputRequired.elicit({ message, requestedSchema });
}

function sample(question: string) {
  const content = { type: 'text' as const, text: question };
  return inputRequired.createMessage({ messages: [{ role: 'user', content }], maxTokens: 100 });
}

function capabilities({ mcpReq }: ServerContext): ClientCapabilities {
  // The SDK has looked at the envelope; its type for it (2.4.0) has no keys.
  const envelope: Record<string, ClientCapabilities | undefined> = mcpReq.envelope ?? {};
  return envelope[CLIENT_CAPABILITIES_META_KEY] ?? {};
}

function changingTools(changes: Changes): Answers {
  return {
    test_trigger_tool_change: async () => {
      changes.toolsChanged();
      return text('Told');
    },
    test_trigger_prompt_change: async () => {
      changes.promptsChanged();
      return text('Told');
    },
  };
}

function addResources(server: McpServer): void {
  const plain = { mimeType: 'text/plain' };
  server.registerResource('text', 'test://static-text', plain, ({ href: uri }) => ({
    contents: [{ uri, ...plain, text: 'Text that never changes' }],
  }));
  const pixel = { mimeType: 'image/png' };
  server.registerResource('binary', 'test://static-binary', pixel, ({ href: uri }) => ({
    contents: [{ uri, ...pixel, blob: png }],
  }));
  const template = new ResourceTemplate('test://template/{id}/data', { list: undefined });
  const json = { mimeType: 'application/json' };
  server.registerResource('template', template, json, ({ href: uri }, { id }) => ({
    contents: [{ uri, ...json, text: JSON.stringify({ id, templateTest: true }) }],
  }));
}

const suggestions = ['test', 'testing', 'other'];

function addPrompts(server: McpServer): void {
  server.registerPrompt('test_simple_prompt', { description }, () => ({
    messages: [user({ type: 'text', text: 'A prompt without arguments' })],
  }));
  const first = completable(z.string().describe('One with suggestions'), typed =>
    suggestions.filter(suggestion => suggestion.startsWith(typed)),
  );
  const argsSchema = z.object({ arg1: first, arg2: z.string().describe('One without') });
  server.registerPrompt(
    'test_prompt_with_arguments',
    { description, argsSchema },
    ({ arg1, arg2 }) => ({
      messages: [user({ type: 'text', text: `Two arguments: ${arg1} and ${arg2}` })],
    }),
  );
  const withResource = { description, argsSchema: z.object({ resourceUri: z.string() }) };
  server.registerPrompt('test_prompt_with_embedded_resource', withResource, ({ resourceUri }) => ({
    messages: [user(embedded(resourceUri, 'text/plain', 'The text of a resource'))],
  }));
  server.registerPrompt('test_prompt_with_image', { description }, () => ({
    messages: [user(image)],
  }));
  server.registerPrompt(
    'test_input_required_result_prompt',
    { description },
    ({ mcpReq }: ServerContext) => {
      const schema = z.object({ context: z.string() });
      const given = acceptedContent(mcpReq.inputResponses, 'user_context', schema);
      if (given) return { messages: [user({ type: 'text', text: given.context })] };
      const user_context = elicit('What context should the prompt use?', schema);
      return inputRequired({ inputRequests: { user_context } });
    },
  );
}

function user<Content>(content: Content) {
  return { role: 'user' as const, content };
}

function text(text: string): CallToolResult {
  return { content: [{ type: 'text', text }] };
}
