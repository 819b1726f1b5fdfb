/**
 * Bare node:http and the SDK's own transports, written the shortest way that works: ratio 1.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { memoryStore, type Store } from '../../store.ts';
import { bare, host } from './host.ts';
import { plainServer } from './tools.ts';

function listener(enableJsonResponse: boolean): RequestListener {
  const store = memoryStore();
  const sse = sseDoor(store);
  const streamable = streamableDoor(store, enableJsonResponse);
  return async (req, res) => {
    // as Node's documentation of message.url has it, and most servers do
    const { pathname, searchParams } = new URL(req.url ?? '/', `http://${req.headers.host}`);
    if (req.method === 'GET' && pathname === '/items/') return send(res, 200, await store.list());
    if (req.method === 'GET' && pathname === '/mcp/sse') return sse.open(res);
    if (req.method === 'POST' && pathname === '/mcp/messages')
      return sse.post(req, res, searchParams.get('sessionId'));
    if (pathname === '/mcp') return streamable(req, res);
    send(res, 404, { error: 'Not found' });
  };
}

function sseDoor(store: Store) {
  const transports = new Map<string, SSEServerTransport>();
  return {
    async open(res: ServerResponse): Promise<void> {
      const transport = new SSEServerTransport('/mcp/messages', res);
      transports.set(transport.sessionId, transport);
      res.on('close', () => transports.delete(transport.sessionId));
      await plainServer(store).connect(transport);
    },
    async post(req: IncomingMessage, res: ServerResponse, id: string | null): Promise<void> {
      const transport = transports.get(id ?? '');
      if (!transport) return send(res, 404, { error: 'No such session' });
      await transport.handlePostMessage(req, res);
    },
  };
}

function streamableDoor(store: Store, enableJsonResponse: boolean) {
  const transports = new Map<string, StreamableHTTPServerTransport>();
  async function open(): Promise<StreamableHTTPServerTransport> {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      enableJsonResponse,
      onsessioninitialized: id => void transports.set(id, transport),
      onsessionclosed: id => void transports.delete(id),
    });
    // its optional members do not fit exactOptionalPropertyTypes
    await plainServer(store).connect(transport as never);
    return transport;
  }
  return async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const id = req.headers['mcp-session-id'];
    const transport = typeof id === 'string' ? transports.get(id) : await open();
    if (!transport) return send(res, 404, { error: 'No such session' });
    await transport.handleRequest(req, res);
  };
}

function send(res: ServerResponse, status: number, value: unknown): void {
  const body = JSON.stringify(value);
  res
    .writeHead(status, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
    })
    .end(body);
}

await host({ stream: () => bare(listener(false)), json: () => bare(listener(true)) });
