/** The gallery without its mistakes: nothing that a break shows is seen of the real server. */
import assert from 'node:assert/strict';
import { after, describe, type TestContext, test } from 'node:test';
import type { Break } from '../../gallery/break.ts';
import { breaks } from '../../gallery/breaks.ts';
import { mendedArgs } from '../../gallery/show.ts';
import { realList } from '../../gallery/wiring.ts';
import { listen } from '../../http/listen.ts';
import { faultsIn } from '../check/support.ts';
import { atOnce, checked, needsOf, patternOf, serve, typed } from './gallery.ts';

// For all breaks that have no other to be mended by.
const real = await listen(realList(), ['127.0.0.1', '::1'], 0);
after(real.stop);

describe('without its mistake nothing is seen of', { concurrency: atOnce }, () => {
  for (const shown of breaks) test(shown.name, needsOf(shown), t => isMended(t, shown));
});

async function isMended(t: TestContext, shown: Break): Promise<void> {
  const { mended, tries, check } = shown;
  const port = mended ? await serve(t, mended()) : real.port;
  for (const { command, prints, alike } of tries)
    if (!alike) assert.doesNotMatch(await once(typed, command, port), patternOf(prints), command);
  const ids = Object.keys(check.faults);
  if (ids.length === 0) return;
  const found = faultsIn(await once(checked, mendedArgs(shown), port));
  assert.deepEqual(
    found.filter(id => ids.includes(id)),
    [],
  );
}

type Ask<T> = (line: string, port: number) => Promise<T>;
const asked = new Map<unknown, Map<string, Promise<unknown>>>();

/** Several breaks ask the real server the same; it says the same to all. */
function once<T>(ask: Ask<T>, line: string, port: number): Promise<T> {
  const answers = asked.get(ask) ?? new Map<string, Promise<unknown>>();
  asked.set(ask, answers);
  const answer = answers.get(`${port} ${line}`) ?? ask(line, port);
  answers.set(`${port} ${line}`, answer);
  return answer as Promise<T>; // kept under the function that gave it
}
