/**
 * Tool calls past the SDK's Protocol, for tools that need nothing of it:
 *
 *     mcpApp(() => fastCalls(shoppingServer(store), tools))
 *
 * To each call the SDK gives an AbortController, a function for each thing a tool may ask of the
 * client and six promises, and five schemas parse it and its answer: over a quarter of what a call
 * takes over Streamable HTTP. A tool that looks at its input alone needs one of those schemas. All
 * that is out of the ordinary goes the SDK's way: a tool that is not in `tools`, arguments that do
 * not fit, `_meta`, a task.
 */
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { CallToolResult, JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { z } from 'zod';
import { cancelledId, type McpServerLike } from './sessions.ts';

/** As it is registered with the SDK's server, without an output schema. */
export interface PlainTool {
  /** Without asynchronous checks. */
  inputSchema: z.ZodType;
  /**
   * What it throws is an answer for the model to read, so it does not ask for a URL to be opened.
   * It is not told of a cancellation; what it answers then is thrown away.
   */
  answer(input: unknown): Promise<CallToolResult>;
}

/** @returns `server` with a shorter way to `tools`, for any Transport */
export function fastCalls(server: McpServerLike, tools: Record<string, PlainTool>): McpServerLike {
  return {
    async connect(transport) {
      await server.connect(transport);
      answerFirst(transport, tools);
    },
    close: () => server.close(),
  };
}

/** Goes between the transport and what the SDK has just put on it. */
function answerFirst(transport: Transport, tools: Record<string, PlainTool>): void {
  const { onmessage, onclose } = transport;
  const inFlight: RequestId[] = [];

  transport.onmessage = (message, extra) => {
    const call = plainCall(message, tools);
    if (call) return void answer(call);
    remove(inFlight, cancelledId(message));
    onmessage?.(message, extra);
  };
  transport.onclose = () => {
    inFlight.length = 0;
    onclose?.();
  };

  async function answer({ id, tool, input }: PlainCall): Promise<void> {
    inFlight.push(id);
    const result = await answerOf(tool, input);
    if (!remove(inFlight, id)) return; // cancelled, or the session has ended
    await transport
      .send({ jsonrpc: '2.0', id, result })
      .catch(error => transport.onerror?.(new Error(`An answer was not sent: ${error}`)));
  }
}

interface PlainCall {
  id: RequestId;
  tool: PlainTool;
  input: unknown;
}

/** undefined for all that the SDK is to answer. */
function plainCall(
  message: JSONRPCMessage,
  tools: Record<string, PlainTool>,
): PlainCall | undefined {
  if (!('method' in message && 'id' in message) || message.method !== 'tools/call')
    return undefined;
  const { id, params = {} } = message;
  for (const key in params) if (key !== 'name' && key !== 'arguments') return undefined;
  const { name, arguments: given = {} } = params;
  const tool = typeof name === 'string' && Object.hasOwn(tools, name) ? tools[name] : undefined;
  const input = tool?.inputSchema.safeParse(given);
  return tool && input?.success ? { id, tool, input: input.data } : undefined;
}

/** As the SDK has it (2025-11-25, tools: execution errors). */
async function answerOf(tool: PlainTool, input: unknown): Promise<CallToolResult> {
  try {
    return await tool.answer(input);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { content: [{ type: 'text', text }], isError: true };
  }
}

function remove(ids: RequestId[], id: RequestId | undefined): boolean {
  const index = id === undefined ? -1 : ids.indexOf(id);
  if (index !== -1) ids.splice(index, 1);
  return index !== -1;
}
