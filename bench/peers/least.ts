/**
 * The SDK's protocol behind the least HTTP that carries a Streamable call: no check, no limit,
 * no stream that could be resumed. About what a transport can come to while the SDK keeps the
 * protocol.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';
import { memoryStore } from '../../store.ts';
import { shoppingServer } from '../../tools.ts';
import { bare, host } from './host.ts';

class LeastTransport implements Transport {
  readonly sessionId = randomUUID();
  onmessage?: NonNullable<Transport['onmessage']>;
  private readonly waiting = new Map<RequestId, ServerResponse>();
  private readonly isJson: boolean;

  constructor(isJson: boolean) {
    this.isJson = isJson;
  }

  async start(): Promise<void> {}
  async close(): Promise<void> {}

  receive(message: JSONRPCMessage, req: IncomingMessage, res: ServerResponse): void {
    const isCall = 'method' in message && 'id' in message;
    if (isCall) this.waiting.set(message.id, res);
    else res.writeHead(202).end();
    this.onmessage?.(message, { requestInfo: { headers: req.headers } });
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if ('method' in message || message.id === undefined) return;
    const res = this.waiting.get(message.id);
    this.waiting.delete(message.id);
    const json = JSON.stringify(message);
    const body = this.isJson ? json : `event: message\ndata: ${json}\n\n`;
    res
      ?.writeHead(200, {
        'Content-Type': this.isJson ? 'application/json' : 'text/event-stream',
        'Content-Length': Buffer.byteLength(body),
        'Mcp-Session-Id': this.sessionId,
      })
      .end(body);
  }
}

function listener(isJson: boolean): RequestListener {
  const store = memoryStore();
  const sessions = new Map<string, LeastTransport>();

  async function open(): Promise<LeastTransport> {
    const transport = new LeastTransport(isJson);
    sessions.set(transport.sessionId, transport);
    await shoppingServer(store).connect(transport);
    return transport;
  }

  return async (req, res) => {
    if (req.method === 'DELETE') return void res.writeHead(204).end();
    const message = await read(req);
    const id = req.headers['mcp-session-id'];
    const transport = typeof id === 'string' ? sessions.get(id) : await open();
    transport?.receive(message, req, res);
  };
}

function read(req: IncomingMessage): Promise<JSONRPCMessage> {
  return new Promise(done => {
    const chunks: Buffer[] = [];
    req.on('data', chunk => chunks.push(chunk));
    req.on('end', () => done(JSON.parse(Buffer.concat(chunks).toString())));
  });
}

await host({ stream: () => bare(listener(false)), json: () => bare(listener(true)) });
