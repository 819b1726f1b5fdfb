/**
 * The list's MCP door: the same store as tools, a resource and a prompt. One server serves one
 * session, so `shoppingServer` is called for each; the schemas are built once a process.
 */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import {
  type CallToolResult,
  ErrorCode,
  type GetPromptResult,
  ListToolsRequestSchema,
  type ListToolsResult,
  McpError,
  SubscribeRequestSchema,
  type ToolAnnotations,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import type { jsonSchemaValidator } from '@modelcontextprotocol/sdk/validation';
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/ajv';
import { z } from 'zod';
import {
  type Item,
  itemChangeSchema,
  itemIdSchema,
  itemSchema,
  newItemSchema,
  type Store,
  StoreFailure,
} from './store.ts';

/** Subscribed to, it tells an agent that somebody, on the web or elsewhere, changed the list. */
export const itemsUri = 'shopping://items';

const listSchema = z.object({ items: z.array(itemSchema) });
const idSchema = z.strictObject({ id: itemIdSchema });
const changeSchema = itemChangeSchema.extend({ id: itemIdSchema });
const dishSchema = z.object({
  dish: z.string().trim().min(1).max(200).describe('What is to be cooked'),
});

/**
 * @param store the list, shared by all sessions and the web endpoints
 * @param tools its tools, to be made once for all sessions
 * @returns a server for one session, not yet connected
 */
export function shoppingServer(store: Store, tools = shoppingTools(store)): McpServer {
  const server = new McpServer(
    { name: 'shopping-list', title: 'Shopping list', version: '0.1.0' },
    {
      capabilities: { resources: { subscribe: true } },
      jsonSchemaValidator: lazyValidator,
      instructions: 'Read the list with get_items before changing it: items are known by their id.',
    },
  );
  for (const [name, { config, answer }] of Object.entries(tools))
    server.registerTool(name, config, answer as never); // no one type fits all four
  server.server.setRequestHandler(ListToolsRequestSchema, () => toolList);
  addItemsResource(server, store);
  addPlanPrompt(server, store);
  return server;
}

/** The tools with what they answer: each from its input alone, as fastCalls() needs it. */
export function shoppingTools(store: Store): Tools {
  return {
    get_items: tool('get_items', async () => {
      const items = await store.list();
      return result(`${items.length} items on the list`, { items });
    }),
    add_item: tool('add_item', async input => {
      const item = await store.add(input);
      if (item === 'full') return toolError('The list is full. Call remove_item first.');
      return result(`Added ${item.name} as item ${item.id}`, item);
    }),
    update_item: tool('update_item', async ({ id, ...change }) => {
      const item = await store.update(id, change);
      return item ? result(`Updated item ${id}`, item) : unknownItem(id);
    }),
    remove_item: tool('remove_item', async ({ id }) => {
      const removed = await store.remove(id);
      return removed ? result(`Removed item ${id}`, { id }) : unknownItem(id);
    }),
  };
}

// An Ajv per server is four fifths of a session's construction and most of its memory, and only
// what a client fills in (elicitation) is checked with it. So: one a process, once it is needed.
let ajv: AjvJsonSchemaValidator | undefined;
const lazyValidator: jsonSchemaValidator = {
  getValidator(schema) {
    ajv ??= new AjvJsonSchemaValidator();
    return ajv.getValidator(schema);
  },
};

const reads: ToolAnnotations = { readOnlyHint: true, openWorldHint: false };
const adds: ToolAnnotations = { destructiveHint: false, openWorldHint: false };
const sets: ToolAnnotations = { destructiveHint: true, idempotentHint: true, openWorldHint: false };

/** Each tool as it is registered and as it is listed. */
export const about = {
  get_items: {
    title: 'Get the shopping list',
    description:
      'Returns every item on the list with its id, quantity and whether it is purchased.',
    inputSchema: z.strictObject({}),
    outputSchema: listSchema,
    annotations: reads,
  },
  add_item: {
    title: 'Add an item',
    description: 'Puts one item on the list and returns it with its new id.',
    inputSchema: newItemSchema,
    outputSchema: itemSchema,
    annotations: adds,
  },
  update_item: {
    title: 'Change an item',
    description: 'Changes the name, the quantity or the purchased mark of an item; the rest stays.',
    inputSchema: changeSchema,
    outputSchema: itemSchema,
    annotations: sets,
  },
  remove_item: {
    title: 'Remove an item',
    description: 'Takes one item off the list for good.',
    inputSchema: idSchema,
    outputSchema: idSchema,
    annotations: sets,
  },
};

// The SDK converts every schema again at each tools/list (53 µs against 10); these never change.
const toolList: ListToolsResult = {
  tools: Object.entries(about).map(([name, { inputSchema, outputSchema, ...rest }]) => ({
    name,
    ...rest,
    inputSchema: jsonSchema(inputSchema, 'input'),
    outputSchema: jsonSchema(outputSchema, 'output'),
  })),
};

// Every tool's schema is an object's; z.toJSONSchema does not say so in its type.
function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): { type: 'object' } {
  return z.toJSONSchema(schema, { io }) as { type: 'object' };
}

