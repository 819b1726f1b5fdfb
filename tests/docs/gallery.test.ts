/**
 * The gallery: each break shows what it says, in the client, in the log, in the x-ray and to
 * `mcp-mount check`. Each is a program of its own, as `npm run break` starts it.
 */
import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { Browser } from 'playwright-core';
import type { Break } from '../../gallery/break.ts';
import { breaks } from '../../gallery/breaks.ts';
import { realList } from '../../gallery/wiring.ts';
import { findBrowser, launchBrowser, noBrowser } from '../browser.ts';
import { faultsIn, findingOf } from '../check/support.ts';
import {
  asWritten,
  atOnce,
  checked,
  needsOf,
  patternOf,
  quotesIn,
  seenOnPage,
  serve,
  started,
  typed,
} from './gallery.ts';

const executable = findBrowser();
const inBrowser = executable === undefined ? { skip: noBrowser } : {};
let browser: Browser;
before(async () => {
  if (executable !== undefined) browser = await launchBrowser(executable);
});
after(() => browser?.close());

describe('a break', { concurrency: atOnce }, () => {
  for (const shown of breaks)
    test(`${shown.name}: ${shown.sees}`, needsOf(shown), t => showsWhatItSays(t, shown));
});

async function showsWhatItSays(t: TestContext, shown: Break): Promise<void> {
  const { tries, log, check } = shown;
  const program = await started(t, shown);
  for (const { command, prints } of tries)
    assert.match(await typed(command, program.port), patternOf(prints), command);
  for (const quote of quotesIn(log)) await program.prints(quote);
  if (browser) await seenOnPage(browser, program.port, shown);
  const found = await checked(check.args, program.port);
  assert.deepEqual(faultsIn(found), Object.keys(check.faults));
  for (const [id, seen] of Object.entries(check.faults))
    assert.match(asWritten(findingOf(found, id).seen, program.port), patternOf(seen));
}

test('a browser takes six streams, and the seventh tab waits', inBrowser, async t => {
  const shown = breaks.find(({ name }) => name === 'stream-per-tab');
  assert.ok(shown);
  const port = await serve(t, shown.broken());
  const context = await browser.newContext();
  t.after(() => context.close());
  const tabs = await Promise.all(Array.from({ length: 6 }, () => context.newPage()));
  for (const tab of tabs.slice(0, 5)) {
    await tab.goto(`http://localhost:${port}/tab`);
    await tab.getByText('3 items').waitFor();
  }
  await tabs[5]?.goto(`http://localhost:${port}/tab`);
  const seventh = await context.newPage();
  await assert.rejects(seventh.goto(`http://localhost:${port}/tab`, { timeout: 2_000 }));
  assert.equal(await tabs[5]?.getByText('Waiting for the list').isVisible(), true);
});

test('the error that format-string loses is in the log of the mended one', async t => {
  const shown = breaks.find(({ name }) => name === 'format-string');
  assert.ok(shown);
  const [broken, mended] = await Promise.all([started(t, shown), started(t, shown, '--mended')]);
  for (const { port } of [broken, mended]) await fetch(`http://127.0.0.1:${port}/report?%c`);
  const [line = /$/] = quotesIn('“GET /report | /?%c 500”');
  await Promise.all([broken.prints(line), mended.prints(line)]);
  assert.match(mended.printed(), /the disk is full/);
  assert.doesNotMatch(broken.printed(), /the disk is full/);
});

test('the tabs of the real page share one stream, so seven are live', inBrowser, async t => {
  const port = await serve(t, { app: realList() });
  const context = await browser.newContext();
  t.after(() => context.close());
  for (let i = 0; i < 7; i++) {
    const tab = await context.newPage();
    await tab.goto(`http://localhost:${port}/`);
    await tab.locator('#connection[data-state=live]').waitFor();
  }
});
