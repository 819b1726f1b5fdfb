/** How the probes are run: whatever a probe does, it ends, and the others are not harmed. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Found } from '../../check/discover.ts';
import { look } from '../../check/look.ts';
import { parseOptions } from '../../check/options.ts';
import { type Outcome, type Probe, pass } from '../../check/probe.ts';
import { Trouble } from '../../check/trouble.ts';
import { faultyServer } from './faulty.ts';
import { listening } from './support.ts';

const patienceMs = 2_000;

function probe(id: string, run: Probe['run'], rest: Partial<Probe> = {}): Probe {
  return { id, title: id, remedy: '', threads: [], run, ...rest };
}

/** What these probes found at a server without a door. */
async function outcomesOf(
  t: TestContext,
  probes: Probe[],
  visiting = { patienceMs },
): Promise<Outcome[]> {
  const origin = new URL(`http://127.0.0.1:${await listening(t, faultyServer())}`);
  const options = parseOptions([origin.href]);
  assert.ok(options !== 'help', 'it was asked for no help');
  const found: Found = {
    options,
    doors: [],
    endpoint: undefined,
    versions: [],
    redirects: [],
    plain: [],
    listens: false,
    openMs: 0,
    wounds: [],
  };
  const findings = await look([{ name: 'All', probes }], found, { origin, ...visiting });
  return findings.map(({ verdict, seen }) => ({ verdict, seen }));
}

test('a probe that never ends is ended, and is a fault', async t => {
  const endless = probe('endless', () => new Promise(() => {}));
  const [outcome] = await outcomesOf(t, [endless], { patienceMs: 100 });
  assert.deepEqual(outcome, { verdict: 'fault', seen: 'not over after 1 s' });
});

test('a refusal that a probe did not reckon with is a fault', async t => {
  const refused = probe('refused', () => Promise.reject(new Trouble('refused', 'POST /mcp: 500')));
  const [outcome] = await outcomesOf(t, [refused]);
  assert.deepEqual(outcome, { verdict: 'fault', seen: 'POST /mcp: 500' });
});

test('what could hurt runs after the others, alone, and what ends the server last', async t => {
  const log: string[] = [];
  const noted = (id: string, when?: Probe['when']) =>
    probe(
      id,
      async () => {
        log.push(id);
        await new Promise(setImmediate);
        log.push(id);
        return pass('');
      },
      when && { when },
    );
  await outcomesOf(t, [
    noted('last', 'last'),
    noted('a', 'alone'),
    noted('b', 'alone'),
    noted('beside'),
    noted('first', 'first'),
  ]);
  assert.deepEqual(log, ['first', 'first', 'beside', 'beside', 'a', 'a', 'b', 'b', 'last', 'last']);
});
