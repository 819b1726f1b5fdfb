/** What waits for its readers: who goes when it is too much. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Backlog, type Waiting } from '../../../apps/mcp/backlog.ts';

/** Two sessions of an app: 100 bytes for each, 150 for both. */
function sessions() {
  const app = new Backlog(150);
  const dropped: string[] = [];
  function wait(session: Backlog, name: string, bytes: number): Waiting {
    const drop = () => {
      dropped.push(name);
      session.remove(who);
    };
    const who: Waiting = { bytes: 0, since: performance.now(), drop };
    session.add(who, bytes);
    return who;
  }
  return { app, one: new Backlog(100, app), other: new Backlog(100, app), dropped, wait };
}

test('nobody goes while what waits is within the bounds', () => {
  const { app, one, other, dropped, wait } = sessions();
  wait(one, 'a', 100);
  wait(other, 'b', 50);
  one.makeRoom();
  other.makeRoom();
  assert.deepEqual([dropped, app.bytes], [[], 150]);
});

test('in a session the one furthest behind goes, and no more than have to', () => {
  const { app, one, other, dropped, wait } = sessions();
  wait(one, 'small', 10);
  wait(one, 'large', 70);
  wait(one, 'middle', 30);
  wait(other, 'of another session', 30);
  other.makeRoom();
  assert.deepEqual(dropped, [], 'its own session is within bounds');
  one.makeRoom();
  assert.deepEqual([dropped, one.bytes, app.bytes], [['large'], 40, 70]);
});

test('of the whole app the one furthest behind goes, whoever is written to', () => {
  const { app, one, other, dropped, wait } = sessions();
  wait(one, 'a', 60);
  wait(one, 'b', 20);
  wait(other, 'c', 90);
  one.makeRoom();
  assert.deepEqual([dropped, one.bytes, other.bytes, app.bytes], [['c'], 80, 0, 80]);
});

test('one that is stuck is further behind than a larger one that gets on', t => {
  const { one, dropped, wait } = sessions();
  const now = clock(t);
  wait(one, 'stuck', 40);
  now(10_000);
  wait(one, 'on its way', 70);
  now(10_050);
  one.makeRoom();
  assert.deepEqual(dropped, ['stuck']);
});

/** performance.now() as the test says. */
function clock(t: TestContext): (ms: number) => void {
  let time = 0;
  t.mock.method(performance, 'now', () => time);
  return ms => {
    time = ms;
  };
}

test('what has been taken does not count any more', () => {
  const { app, one, dropped, wait } = sessions();
  const who = wait(one, 'a', 150);
  one.add(who, -100);
  one.makeRoom();
  assert.deepEqual([dropped, app.bytes], [[], 50]);
  one.remove(who);
  one.remove(who);
  assert.deepEqual([one.bytes, app.bytes], [0, 0]);
});
