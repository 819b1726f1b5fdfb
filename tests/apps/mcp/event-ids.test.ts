/** Ids of events: what is written into one is read from it, and nothing else is read. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RequestId } from '@modelcontextprotocol/sdk/types.js';
import { eventId, namesOf, parseEventId, without } from '../../../apps/mcp/event-ids.ts';

const rows: [why: string, owed: RequestId[], text: string][] = [
  ['nothing is owed', [], '5.2'],
  ['one call', [7], '5.2.7'],
  ['a number and its text are two', [7, '7'], '5.2.7,~7'],
  ['0', [0], '5.2.0'],
  ['no text', [''], '5.2.~'],
  ['below 0', [-1], '5.2.-1'],
  ['what parts names', ['a,b.c'], '5.2.~a%2Cb.c'],
  ['what ends a header', ['\r\n'], '5.2.~%5Cr%5Cn'],
  ['half a character', ['\ud800'], '5.2.~%5Cud800'],
  ['no ASCII', ['ü\u2028🍎'], '5.2.~%C3%BC%E2%80%A8%F0%9F%8D%8E'],
];

for (const [why, owed, text] of rows)
  test(`${text} says which calls are owed: ${why}`, () => {
    assert.equal(idOf(owed), text);
    assert.deepEqual(parseEventId(text), { stream: 5, seq: 2, owed });
  });

const none: [text: string, why: string][] = [
  ['', 'nothing'],
  ['5', 'one number'],
  ['-5.2', 'below 0'],
  ['5.2.', 'a name without letters'],
  ['5.2.7,', 'one more'],
  ['5.2.true', 'no id'],
  ['5.2.[7]', 'a list'],
  ['5.2.%', 'no encoding'],
  ['5.2.~%22', 'what ends a text within it'],
  ['5.2."7"', 'a text without its sign'],
  [`${'9'.repeat(16)}.2`, 'more than a number holds'],
  [`5.2.${'7,'.repeat(500)}7`, 'longer than is given'],
];

for (const [text, why] of none)
  test(`${text.slice(0, 20)} is no id of an event: ${why}`, () => {
    assert.equal(parseEventId(text), undefined);
  });

test('an id is no longer than a header takes, and names the calls that fit', () => {
  const long = 'x'.repeat(990);
  const many = Array.from({ length: 100 }, (_, id) => (id + 1) * 1e10);
  const rows: [why: string, owed: RequestId[], named: RequestId[]][] = [
    ['one that just fits', [long], [long]],
    ['what follows it does not', [long, 1e10], [long]],
    ['nor does it behind another', [1e10, long, 2], [1e10]],
    ['one too long is left out', ['y'.repeat(1_001), 'ü'.repeat(200), 3], [3]],
    ['of many the first', many, many.slice(0, 77)],
  ];
  for (const [why, owed, named] of rows) {
    const text = idOf(owed);
    assert.ok(text.length <= 1_005, `${why}: ${text.length}`);
    assert.deepEqual(parseEventId(text)?.owed, named, why);
  }
});

function idOf(owed: RequestId[]): string {
  return eventId(5, 2, namesOf(owed));
}

test('what is answered is not owed any more, in whatever order', () => {
  const calls: RequestId[] = [7, 77, '7', 'a,b', '', 0, 'x'.repeat(2_000)];
  for (const order of [calls, calls.toReversed(), [77, '', 7, 0, 'x'.repeat(2_000), '7', 'a,b']]) {
    let owed = namesOf(calls);
    const left = new Set(calls.filter(id => String(id).length < 2_000));
    for (const id of order) {
      owed = without(owed, id);
      left.delete(id);
      assert.deepEqual(parseEventId(eventId(5, 2, owed))?.owed, [...left]);
    }
    assert.equal(owed, '');
  }
});
