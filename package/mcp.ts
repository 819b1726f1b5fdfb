/** `mcp-mount/mcp`: any MCP server as an App, over SSE and Streamable HTTP. */
export { type McpApp, type McpOptions, mcpApp } from '../apps/mcp/app.ts';
export * from '../apps/mcp/channels.ts';
export { fastCalls } from '../apps/mcp/fast-calls.ts';
