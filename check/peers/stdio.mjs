/** A server with one tool, for those that put a stdio server on HTTP. */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';

const server = new McpServer({ name: 'hello', version: '1.0.0' });
const content = [{ type: 'text', text: 'Hello' }];
server.registerTool('hello', {}, async () => ({ content }));
await server.connect(new StdioServerTransport());
