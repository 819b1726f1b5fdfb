/** An MCP client as an agent uses it, which notes down what it asked and what it was told. */

import { setTimeout as wait } from 'node:timers/promises';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { atEnd } from './check.ts';

export interface Agent {
  /** Connected, or undefined where that failed. */
  client: Client | undefined;
  /** The path it was told to post to; undefined where no stream told it. */
  endpoint: string | undefined;
  /** `'GET /mcp/sse -> 200'`, in order. */
  log: string[];
  /** Why it is not connected. */
  failure: string;
}

const patienceMs = 5_000;

/** Never throws: that it can't connect is what many checks want to speak of. */
export async function connectAgent(
  url: string,
  headers: Record<string, string> = {},
): Promise<Agent> {
  const client = new Client({ name: 'agent', version: '1.0.0' });
  const agent: Agent = { client: undefined, endpoint: undefined, log: [], failure: '' };
  const noting: typeof fetch = async (input, init) => {
    const { pathname, search } = new URL(String(input));
    const method = init?.method ?? 'GET';
    if (method === 'POST') agent.endpoint ??= pathname + search.replace(/=.*/, '=…');
    const response = await fetch(input, init);
    agent.log.push(`${method} ${pathname} -> ${response.status}`);
    return response;
  };
  const options = { fetch: noting, requestInit: { headers } };
  const connected = client.connect(new SSEClientTransport(new URL(url), options));
  atEnd(() => client.close());
  try {
    const late = wait(patienceMs, 'late', { ref: false });
    if ((await Promise.race([connected, late])) === 'late') throw new Error('no answer came');
    agent.client = client;
  } catch (error) {
    agent.failure = error instanceof Error ? error.message : String(error);
  }
  return agent;
}
