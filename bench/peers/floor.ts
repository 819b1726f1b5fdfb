/**
 * The floor: the same answers by hand on bare node:http, without the SDK and with no check that
 * the benchmark does not need. Nothing that speaks the protocol in full can be cheaper.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { z } from 'zod';
import { itemChangeSchema, itemSchema, memoryStore, newItemSchema } from '../../store.ts';
import { bare, host } from './host.ts';

/** What a client posts, as far as it is looked at. */
interface Call {
  id?: number;
  method: string;
}

function listener(json: boolean): RequestListener {
  const store = memoryStore();
  const streams = new Map<string, ServerResponse>();
  const sessions = new Set<string>();

  async function answer({ id, method }: Call): Promise<string> {
    if (method === 'initialize') return reply(id, initialized);
    if (method === 'tools/list') return reply(id, { tools });
    const structuredContent = { items: await store.list() };
    const text = `${structuredContent.items.length} items on the list\n${JSON.stringify(structuredContent)}`;
    return reply(id, { content: [{ type: 'text', text }], structuredContent });
  }

  function openSse(res: ServerResponse): void {
    const id = randomUUID();
    streams.set(id, res);
    res.on('close', () => streams.delete(id));
    res.writeHead(200, streamHeaders);
    res.write(`event: endpoint\ndata: /mcp/messages?sessionId=${id}\n\n`);
  }

  async function postToSse(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const stream = streams.get((req.url ?? '').slice('/mcp/messages?sessionId='.length));
    if (!stream) return send(res, 404, '{}');
    const call = await read(req);
    res.writeHead(202, { 'Content-Length': 0 }).end();
    if (call.id !== undefined) stream.write(`event: message\ndata: ${await answer(call)}\n\n`);
  }

  async function streamable(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const call = await read(req);
    const known = req.headers['mcp-session-id'] as string | undefined; // this header is single
    if (known === undefined ? call.method !== 'initialize' : !sessions.has(known))
      return send(res, 404, '{}');
    if (call.id === undefined) return void res.writeHead(202, { 'Content-Length': 0 }).end();
    const id = known ?? randomUUID();
    sessions.add(id);
    const body = await answer(call);
    if (json) return send(res, 200, body, id);
    res.writeHead(200, { 'Mcp-Session-Id': id, ...streamHeaders });
    res.end(`event: message\ndata: ${body}\n\n`);
  }

  return async (req, res) => {
    const { method, url = '' } = req;
    if (url === '/items/') return send(res, 200, JSON.stringify(await store.list()));
    if (url === '/mcp/sse') return openSse(res);
    if (url.startsWith('/mcp/messages?')) return postToSse(req, res);
    if (url === '/mcp' && method === 'POST') return streamable(req, res);
    if (url === '/mcp' && method === 'DELETE') {
      sessions.delete(String(req.headers['mcp-session-id']));
      return void res.writeHead(204).end();
    }
    send(res, 404, '{"error":"Not found"}');
  };
}

const streamHeaders = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' };

const initialized = {
  protocolVersion: '2025-11-25',
  capabilities: { tools: {} },
  serverInfo: { name: 'shopping-list', version: '0.1.0' },
};

const tools = [
  tool('get_items', z.strictObject({}), z.object({ items: z.array(itemSchema) })),
  tool('add_item', newItemSchema, itemSchema),
  tool('update_item', itemChangeSchema.extend({ id: itemSchema.shape.id }), itemSchema),
  tool('remove_item', itemSchema.pick({ id: true }), itemSchema.pick({ id: true })),
];

function tool(name: string, input: z.ZodType, output: z.ZodType): object {
  const description = 'As long as the words by which the other peers describe their tools.';
  return {
    name,
    title: name,
    description,
    inputSchema: z.toJSONSchema(input, { io: 'input' }),
    outputSchema: z.toJSONSchema(output),
    annotations: { destructiveHint: true, idempotentHint: true, openWorldHint: false },
  };
}

function reply(id: number | undefined, result: object): string {
  return JSON.stringify({ result, jsonrpc: '2.0', id });
}

function read(req: IncomingMessage): Promise<Call> {
  return new Promise(resolve => {
    let text = '';
    req.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    req.on('end', () => resolve(JSON.parse(text)));
  });
}

function send(res: ServerResponse, status: number, body: string, session?: string): void {
  res
    .writeHead(status, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
      ...(session !== undefined && { 'Mcp-Session-Id': session }),
    })
    .end(body);
}

await host({ stream: () => bare(listener(false)), json: () => bare(listener(true)) });
