/**
 * mcp-remote, which desktop clients without HTTP start as a program of their own: they speak
 * stdio with it, it speaks HTTP with the server. Their settings name the same command:
 *
 *     { "mcpServers": { "list": { "command": "npx", "args": ["mcp-remote", "http://localhost:3000/mcp"] } } }
 *
 * Here the SDK's stdio client stands for the desktop client:
 *
 *     npm ci --prefix examples/clients
 *     tsx examples/clients/mcp-remote.ts [http://localhost:3000/mcp]
 */
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';

const url = process.argv[2] ?? 'http://localhost:3000/mcp';
const client = new Client({ name: 'mcp-remote-example', version: '1.0.0' });
const here = fileURLToPath(new URL('.', import.meta.url)); // where npx finds it installed
await client.connect(
  new StdioClientTransport({ command: 'npx', args: ['mcp-remote', url], cwd: here }),
);

const { tools } = await client.listTools();
console.log(tools.map(tool => tool.name).join(', '));
const added = await client.callTool({ name: 'add_item', arguments: { name: 'Tofu' } });
console.log(added.structuredContent);

await client.close();
