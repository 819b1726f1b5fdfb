/** Express and the SDK's own transports, after the SDK's examples. */
import { randomUUID } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import express, { type Express } from 'express';
import { memoryStore, type Store } from '../../store.ts';
import { bare, host } from './host.ts';
import { plainServer } from './tools.ts';

function listener(enableJsonResponse: boolean): RequestListener {
  const store = memoryStore();
  const app = express();
  app.use(express.json());
  app.get('/items/', async (_req, res) => void res.json(await store.list()));
  addSse(app, store);
  addStreamable(app, store, enableJsonResponse);
  return app;
}

function addSse(app: Express, store: Store): void {
  const transports = new Map<string, SSEServerTransport>();
  app.get('/mcp/sse', async (_req, res) => {
    const transport = new SSEServerTransport('/mcp/messages', res);
    transports.set(transport.sessionId, transport);
    res.on('close', () => transports.delete(transport.sessionId));
    await plainServer(store).connect(transport);
  });
  app.post('/mcp/messages', async (req, res) => {
    const transport = transports.get(String(req.query['sessionId']));
    if (!transport) return void res.status(404).send('No such session');
    await transport.handlePostMessage(req, res, req.body);
  });
}

function addStreamable(app: Express, store: Store, enableJsonResponse: boolean): void {
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
  app.all('/mcp', async (req, res) => {
    const id = req.get('mcp-session-id');
    const transport = id === undefined ? await open() : transports.get(id);
    if (!transport) return void res.status(404).send('No such session');
    await transport.handleRequest(req, res, req.body);
  });
}

await host({ stream: () => bare(listener(false)), json: () => bare(listener(true)) });
