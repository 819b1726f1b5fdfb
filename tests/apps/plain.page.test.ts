/** The pages at the MCP mount and of a browser's 404, in a real browser. */
import assert from 'node:assert/strict';
import { after, type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import { type AppOptions, createApp } from '../../server.ts';
import { memoryStore } from '../../store.ts';
import { closeBrowser, findBrowser, findings, type Look, newTab, noBrowser } from '../browser.ts';
import { serve } from '../support.ts';

const inBrowser = { skip: findBrowser() === undefined && noBrowser };
after(closeBrowser);

for (const path of ['/mcp', '/mpc/sse'])
  for (const colorScheme of ['light', 'dark'] as const)
    test(`${path} fits every width, and axe finds nothing (${colorScheme})`, inBrowser, async t => {
      const page = await open(t, path, { colorScheme });
      for (const width of [360, 390, 768, 1_024, 1_280, 1_440, 1_920]) {
        await page.setViewportSize({ width, height: 800 });
        assert.equal(await page.evaluate('document.documentElement.scrollWidth'), width, path);
      }
      assert.deepEqual(await findings(page), []);
    });

test('a setting is copied whole, and by the keyboard', inBrowser, async t => {
  const page = await open(t, '/mcp');
  const { origin } = new URL(page.url());
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin });
  const setting = page.locator('.copied', { hasText: 'claude mcp add' });
  await setting.getByRole('button', { name: 'Copy Claude Code' }).focus();
  await page.keyboard.press('Enter');
  await setting.getByText('Copied').waitFor();
  const copied = await page.evaluate('navigator.clipboard.readText()');
  assert.equal(copied, await setting.locator('code').textContent());
});

test('a setting that can not be copied is left selected', inBrowser, async t => {
  const page = await open(t, '/mcp');
  await page.evaluate('navigator.clipboard.writeText = () => Promise.reject(new Error("no"))');
  const setting = page.locator('.copied', { hasText: 'claude mcp add' });
  await setting.getByRole('button').click();
  await setting.getByText('Selected').waitFor();
  assert.equal(
    String(await page.evaluate('getSelection().toString()')).trim(),
    (await setting.locator('code').textContent())?.trim(),
  );
});

test('the links lead to the x-ray and to the docs, wherever the x-ray is', inBrowser, async t => {
  for (const [mount, xray] of [
    ['/mcp', '/'],
    ['/', '/page'],
  ] as const) {
    const page = await open(t, mount, {}, { mount });
    assert.ok((await page.locator('nav').textContent())?.includes(`The x-ray ${xray}`), mount);
    await page.getByRole('link', { name: /^The x-ray/ }).click();
    await page.getByRole('button', { name: 'Make an SSE call' }).waitFor();
    assert.equal(new URL(page.url()).pathname, xray);
    await page.goBack();
    await page.getByRole('link', { name: /^API docs/ }).click();
    await page.locator('#listItems').waitFor();
  }
});

test('from a lost page a click leads to what was meant', inBrowser, async t => {
  const page = await open(t, '/mpc');
  await page.getByRole('link', { name: '/mcp', exact: true }).click();
  await page.getByText('An MCP server lives here').waitFor();
});

async function open(
  t: TestContext,
  path: string,
  look: Look = {},
  options: AppOptions = {},
): Promise<Page> {
  const origin = await serve(t, createApp(memoryStore(), options));
  const page = await newTab(t);
  await page.emulateMedia(look);
  page.on('pageerror', error => assert.fail(error));
  page.on('request', request => assert.equal(new URL(request.url()).origin, origin));
  await page.goto(origin + path);
  return page;
}
