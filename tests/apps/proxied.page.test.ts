/** The page beside a proxy, in a real browser: whose requests it shows, and what breaks behind it. */
import assert from 'node:assert/strict';
import { after, type TestContext, test } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import { closeBrowser, findBrowser, findings, newTab, noBrowser } from '../browser.ts';
import { serveOurs } from '../check/support.ts';
import { connect } from '../support.ts';
import { ask, openSse } from './mcp/wire.ts';
import { serveBehind, serveProxy, startExample } from './proxy/support.ts';

const inBrowser = findBrowser() === undefined ? { skip: noBrowser } : {};
after(closeBrowser);

for (const [name, start, path, tool] of [
  ['this server', (t: TestContext) => serveOurs(t), '/mcp/sse', 'get_items'],
  [
    'the SDK’s example',
    (t: TestContext) => startExample(t, 'simpleSseServer'),
    '/mcp',
    'start-notification-stream',
  ],
] as const)
  test(
    `a call over SSE to ${name} is one story: its receipt, and the answer beside it`,
    inBrowser,
    async t => {
      const upstream = await start(t);
      const proxied = await serveProxy(t, upstream + path);
      const page = await open(t, proxied);
      await page.getByRole('heading', { name: `What passes to ${upstream}` }).waitFor();
      await page
        .getByText(`Give clients ${proxied}${path} in the place of ${upstream}${path}`)
        .waitFor();
      await page.getByText('nothing changed but Host').waitFor();
      assert.equal(await page.getByRole('button', { name: 'Make an SSE call' }).isVisible(), false);
      const client = await connect(t, proxied + path);
      await client.callTool({ name: tool, arguments: { interval: 1, count: 1 } });
      const value = page.locator('.step .value').getByText(tool, { exact: true });
      const call = page.locator('#story .row', { has: value });
      await call.getByText('answered on the open stream').waitFor();
      assert.equal(await call.locator('.status').textContent(), '202');
      assert.match((await call.locator('.box').textContent()) ?? '', /Answer to JSON-RPC id 1/);
      assert.equal(await call.locator('.lane.answers').count(), 1, 'a line joins the two');
      await call.getByRole('button', { name: /^upstream/ }).click();
      await call.getByText(new RegExp(`${upstream} answered 202 after [\\d.]+ ms\\.`)).waitFor();
      await page.locator('#kind').selectOption('mcp');
      await call.waitFor();
    },
  );

test('what breaks behind a proxy is marked where it was said', inBrowser, async t => {
  const { direct, proxied } = await serveBehind(t, ({ url, headers: { host } }, res) => {
    if (url === '/mcp') return res.writeHead(307, { Location: `http://${host}/mcp/` }).end();
    if (url === '/plain') return res.end();
    res.writeHead(200, { 'Content-Type': 'text/event-stream' });
    res.write(`event: endpoint\ndata: http://${host}/mcp/messages?sessionId=1\n\n`);
  });
  const page = await open(t, proxied);
  await page.getByText(`Nothing has passed yet. Give a client this URL: ${proxied}/`).waitFor();
  await ask(`${proxied}/plain`);
  await ask(`${proxied}/mcp`);
  await row(page, 'The redirect leads to the upstream’s own address').waitFor();
  await openSse(t, `${proxied}/mcp/sse`);
  const stream = row(page, 'The endpoint event names another host');
  await stream.waitFor();
  assert.match(
    (await stream.locator('.why').textContent()) ?? '',
    new RegExp(new URL(direct).host),
  );
  await row(page, '/plain').waitFor();
  assert.deepEqual(await findings(page), []);
  await page.locator('#kind').selectOption('bad');
  await row(page, '/plain').waitFor({ state: 'detached' });
  await row(page, 'names another host').waitFor();
  assert.equal(await page.locator('#story .row').count(), 2);
});

test('an upstream that is down is a 502 whose card says why', inBrowser, async t => {
  const proxied = await serveProxy(t, 'http://nobody.invalid');
  const page = await open(t, proxied);
  await ask(`${proxied}/mcp`);
  const failed = row(page, 'no address is known for its name');
  await failed.waitFor();
  assert.equal(await failed.locator('.status').textContent(), '502');
});

async function open(t: TestContext, proxied: string): Promise<Page> {
  const page = await newTab(t);
  await page.setViewportSize({ width: 1440, height: 900 });
  const errors: Error[] = [];
  page.on('pageerror', error => errors.push(error));
  t.after(() => assert.deepEqual(errors, []));
  await page.goto(`${proxied}/xray`);
  return page;
}

function row(page: Page, text: string): Locator {
  return page.locator('#story .row', { hasText: text });
}
