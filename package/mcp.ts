/** `mcp-mount/mcp`: any MCP server as an App, over SSE and Streamable HTTP. @module */
export { type McpApp, type McpOptions, mcpApp } from '../apps/mcp/app.ts';
export {
  closed,
  opened,
  type ReceivedEvent,
  received,
  type SentEvent,
  type SessionEvent,
  type StreamEvent,
  sent,
  streaming,
  type TransportKind,
} from '../apps/mcp/channels.ts';
export { fastCalls, type PlainTool } from '../apps/mcp/fast-calls.ts';
export type { CreateServer, McpRequest, McpServerLike } from '../apps/mcp/sessions.ts';
