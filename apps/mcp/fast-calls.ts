/**
 * Tool calls past the SDK's Protocol, for tools that need nothing of it:
 *
 *     mcpApp(() => fastCalls(shoppingServer(store), tools))
 *
 * To each call the SDK gives an AbortController, a function for each thing a tool may ask of the
 * client and six promises, and five schemas parse it and its answer: a third of what a call takes
 * over SSE, nearly half over Streamable HTTP. A tool that looks at its input alone needs one of those
 * schemas. All that is out of the ordinary goes the SDK's way: a tool that is not in `tools`,
 * arguments that do not fit, `_meta`, a task, and a call that comes in one turn with what goes that
 * way.
 *
 * Of mcp-mount, MIT.
 */
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { CallToolResult, JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { z } from 'zod';
import { cancelledId, type McpServerLike } from './sessions.ts';

/**
 * A tool as `registerTool(name, config, answer)` takes it, without an output schema. What the SDK's
 * server would hold against a call (`disable()`, `maxToolInputElements`) is not asked.
 */
export interface PlainTool {
  config: { inputSchema: z.ZodType };
  /**
   * Its answer is sent unchecked. What it throws is an answer for the model to read, so it does not
   * ask for a URL to be opened. It is not told of a cancellation; what it answers then is dropped.
   */
  answer(input: unknown): Promise<CallToolResult>;
}

/**
 * Answers calls of simple tools without the SDK's bookkeeping; all else goes to `server`.
 *
 * @returns `server` with a shorter way to `tools`, for any Transport
 */
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
  const inFlight = new Map<RequestId, PlainCall>();
  let isSdksTurn = false;

  transport.onmessage = (message, extra) => {
    const call = isSdksTurn ? undefined : plainCall(message, tools);
    if (call && !inFlight.get(call.id)) return void answer(call).catch(tellLost);
    // The SDK begins after some promises. What comes behind it in a batch must not get ahead.
    isSdksTurn = true;
    process.nextTick(() => {
      isSdksTurn = false;
    });
    const cancelled = cancelledId(message);
    if (cancelled !== undefined) inFlight.delete(cancelled);
    onmessage?.(message, extra);
  };
  transport.onclose = () => {
    inFlight.clear();
    onclose?.();
  };

  async function answer(call: PlainCall): Promise<void> {
    inFlight.set(call.id, call);
    let result: CallToolResult;
    try {
      result = checked(await call.tool.answer(call.input));
    } catch (error) {
      result = await failure(error); // a turn later, as an answer is: its batch may cancel it
    }
    if (inFlight.get(call.id) !== call) return; // cancelled, or the session has ended
    inFlight.delete(call.id);
    await transport.send({ jsonrpc: '2.0', id: call.id, result });
  }

  function tellLost(error: unknown): void {
    transport.onerror?.(new Error(`An answer was not sent: ${textOf(error)}`));
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
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return undefined;
  const input = tool && parsed(tool.config.inputSchema, given);
  return tool && input?.success ? { id, tool, input: input.data } : undefined;
}

/** undefined for a schema that throws, as one does that needs to wait. */
function parsed(schema: z.ZodType, value: unknown): z.ZodSafeParseResult<unknown> | undefined {
  try {
    return schema.safeParse(value);
  } catch {
    return undefined;
  }
}

// JavaScript has no compiler: an answer without a result would leave its caller waiting.
function checked(result: CallToolResult): CallToolResult {
  if (typeof result !== 'object' || result === null) throw new Error('The tool answered nothing.');
  return result;
}

/** What a tool throws is a result, too, as the SDK has it (2025-11-25, tools: execution errors). */
function failure(error: unknown): CallToolResult {
  return { content: [{ type: 'text', text: textOf(error) }], isError: true };
}

function textOf(error: unknown): string {
  try {
    return error instanceof Error ? error.message : String(error);
  } catch {
    return 'an error without words';
  }
}
