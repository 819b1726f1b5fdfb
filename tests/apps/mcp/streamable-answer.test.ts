/**
 * What a POST is answered with over Streamable HTTP, as one HTTP response. A client that misses
 * an answer on it comes back for it with Last-Event-ID, and so hides a response that was cut.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mcpApp } from '../../../apps/mcp/app.ts';
import { createRouter } from '../../../router.ts';
import { memoryStore } from '../../../store.ts';
import { shoppingServer } from '../../../tools.ts';
import { serve } from '../../support.ts';

const cases: [version: string, events: number, reason: string][] = [
  ['2025-11-25', 2, 'an event without data goes before the answer, in the same turn'],
  ['2025-06-18', 1, 'the answer comes alone'],
];

for (const [version, events, reason] of cases) {
  test(`an answer is whole on the stream of its own POST, at ${version}: ${reason}`, async t => {
    const store = memoryStore();
    const app = mcpApp(() => shoppingServer(store));
    t.after(() => app.close());
    const origin = await serve(t, createRouter().mount('/mcp', app));
    const response = await fetch(`${origin}/mcp`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'text/event-stream' },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'initialize',
        params: {
          protocolVersion: version,
          capabilities: {},
          clientInfo: { name: 'test', version: '0' },
        },
      }),
    });
    const frames = (await response.text()).split('\n\n').slice(0, -1);
    assert.equal(frames.length, events);
    assert.match(frames.at(-1) ?? '', /"protocolVersion":/);
  });
}
