/** The order in which a lock is waited for, and what becomes of those who wait in vain. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inTurn } from '../../store/turns.ts';

const lock = new Error('locked');
const isLock = (error: unknown) => error === lock;

test('an attempt that fails is told to its caller alone, and the next one is made', async () => {
  const turns = inTurn({ isLock, waitMs: 1_000 });
  const fault = new Error('no lock');
  const failing = turns.take(() => {
    throw fault;
  });
  await assert.rejects(failing, fault);
  assert.equal(await turns.take(() => 'next'), 'next');
});

test('nobody overtakes who waits for a lock, not even one who comes when it is gone', async () => {
  const turns = inTurn({ isLock, waitMs: 1_000 });
  const done: string[] = [];
  let locked = true;
  const first = turns.take(() => {
    if (locked) throw lock;
    done.push('first');
  });
  locked = false;
  await Promise.all([first, turns.take(() => done.push('second'))]);
  assert.deepEqual(done, ['first', 'second']);
});

test('what has waited too long is rejected with the lock, and never attempted again', async () => {
  const turns = inTurn({ isLock, waitMs: 20 });
  const done: string[] = [];
  let locked = true;
  const attempts = ['first', 'second'].map(name =>
    turns.take(() => {
      if (locked) throw lock;
      done.push(name);
    }),
  );
  await Promise.all(attempts.map(attempt => assert.rejects(attempt, lock)));
  locked = false;
  await turns.take(() => done.push('later'));
  assert.deepEqual(done, ['later']);
});

test('a thousand may wait, and the next is refused at once', async () => {
  const turns = inTurn({ isLock, waitMs: 60_000 });
  const refuse = () => {
    throw lock;
  };
  const waiting = Array.from({ length: 1_000 }, () => turns.take(refuse));
  await assert.rejects(turns.take(refuse), lock);
  turns.end(new Error('over'));
  for (const { status } of await Promise.allSettled(waiting)) assert.equal(status, 'rejected');
});
