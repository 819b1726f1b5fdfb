/**
 * The SDK's guards, hurried by apps/mcp/sdk-guards.ts, say of every message what zod says.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import {
  JSONRPCErrorResponseSchema,
  JSONRPCNotificationSchema,
  JSONRPCRequestSchema,
  JSONRPCResultResponseSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { hurrySdkGuards } from '../apps/mcp/sdk-guards.ts';

const schemas = {
  JSONRPCResultResponseSchema,
  JSONRPCErrorResponseSchema,
  JSONRPCRequestSchema,
  JSONRPCNotificationSchema,
};

const error = { code: -32603, message: 'failed' };

/** Every kind of message, whole and spoilt, and what is none. */
const values: unknown[] = [
  { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'get_items', arguments: {} } },
  { jsonrpc: '2.0', id: 'a', method: 'ping' },
  { jsonrpc: '2.0', id: null, method: 'ping' },
  { jsonrpc: '2.0', id: undefined, method: 'ping' },
  { jsonrpc: '2.0', method: 'notifications/initialized' },
  { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } },
  { jsonrpc: '2.0', id: 1, result: {} },
  { jsonrpc: '2.0', id: 1, result: { content: [] }, method: 'ping' },
  { jsonrpc: '2.0', id: 1, result: { content: [] }, method: undefined },
  { jsonrpc: '2.0', id: 1, error },
  { jsonrpc: '2.0', error },
  { jsonrpc: '2.0', id: 1, error, method: 'ping' },
  Object.assign(Object.create({ method: 'inherited' }), { jsonrpc: '2.0', id: 1, result: {} }),
  Object.assign(Object.create({ id: 1 }), { jsonrpc: '2.0', method: 'ping' }),
  { jsonrpc: '1.0', id: 1, method: 'ping' },
  {},
  [],
  null,
  undefined,
  'ping',
  1,
];

function verdicts() {
  return Object.entries(schemas).flatMap(([name, schema]) =>
    values.map(value => {
      const { success, data, error } = schema.safeParse(value);
      return { name, value, success, data, issues: error?.issues, message: error?.message };
    }),
  );
}

test('what the guards say stays what zod says, and why', () => {
  const before = verdicts();
  hurrySdkGuards();
  const hurried = JSONRPCRequestSchema.safeParse;
  assert.deepEqual(verdicts(), before);
  assert.ok(before.some(({ success }) => success) && before.some(({ success }) => !success));
  hurrySdkGuards();
  assert.equal(JSONRPCRequestSchema.safeParse, hurried, 'hurried once');
});