/**
 * Has the compiler hold the answer to the output schema. With that in `config` the SDK would parse
 * each answer again. What the store can't do is an answer, too.
 */
function tool<Name extends keyof About>(
  name: Name,
  ask: (input: z.output<About[Name]['inputSchema']>) => Promise<Answer<Name> | ToolError>,
) {
  const { outputSchema, ...config } = about[name];
  const answer: typeof ask = input => ask(input).catch(error => toolError(wordsFor(error)));
  return { config, answer };
}

/** The list for what is no tool, and fails with an error of JSON-RPC. */
function listOf(store: Store): Promise<Item[]> {
  return store.list().catch(error => {
    throw new McpError(ErrorCode.InternalError, wordsFor(error));
  });
}

/** The one place where what failed in the store becomes words for an agent. */
function wordsFor(error: unknown): string {
  if (error instanceof StoreFailure) return error.message;
  console.error('The store failed:', error);
  return 'The store failed; the server’s log says why. See get_items for what was done and what was not.';
}

type About = typeof about;
type Tools = { [Name in keyof About]: ReturnType<typeof tool<Name>> };
type Answer<Name extends keyof About> = Result<z.output<About[Name]['outputSchema']>>;
type Result<Data> = CallToolResult & { structuredContent: Data };
type ToolError = CallToolResult & { isError: true };

function result<Data extends Record<string, unknown>>(
  text: string,
  structuredContent: Data,
): Result<Data> {
  const json = JSON.stringify(structuredContent); // for clients that read text only
  return { content: [{ type: 'text', text: `${text}\n${json}` }], structuredContent };
}

function toolError(text: string): ToolError {
  return { content: [{ type: 'text', text }], isError: true };
}

function unknownItem(id: number): ToolError {
  return toolError(`No item has the id ${id}. Call get_items to see the ids.`);
}

function addItemsResource(server: McpServer, store: Store): void {
  const config = {
    title: 'The shopping list',
    description: 'All items as JSON. Subscribe to hear of changes.',
    mimeType: 'application/json',
  };
  server.registerResource('items', itemsUri, config, async uri => ({
    contents: [
      { uri: uri.href, mimeType: config.mimeType, text: JSON.stringify(await listOf(store)) },
    ],
  }));

  let stopTelling = () => {};
  server.server.setRequestHandler(SubscribeRequestSchema, ({ params }) => {
    if (params.uri !== itemsUri)
      throw new McpError(ErrorCode.InvalidParams, `Only ${itemsUri} can be subscribed to.`);
    stopTelling();
    stopTelling = store.onChange(() => {
      // The session may be closing; a client that is gone needs no news.
      server.server.sendResourceUpdated({ uri: itemsUri }).catch(() => {});
    });
    return {};
  });
  server.server.setRequestHandler(UnsubscribeRequestSchema, ({ params }) => {
    if (params.uri === itemsUri) stopTelling();
    return {};
  });
  server.server.onclose = () => stopTelling();
}

function addPlanPrompt(server: McpServer, store: Store): void {
  const plan = async ({ dish }: z.infer<typeof dishSchema>): Promise<GetPromptResult> => {
    const items = JSON.stringify(await listOf(store));
    const text =
      `I want to cook ${dish}. On my shopping list are: ${items}. ` +
      'Work out which ingredients are missing, add each with add_item, and sum up what you added.';
    return { messages: [{ role: 'user', content: { type: 'text', text } }] };
  };
  const config = {
    title: 'Plan the shopping for a dish',
    description: 'Asks for what a dish needs and the list lacks.',
    argsSchema: dishSchema.shape,
  };
  server.registerPrompt('plan_shopping', config, plan);
}
