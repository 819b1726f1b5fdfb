/** The tools of the everything server: what they answer, say on the way, and ask of the client. */
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import {
  type CallToolResult,
  type ElicitResult,
  ListToolsRequestSchema,
  type LoggingLevel,
  type ServerNotification,
  type ServerRequest,
  SetLevelRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';

export function addTools(server: McpServer): void {
  addContentTools(server);
  addTalkingTools(server);
  addAskingTools(server);
  server.server.setRequestHandler(ListToolsRequestSchema, () => ({ tools }));
}

type Call = RequestHandlerExtra<ServerRequest, ServerNotification>;

const nothing = z.object({});

// Keywords of JSON Schema 2020-12 that zod has no words for are carried as they are.
const address = z
  .looseObject({ street: z.string().optional(), city: z.string().optional() })
  .meta({ id: 'address', $anchor: 'addressDef' });
export const contact = z
  .strictObject({
    name: z.string().optional(),
    address: address.optional(),
    contactMethod: z.enum(['phone', 'email']).optional(),
    phone: z.string().optional(),
    email: z.string().optional(),
  })
  .meta({
    allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
    if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { required: ['phone'] },
    else: { required: ['email'] },
  });

const about = {
  test_simple_text: { description: 'Answers with text', inputSchema: nothing },
  test_image_content: { description: 'Answers with an image', inputSchema: nothing },
  test_audio_content: { description: 'Answers with a sound', inputSchema: nothing },
  test_embedded_resource: { description: 'Answers with a resource', inputSchema: nothing },
  test_multiple_content_types: { description: 'Answers with all kinds', inputSchema: nothing },
  test_error_handling: { description: 'Fails', inputSchema: nothing },
  json_schema_2020_12_tool: { description: 'Has a schema rich in keywords', inputSchema: contact },
  test_tool_with_logging: { description: 'Logs as it works', inputSchema: nothing },
  test_tool_with_progress: { description: 'Reports how far it is', inputSchema: nothing },
  test_reconnection: { description: 'Ends its stream before it answers', inputSchema: nothing },
  test_sampling: {
    description: "Asks the client's model",
    inputSchema: z.object({ prompt: z.string().describe('What to ask it') }),
  },
  test_elicitation: {
    description: "Asks the client's user",
    inputSchema: z.object({ message: z.string().describe('What to ask') }),
  },
  test_elicitation_sep1034_defaults: { description: 'Asks with defaults', inputSchema: nothing },
  test_elicitation_sep1330_enums: { description: 'Asks with choices', inputSchema: nothing },
};

// McpServer would list schemas as draft 7, where $defs has another name.
const tools = Object.entries(about).map(([name, { description, inputSchema }]) => ({
  name,
  description,
  // the schema of an object, which z.toJSONSchema does not say in its type
  inputSchema: z.toJSONSchema(inputSchema, { io: 'input' }) as { type: 'object' },
}));

/** One red pixel. */
export const png =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mP4z8AAAAMBAQD3A0FDAAAAAElFTkSuQmCC';
/** Two samples of silence. */
const wav = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQIAAACAgA==';

export const image = { type: 'image' as const, data: png, mimeType: 'image/png' };
export const sound = { type: 'audio' as const, data: wav, mimeType: 'audio/wav' };

function addContentTools(server: McpServer): void {
  server.registerTool('test_simple_text', about.test_simple_text, () => text('Plain text'));
  server.registerTool('test_image_content', about.test_image_content, () => ({ content: [image] }));
  server.registerTool('test_audio_content', about.test_audio_content, () => ({ content: [sound] }));
  server.registerTool('test_embedded_resource', about.test_embedded_resource, () => ({
    content: [embedded('test://embedded-resource', 'text/plain', 'The text of a resource')],
  }));
  server.registerTool('test_multiple_content_types', about.test_multiple_content_types, () => ({
    content: [
      { type: 'text', text: 'Text, an image and a resource' },
      image,
      embedded('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
    ],
  }));
  server.registerTool('test_error_handling', about.test_error_handling, () => {
    throw new Error('This tool always fails.');
  });
  server.registerTool('json_schema_2020_12_tool', about.json_schema_2020_12_tool, contact =>
    text(JSON.stringify(contact)),
  );
}

const stepMs = 50; // as the scenarios ask, so that what is sent on the way does not arrive at once

/** Tools that say something before they answer. */
function addTalkingTools(server: McpServer): void {
  const log = logger(server);
  server.registerTool('test_tool_with_logging', about.test_tool_with_logging, async (_, call) => {
    await log('info', 'Started', call);
    await after(stepMs);
    await log('info', 'Half done', call);
    await after(stepMs);
    await log('info', 'Done', call);
    return text('Logged three times');
  });
  server.registerTool('test_tool_with_progress', about.test_tool_with_progress, async (_, call) => {
    await report(0, call);
    await after(stepMs);
    await report(50, call);
    await after(stepMs);
    await report(100, call);
    return text('Reported three times');
  });
  server.registerTool('test_reconnection', about.test_reconnection, async (_, call) => {
    call.closeSSEStream?.(); // not on the legacy transport, whose one stream carries everything
    await after(2 * stepMs);
    return text('Sent after the stream was closed');
  });
}

const levels: LoggingLevel[] = [
  'debug',
  'info',
  'notice',
  'warning',
  'error',
  'critical',
  'alert',
  'emergency',
];

/** Sends what is at or above the level the client has set, on the stream of the call. */
function logger(server: McpServer) {
  let lowest = 0;
  server.server.setRequestHandler(SetLevelRequestSchema, ({ params }) => {
    lowest = levels.indexOf(params.level);
    return {};
  });
  return async (level: LoggingLevel, data: string, call: Call): Promise<void> => {
    if (levels.indexOf(level) < lowest) return;
    await call.sendNotification({ method: 'notifications/message', params: { level, data } });
  };
}

async function report(progress: number, { _meta, sendNotification }: Call): Promise<void> {
  const progressToken = _meta?.progressToken;
  if (progressToken === undefined) return;
  const params = { progressToken, progress, total: 100 };
  await sendNotification({ method: 'notifications/progress', params });
}

/** Tools that need an answer of the client's before they have one of their own. */
function addAskingTools(server: McpServer): void {
  const ask = async (message: string, requestedSchema: Form, { requestId }: Call) =>
    server.server.elicitInput({ message, requestedSchema }, { relatedRequestId: requestId });

  server.registerTool('test_sampling', about.test_sampling, async ({ prompt }, { requestId }) => {
    const { content } = await server.server.createMessage(
      { messages: [{ role: 'user', content: { type: 'text', text: prompt } }], maxTokens: 100 },
      { relatedRequestId: requestId },
    );
    return text(`The model says: ${content.type === 'text' ? content.text : content.type}`);
  });
  server.registerTool('test_elicitation', about.test_elicitation, async ({ message }, call) =>
    said('The user', await ask(message, userForm, call)),
  );
  const defaults = 'test_elicitation_sep1034_defaults';
  server.registerTool(defaults, about[defaults], async (_, call) =>
    said('The user', await ask('Please check these', defaultsForm, call)),
  );
  const choices = 'test_elicitation_sep1330_enums';
  server.registerTool(choices, about[choices], async (_, call) =>
    said('The user', await ask('Please choose', choicesForm, call)),
  );
}

type Form = Extract<
  Parameters<McpServer['server']['elicitInput']>[0],
  { requestedSchema: unknown }
>['requestedSchema'];

const userForm: Form = {
  type: 'object',
  properties: {
    username: { type: 'string', description: 'The name they go by' },
    email: { type: 'string', description: 'Where to write to' },
  },
  required: ['username', 'email'],
};

const defaultsForm: Form = {
  type: 'object',
  properties: {
    name: { type: 'string', default: 'John Doe' },
    age: { type: 'integer', default: 30 },
    score: { type: 'number', default: 95.5 },
    status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', default: true },
  },
};

const options = ['option1', 'option2', 'option3'];
const titled = [
  { const: 'value1', title: 'First' },
  { const: 'value2', title: 'Second' },
  { const: 'value3', title: 'Third' },
];
const choicesForm: Form = {
  type: 'object',
  properties: {
    untitledSingle: { type: 'string', enum: options },
    titledSingle: { type: 'string', oneOf: titled },
    legacyEnum: {
      type: 'string',
      enum: ['opt1', 'opt2', 'opt3'],
      enumNames: ['Option One', 'Option Two', 'Option Three'],
    },
    untitledMulti: { type: 'array', items: { type: 'string', enum: options } },
    titledMulti: { type: 'array', items: { anyOf: titled } },
  },
};

function text(text: string): CallToolResult {
  return { content: [{ type: 'text', text }] };
}

function said(what: string, { action, content }: ElicitResult): CallToolResult {
  return text(`${what}: action=${action}, content=${JSON.stringify(content ?? {})}`);
}

export function embedded(uri: string, mimeType: string, text: string) {
  return { type: 'resource' as const, resource: { uri, mimeType, text } };
}

function after(ms: number): Promise<void> {
  return new Promise(done => setTimeout(done, ms));
}
