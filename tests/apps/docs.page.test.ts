/** /docs in a real browser: what the document says, and forms that send it. */
import assert from 'node:assert/strict';
import { after, type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import { z } from 'zod';
import { docsPage, openapi } from '../../apps/docs/app.ts';
import type { RouteAbout } from '../../apps/docs/openapi.ts';
import { createRouter } from '../../router.ts';
import { createApp } from '../../server.ts';
import { memoryStore } from '../../store.ts';
import { about as tools } from '../../tools.ts';
import { closeBrowser, findBrowser, findings, newTab, noBrowser } from '../browser.ts';
import { serve } from '../support.ts';

const token = 'a-token-for-this-test';
const inBrowser = { skip: findBrowser() === undefined && noBrowser };

test('the page lists every route and tool, and sends what its forms say', inBrowser, async t => {
  const origin = await serve(t, createApp(memoryStore()));
  const page = await open(t, `${origin}/docs`);
  await page.locator('#addItem').waitFor();
  for (const id of await operationIds(origin))
    assert.equal(await page.locator(`#${id}`).count(), 1, id);
  for (const name of Object.keys(tools))
    assert.equal(await page.locator(`#tool-${name}`).count(), 1, name);

  const added = await sendForm(page, 'addItem', '{"name":"Oat milk","quantity":3}');
  assert.match(added, /^201 Created in \d+ ms\. The item, with its id/);
  assert.deepEqual(await itemsAt(origin, 4), {
    id: 4,
    name: 'Oat milk',
    quantity: 3,
    purchased: false,
  });

  const refused = await sendForm(page, 'addItem', '{"name":""}');
  assert.match(refused, /^422 Unprocessable Entity in \d+ ms\. Fields are wrong/);
  const changed = await sendForm(page, 'updateItem', '{"purchased":true}');
  assert.match(changed, /^200 OK/);
  assert.deepEqual(await itemsAt(origin, 1), {
    id: 1,
    name: 'Apples',
    quantity: 6,
    purchased: true,
  });
});

test(
  'a tool is called with the message the page has ready, in a session that ends',
  inBrowser,
  async t => {
    const origin = await serve(t, createApp(memoryStore()));
    const page = await open(t, `${origin}/docs#tool-add_item`);
    const text = await page.locator('#tool-add_item textarea').inputValue();
    assert.equal(JSON.parse(text).method, 'tools/call');
    assert.match(await sendForm(page, 'tool-add_item'), /^200 OK.*"structuredContent"/s);
    assert.equal(((await itemsAt(origin, 4)) as { name: string }).name, 'Oat milk');
    assert.match(await (await fetch(`${origin}/healthz`)).text(), /"sessions":0/);
  },
);

test('behind a mount the page finds its document and its routes', inBrowser, async t => {
  const origin = await serve(t, createRouter().mount('/a/b', createApp(memoryStore())));
  for (const path of ['/a/b/docs', '/a/b/docs/']) {
    const page = await open(t, origin + path);
    assert.match(await sendForm(page, 'listItems'), /^200 OK.*Apples/s, path);
    assert.match(await sendForm(page, 'tool-get_items'), /^200 OK.*Apples/s, path);
  }
});

test('with tokens the page asks for one, and sends it', inBrowser, async t => {
  const origin = await serve(t, createApp(memoryStore(), { tokens: [token] }));
  const page = await open(t, `${origin}/docs`);
  await page.getByText('This server asks for a token.').waitFor();
  await useToken(page, 'not-this-one-surely');
  await page.getByText('The server does not know this token.').waitFor();
  await useToken(page, token);
  assert.match(await sendForm(page, 'listItems'), /^200 OK.*Apples/s);
  assert.match(await sendForm(page, 'tool-get_items'), /^200 OK.*Apples/s);
});

test('what a document holds is shown as text and never run', inBrowser, async t => {
  const attack = '<img src=x onerror="window.ran=1"><script>window.ran=1</script>';
  const about: RouteAbout = {
    summary: attack,
    description: attack,
    body: { schema: z.object({ [attack]: z.string().describe(attack) }).meta({ title: 'X' }) },
    answers: { 200: { description: attack, type: attack } },
  };
  const router = createRouter();
  router.get('/openapi.json', openapi(router, { title: attack, version: attack }));
  router.post('/x', (_req, res) => res.end(attack), about).get('/docs', docsPage());
  const page = await open(t, `${await serve(t, router)}/docs`);
  await sendForm(page, 'post_x');
  assert.equal(await page.locator('#content img, #content script').count(), 0);
  assert.equal(await page.evaluate('window.ran'), undefined);
  assert.equal(await page.locator('#post_x summary p').first().textContent(), attack);
});

test('axe finds nothing on the page in either scheme, and it fits a phone', inBrowser, async t => {
  const origin = await serve(t, createApp(memoryStore()));
  const page = await open(t, `${origin}/docs`);
  await sendForm(page, 'addItem', '{"name":"Tea"}');
  await sendForm(page, 'tool-update_item');
  await page.locator('#schema-Problem > summary').click();
  assert.deepEqual(await findings(page), []);
  await page.emulateMedia({ colorScheme: 'dark' });
  assert.deepEqual(await findings(page), [], 'in the dark');
  await page.evaluate('document.querySelectorAll("details").forEach(d => { d.open = true })');
  const widths = await page.evaluate('[document.documentElement.scrollWidth, innerWidth]');
  assert.deepEqual(widths, [360, 360], 'nothing to scroll sideways');
});

test('the page is worked with the keyboard alone', inBrowser, async t => {
  const page = await open(t, `${await serve(t, createApp(memoryStore()))}/docs`);
  await page.locator('#listItems').waitFor();
  await page.locator('#listItems > summary').focus();
  await page.keyboard.press('Enter');
  const focused = page.locator('#listItems form button:focus');
  for (let presses = 0; (await focused.count()) === 0; presses++) {
    assert.ok(presses < 20, 'the button is on the way of the Tab key');
    await page.keyboard.press('Tab');
  }
  await page.keyboard.press('Enter');
  await page.locator('#listItems .answer strong').waitFor();
});

after(closeBrowser);

async function open(t: TestContext, url: string) {
  const page = await newTab(t);
  await page.setViewportSize(phone);
  page.on('pageerror', error => assert.fail(error));
  page.on('request', request => assert.equal(new URL(request.url()).origin, new URL(url).origin));
  await page.goto(url);
  return page;
}

const phone = { width: 360, height: 780 };

/** Sends a card's form, with `body` in its text field. Returns what it shows for an answer. */
async function sendForm(page: Page, card: string, body?: string): Promise<string> {
  const form = page.locator(`#${card} form.try`);
  await page.locator(`#${card}`).waitFor();
  if (!(await form.isVisible())) await page.locator(`#${card} > summary`).click();
  if (body !== undefined) await form.locator('textarea').fill(body);
  await form.locator('button').first().click();
  await form.locator('.answer strong').waitFor();
  return (await form.locator('.answer').textContent()) ?? '';
}

async function useToken(page: Page, secret: string): Promise<void> {
  await page.locator('#token input').fill(secret);
  await page.locator('#token button').click();
}

async function itemsAt(origin: string, id: number): Promise<unknown> {
  return (await fetch(`${origin}/items/${id}`)).json();
}

async function operationIds(origin: string): Promise<string[]> {
  const { paths } = document.parse(await (await fetch(`${origin}/openapi.json`)).json());
  const operations = Object.values(paths).flatMap(methods => Object.values(methods));
  return operations.map(({ operationId }) => operationId);
}

const operation = z.object({ operationId: z.string() });
const document = z.object({ paths: z.record(z.string(), z.record(z.string(), operation)) });
