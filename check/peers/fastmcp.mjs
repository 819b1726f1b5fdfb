/** The same server with fastmcp. */
import { FastMCP } from 'fastmcp';

const server = new FastMCP({ name: 'hello', version: '1.0.0' });
server.addTool({ name: 'hello', description: 'Says hello.', execute: async () => 'Hello' });
await server.start({
  transportType: 'httpStream',
  httpStream: { port: Number(process.env.PORT) },
});
