/** What is kept of the calls in flight: as a Map keeps it, however few or many they are. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RequestId } from '@modelcontextprotocol/sdk/types.js';
import fc from 'fast-check';
import { Calls } from '../../../apps/mcp/calls.ts';

test('calls come and go as in a Map, whatever their ids', () => {
  const ids = Array.from({ length: 60 }, (_, index) => (index % 2 ? index - 1 : `${index}`));
  const step = fc.record({ id: fc.constantFrom('', ...ids), isAdded: fc.boolean() });
  const law = fc.property(fc.array(step, { maxLength: 400, size: 'max' }), steps => {
    const calls = new Calls<object>();
    const model = new Map<RequestId, object>();
    for (const { id, isAdded } of steps) {
      if (isAdded && !model.has(id)) {
        const entry = {};
        calls.add(id, entry);
        model.set(id, entry);
      } else if (!isAdded) {
        assert.equal(calls.take(id), model.get(id));
        model.delete(id);
      }
      assert.equal(calls.get(id), model.get(id));
      assert.equal(calls.size, model.size);
      assert.deepEqual(new Set(calls.all()), new Set(model.values()));
    }
  });
  fc.assert(law, { seed: 20_261_126, numRuns: 50 });
});

test('none is left once they are cleared, few or many', () => {
  for (const count of [1, 100]) {
    const calls = new Calls<string>();
    for (let id = 0; id < count; id++) calls.add(id, 'call');
    calls.clear();
    assert.deepEqual(
      [calls.size, calls.get(0), calls.take(0), calls.all()],
      [0, undefined, undefined, []],
    );
    calls.add(0, 'another');
    assert.deepEqual([calls.size, calls.get(0)], [1, 'another']);
  }
});

test('50,000 in flight are found at once: none is looked for among the others', () => {
  const calls = new Calls<number>();
  const ids = Array.from({ length: 50_000 }, (_, index) => `some-client-s-call-${index}`);
  const begun = performance.now();
  for (const [index, id] of ids.entries()) calls.add(id, index);
  for (const [index, id] of ids.toReversed().entries())
    assert.equal(calls.take(id), ids.length - 1 - index);
  const ms = performance.now() - begun;
  assert.ok(ms < 1_500, `${ms} ms`); // some 50; one by one it is some 10,000
});
