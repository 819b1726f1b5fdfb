/** What a session keeps of its events for Last-Event-ID: a tail of them, whole and in order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RequestId } from '@modelcontextprotocol/sdk/types.js';
import fc from 'fast-check';
import { answeredIn, EventLog, type LoggedEvent } from '../../../apps/mcp/event-log.ts';
import { frameOf } from '../../../apps/mcp/stream.ts';

const maxBytes = 256 * 1024;

/** Says events of three streams, in turns, as EventStream writes them. */
function writer(log: EventLog) {
  const seqs = [0, 0, 0];
  const sent: LoggedEvent[] = [];

  function write(size: number): LoggedEvent[] {
    const stream = sent.length % seqs.length;
    const seq = (seqs[stream] ?? 0) + 1;
    seqs[stream] = seq;
    const frame = frameOf({ jsonrpc: '2.0', method: 'x', params: text(size) }, `${stream}.${seq}`);
    log.append(frame, false);
    sent.push({ stream, seq, frame });
    return sent;
  }
  return write;
}

// Two bytes each in UTF-8, and what looks like a frame's end and an id of another event.
const text = (size: number) => ({ 'id: 9.9\n\n\u2028id: 8.8': 'ü'.repeat(size / 2) });

function keptOf(log: EventLog) {
  return [0, 1, 2].flatMap(stream => log.of(stream));
}

function bytesOf(events: { frame: string }[]): number {
  return events.reduce((sum, { frame }) => sum + Buffer.byteLength(frame), 0);
}

test('of many events the last 50 to 100 are kept, as they were sent', () => {
  const log = new EventLog();
  const write = writer(log);
  for (let count = 1; count <= 500; count++) {
    const sent = write(20);
    const kept = keptOf(log);
    assert.ok(
      kept.length >= Math.min(count, 50) && kept.length <= 100,
      `${kept.length} of ${count}`,
    );
    assertTail(kept, sent);
  }
});

test('of large ones an eighth of a megabyte is kept at least', () => {
  for (const size of [4_000, 6_000, 13_000, 60_000]) {
    const log = new EventLog();
    const write = writer(log);
    for (let count = 1; count <= 80; count++) {
      const sent = write(size);
      const kept = keptOf(log);
      const least = Math.min(bytesOf(sent), maxBytes / 2 - size - 200); // 200: what is around it
      assert.ok(bytesOf(kept) >= least && bytesOf(kept) <= maxBytes, `${size}: ${kept.length}`);
      assertTail(kept, sent);
    }
  }
});

test('of any sizes a tail is kept, the last one always', () => {
  const size = fc.oneof(fc.constantFrom(10, 2_000, 60_000, 130_000), fc.nat(200_000));
  const law = fc.property(fc.array(size, { maxLength: 40, size: 'max' }), sizes => {
    const log = new EventLog();
    const write = writer(log);
    for (const size of sizes) {
      const sent = write(size);
      const kept = keptOf(log);
      assert.ok(kept.length > 0 && kept.length <= 100 && bytesOf(kept) <= maxBytes);
      assertTail(kept, sent);
    }
  });
  fc.assert(law, { seed: 20_261_125, numRuns: 15 });
});

test('one that is too long for the log is not kept, and displaces nothing', () => {
  const log = new EventLog();
  const write = writer(log);
  write(20);
  const sent = write(20);
  const tooLong = frameOf({ jsonrpc: '2.0', method: 'x', params: text(maxBytes) }, '0.9');
  assert.equal(log.append(tooLong, false), false);
  assert.equal(keptOf(log).length, sent.length);
  assertTail(keptOf(log), sent);
});

test('answers are pushed out by answers, and other events by others', () => {
  for (const isAnswer of [true, false]) {
    const log = new EventLog();
    log.append(answer(1), isAnswer);
    for (let seq = 2; seq < 500; seq++) log.append(answer(seq), !isAnswer);
    const [first, next = 0] = log.of(0).map(({ seq }) => seq);
    assert.equal(first, 1);
    assert.ok(next >= 400, `${next}`);
  }
});

test('the events of a stream come in the order in which they were sent', () => {
  const log = new EventLog();
  for (let seq = 1; seq <= 60; seq++) log.append(answer(seq), seq % 3 === 0);
  assert.deepEqual(
    log.of(0).map(({ seq }) => seq),
    Array.from({ length: 60 }, (_, index) => index + 1),
  );
});

test('an answer in the log names its call, whatever it says', () => {
  const ids: RequestId[] = [0, '', 'a\n\ndata: {"id":9}', '\u2028'];
  for (const id of ids) {
    const result = text(20);
    const frame = frameOf({ jsonrpc: '2.0', id, result }, '0.1');
    assert.equal(answeredIn({ stream: 0, seq: 1, frame }), id);
  }
  const asking = frameOf({ jsonrpc: '2.0', id: 7, method: 'roots/list' }, '0.1');
  assert.equal(answeredIn({ stream: 0, seq: 1, frame: asking }), undefined, 'a call of the server');
});

function answer(seq: number): string {
  return frameOf({ jsonrpc: '2.0', id: seq, result: {} }, `0.${seq}`);
}

function assertTail(kept: LoggedEvent[], sent: LoggedEvent[]): void {
  const tail = sent.slice(sent.length - kept.length);
  const byStream = [0, 1, 2].flatMap(stream => tail.filter(event => event.stream === stream));
  assert.deepEqual(kept, byStream);
}
