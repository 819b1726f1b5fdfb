/**
 * Clients of the SDK that add, remove and read through the proxy, and keep account of what they were
 * told. Cut off, each comes back as its transport has it: over SSE the SDK does by itself, over
 * Streamable HTTP whoever is told 404 begins anew.
 */
import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import {
  StreamableHTTPClientTransport,
  StreamableHTTPError,
} from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { CallToolResultSchema, ErrorCode, McpError } from '@modelcontextprotocol/sdk/types.js';
import { type Item, itemSchema } from '../../store.ts';

/** What all agents together were told of the list, by item. */
export class Account {
  /** Acknowledged, by name; each name is given once. */
  readonly added = new Map<string, Item>();
  readonly removed = new Set<number>();
  /** Nobody said whether these were done. */
  readonly maybeAdded = new Set<string>();
  readonly maybeRemoved = new Set<number>();
  calls = 0;

  /** @param rows what is in the database */
  check(rows: Item[]): void {
    const byName = new Map<string, Item[]>();
    for (const row of rows) byName.set(row.name, [...(byName.get(row.name) ?? []), row]);
    for (const [name, item] of this.added) {
      const found = byName.get(name) ?? [];
      if (this.removed.has(item.id)) assert.deepEqual(found, [], 'removed');
      else if (this.maybeRemoved.has(item.id)) assert.ok(found.length <= 1);
      else assert.deepEqual(found, [item], 'acknowledged, so it is there once, as it was told');
    }
    for (const [name, found] of byName) {
      assert.equal(found.length, 1, `${name} is there once`);
      const isKnown = this.added.has(name) || this.maybeAdded.has(name);
      assert.ok(isKnown || !isOurs(name), `${name} was refused, and is there`);
    }
  }
}

function isOurs(name: string): boolean {
  return /^\d+-\d+$/.test(name);
}

export type Kind = 'sse' | 'streamable';

/** A call that failed, with what the client was told. */
export interface Failure {
  message: string;
  /** Its POST was accepted, and no answer came. */
  unanswered: boolean;
}

export class Agent {
  readonly kind: Kind;
  readonly failures: Failure[] = [];
  /** The node its last accepted call went to. */
  node = '';
  /** How long it waits for an answer, in ms. */
  patienceMs = 0;
  /** performance.now() of the last call that went well. */
  lastWellMs = 0;
  private readonly number: number;
  private readonly origin: string;
  private readonly account: Account;
  private client: Client | undefined;
  private mine: Item[] = [];
  private made = 0;
  private stopped = false;
  private accepted = false;

  constructor(number: number, origin: string, account: Account) {
    this.number = number;
    this.kind = number % 2 === 0 ? 'sse' : 'streamable';
    this.origin = origin;
    this.account = account;
  }

  /** Calls until it is stopped, with a pause between that lets others in. May be run again. */
  async run(): Promise<void> {
    this.stopped = false;
    while (!this.stopped) {
      await this.step().catch(error => this.fail(error));
      await wait(pauseMs * (0.5 + Math.random()));
    }
  }

  /** Its call in flight is still waited for. */
  stop(): void {
    this.stopped = true;
  }

  async close(): Promise<void> {
    await this.client?.close();
    this.client = undefined;
  }

  private async step(): Promise<void> {
    this.accepted = false;
    this.client ??= await this.connect();
    const dice = Math.random();
    if (dice < 0.4 || this.mine.length === 0) await this.add();
    else if (dice < 0.7) await this.remove();
    else await this.read();
    this.lastWellMs = performance.now();
    this.account.calls++;
  }

  private async connect(): Promise<Client> {
    const client = new Client({ name: `agent ${this.number}`, version: '1.0.0' });
    const options = { fetch: this.fetch };
    const transport =
      this.kind === 'sse'
        ? new SSEClientTransport(new URL(`${this.origin}/mcp/sse`), options)
        : new StreamableHTTPClientTransport(new URL(`${this.origin}/mcp`), options);
    client.onerror = () => {}; // each call tells of its own
    // It is one; only its sessionId is typed apart under exactOptionalPropertyTypes.
    await client.connect(transport as Transport, { timeout: this.patienceMs });
    return client;
  }

  private async add(): Promise<void> {
    const name = `${this.number}-${++this.made}`;
    this.account.maybeAdded.add(name);
    const asked = { name, quantity: this.number + 1 };
    const undone = () => this.account.maybeAdded.delete(name);
    const item = itemSchema.parse(await this.call('add_item', asked, undone));
    assert.deepEqual(item, { id: item.id, ...asked, purchased: false }, 'its own answer');
    this.account.maybeAdded.delete(name);
    this.account.added.set(name, item);
    this.mine.push(item);
  }

  private async remove(): Promise<void> {
    const [item] = this.mine;
    assert.ok(item);
    const { id } = item;
    this.account.maybeRemoved.add(id);
    this.mine.shift();
    const undone = () => {
      this.account.maybeRemoved.delete(id);
      this.mine.push(item);
    };
    assert.deepEqual(await this.call('remove_item', { id }, undone), { id }, 'its own answer');
    this.account.maybeRemoved.delete(id);
    this.account.removed.add(id);
  }

  private async read(): Promise<void> {
    const { items } = (await this.call('get_items', {}, () => {})) as { items: Item[] }; // its schema
    const found = new Map(items.map(item => [item.id, item]));
    for (const item of this.mine) assert.deepEqual(found.get(item.id), item, 'what it has added');
  }

  /** @param undone called when the answer says that nothing was done */
  private async call(name: string, args: object, undone: () => void): Promise<unknown> {
    const asked = { name, arguments: { ...args } };
    const patience = { timeout: this.patienceMs };
    const answer = await this.client?.callTool(asked, CallToolResultSchema, patience);
    const { isError, structuredContent, content } = CallToolResultSchema.parse(answer);
    if (!isError) return structuredContent;
    const [first] = content;
    const words = first?.type === 'text' ? first.text : '';
    if (/^(Nothing was written|The list can’t be read): /.test(words)) undone();
    this.accepted = false; // it was answered: with this
    throw new Error(words);
  }

  private async fail(error: unknown): Promise<void> {
    if (error instanceof assert.AssertionError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    this.failures.push({ message, unanswered: this.accepted && !isAnswer(error) });
    if (error instanceof StreamableHTTPError && error.code === 404) await this.close(); // and begins anew
  }

  /** Notes which node a call went to, and whether it was accepted there. */
  private readonly fetch = async (
    input: string | URL,
    init: RequestInit = {},
  ): Promise<Response> => {
    const response = await fetch(input, init);
    const isCall = init.method === 'POST' && String(init.body).includes('"tools/call"');
    if (isCall && response.ok) {
      this.accepted = true;
      const id = new Headers(init.headers).get('mcp-session-id') ?? '';
      this.node = new URL(input).searchParams.get('node') ?? id.split('.', 1)[0] ?? '';
    }
    return response;
  };
}

/** Of the server's; the two that a client makes for itself are none. */
function isAnswer(error: unknown): boolean {
  if (!(error instanceof McpError)) return false;
  return error.code !== ErrorCode.RequestTimeout && error.code !== ErrorCode.ConnectionClosed;
}

const pauseMs = 150; // between two calls of one: sixty make some 300 a second
