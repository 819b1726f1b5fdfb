/** The page in a real browser: the list, the x-ray, traces as files, tabs, and its bounds. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { after, before, type TestContext, test } from 'node:test';
import { ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { z } from 'zod';
import { createRouter } from '../../../router.ts';
import { type AppOptions, createApp } from '../../../server.ts';
import { memoryStore } from '../../../store.ts';
import { connect, portOf, sendRaw, serve, stopServer } from '../../support.ts';
import { findBrowser, launchBrowser, noBrowser } from './browser.ts';

const executable = findBrowser();
const inBrowser = executable === undefined ? { skip: noBrowser } : {};
const axeSource = await readFile(
  createRequire(import.meta.url).resolve('axe-core/axe.min.js'),
  'utf8',
);
const pageFile = new URL('../../../apps/xray/page/index.html', import.meta.url).href;

let browser: Browser;
before(async () => {
  if (executable !== undefined) browser = await launchBrowser(executable);
});
after(() => browser?.close());

test('an item added over SSE shows, and so does the way of the call', inBrowser, async t => {
  const { origin, page } = await openList(t);
  const agent = await connect(t, `${origin}/mcp/sse`);
  await agent.callTool({ name: 'add_item', arguments: { name: 'Oat milk', quantity: 2 } });

  await page.getByRole('checkbox', { name: 'Oat milk' }).waitFor();
  const call = row(page, 'requests', 'add_item');
  assert.equal(await part(call, 'rootPath'), '/mcp');
  assert.match(await part(call, 'url'), /^\/messages\?sessionId=[0-9a-f]{8}$/);
  assert.deepEqual(await wayOf(call), ['guard', 'router', 'mount', 'app', 'message', 'answer']);
  assert.equal(await call.locator('.status').textContent(), '202');
  await call.getByText('answered on the open stream').waitFor();

  const stream = row(page, 'streams', '/mcp/sse');
  assert.equal(await part(stream, 'url'), '/sse');
  assert.match(
    await textOf(stream.locator('.frame').first()),
    /^event: endpoint\ndata: \/mcp\/messages\?sessionId=/,
  );
  await call.locator('.chip').click();
  const answer = stream.locator('li', { has: page.locator('.chip:focus') });
  assert.match(await textOf(answer.locator('.frame')), /Added Oat milk as item 4/);
  await page.keyboard.press('Enter');
  assert.equal(await call.locator('.chip:focus').count(), 1, 'and back again');
  assert.ok((await page.locator('#joins path').count()) > 0, 'a line joins the two');
});

test('an answer over Streamable HTTP is drawn on its own connection', inBrowser, async t => {
  const { origin, page } = await openList(t);
  const agent = await connect(t, `${origin}/mcp`, 'streamable');
  await agent.callTool({ name: 'add_item', arguments: { name: 'Tea' } });

  const call = row(page, 'requests', 'add_item');
  await call.getByText('answered on this connection').waitFor();
  assert.equal(await part(call, 'url'), '/');
  assert.equal(await textOf(call.locator('.badge')), 'Streamable HTTP');
  assert.match(await textOf(call.locator('.pipe .frame').last()), /Added Tea as item 4/);
  assert.equal(await page.locator('#joins path').count(), 0, 'nothing to join across connections');
});

test('an agent that subscribed is told of an item added on the page', inBrowser, async t => {
  const { origin, page } = await openList(t);
  const agent = await connect(t, `${origin}/mcp/sse`);
  await agent.subscribeResource({ uri: 'shopping://items' });
  const told = new Promise<string>(done => {
    agent.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) =>
      done(params.uri),
    );
  });
  await page.getByLabel('What to buy').fill('Butter');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  assert.equal(await told, 'shopping://items');
  await page.getByRole('checkbox', { name: 'Butter' }).waitFor();
});

test('ticks, quantities and removals reach the list; refusals tell why', inBrowser, async t => {
  const { origin, page } = await openList(t);
  const list = async () => (await fetch(`${origin}/items/`)).json();
  await page.getByRole('checkbox', { name: 'Apples' }).check();
  await page.getByLabel('How many Coffee').fill('5');
  await page.getByLabel('How many Coffee').press('Enter');
  await page.getByRole('button', { name: 'Remove Bread' }).click();
  await page.getByRole('checkbox', { name: 'Bread' }).waitFor({ state: 'detached' });
  await page.locator('li.done', { hasText: 'Apples' }).waitFor();
  assert.deepEqual(await list(), [
    { id: 1, name: 'Apples', quantity: 6, purchased: true },
    { id: 3, name: 'Coffee', quantity: 5, purchased: false },
  ]);
  await page.getByLabel('How many Coffee').fill('0');
  await page.getByLabel('How many Coffee').press('Tab');
  await page.getByRole('alert').filter({ hasText: 'quantity: ' }).waitFor();
  assert.equal(
    await page.getByLabel('How many Coffee').inputValue(),
    '5',
    'the field shows what is',
  );
});

test('a refused request shows where it stopped and why', inBrowser, async t => {
  const { origin, page } = await openList(t);
  const port = Number(new URL(origin).port);
  await sendRaw(port, 'GET /items/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n');
  const foreign = row(page, 'requests', 'The host evil.example is not served here.');
  await foreign.waitFor();
  assert.deepEqual(await wayOf(foreign), ['guard', 'router']);
  assert.equal(await textOf(foreign.locator('.stopped .value')), '403');
  assert.equal(await textOf(foreign.locator('.ghost .value')), 'not reached');

  await fetch(`${origin}/mcpx`);
  const near = row(page, 'requests', "'/mcp' is mounted, but a prefix ends at a segment");
  await near.waitFor();
  assert.deepEqual(await wayOf(near), ['guard', 'router', 'app']);

  await fetch(`${origin}/items/`, { method: 'POST', body: 'Milk' });
  const handlers = row(page, 'requests', 'The body must be application/json');
  await handlers.waitFor();
  assert.deepEqual(await wayOf(handlers), ['guard', 'router', 'route', 'handler']);
  assert.equal(await textOf(handlers.locator('.stopped .value')), '415');
});

test('a step shows the source lines that did it', inBrowser, async t => {
  const { origin, page } = await openList(t);
  await fetch(`${origin}/mcp/nothing`);
  const request = row(page, 'requests', '/mcp/nothing');
  await request.locator('.stop.mount').click();
  await request.getByText("The app gets rootPath '/mcp' and url '/nothing'").waitFor();
  await request.getByText('export function stripPrefix').waitFor();
  assert.match(await textOf(request.locator('figcaption').first()), /^router\.ts:\d+$/);
  await request.locator('.stop.mount').click();
  await request.locator('.panel').waitFor({ state: 'detached' });
});

for (const colorScheme of ['light', 'dark'] as const)
  test(`the page passes an accessibility scan (${colorScheme})`, inBrowser, async t => {
    const { origin, page } = await openList(t, {}, { colorScheme });
    await showTraffic(t, page, origin);
    assert.deepEqual(await seriousFindings(page), []);
  });

test('at 360 px nothing scrolls sideways, and all works', inBrowser, async t => {
  const { origin, page } = await openList(
    t,
    {},
    { viewport: { width: 360, height: 740 }, hasTouch: true },
  );
  await showTraffic(t, page, origin);
  const width = 'document.documentElement.scrollWidth';
  assert.equal(await page.evaluate(width), 360);
  await page.getByLabel('What to buy').fill('Salt');
  await page.getByRole('button', { name: 'Add', exact: true }).tap();
  await page.getByRole('checkbox', { name: 'Salt' }).tap();
  await page.locator('li.done', { hasText: 'Salt' }).waitFor();
  const call = row(page, 'requests', 'add_item').filter({ hasText: '/messages' });
  await call.locator('.stop').nth(1).tap();
  await page.getByText('is the longest prefix').waitFor();
  await call.locator('.chip').tap();
  await page.locator('#streams .chip:focus').waitFor();
  assert.equal(await page.evaluate(width), 360);
});

test('the keyboard alone adds an item, ticks it and reads a step', inBrowser, async t => {
  const { page } = await openList(t);
  const { keyboard } = page;
  await tabTo(page, '#name');
  await keyboard.type('Olives');
  await keyboard.press('Enter');
  await page.getByRole('checkbox', { name: 'Olives' }).waitFor();
  await tabTo(page, '#item-4');
  await keyboard.press('Space');
  await page.locator('li.done', { hasText: 'Olives' }).waitFor();
  const patch = row(page, 'requests', 'PATCH /items/4');
  await patch.waitFor();
  await tabTo(page, '#requests .stop');
  await keyboard.press('ArrowUp');
  await keyboard.press('ArrowRight');
  await keyboard.press('Enter');
  await patch.getByText('answers this path. No mounted prefix holds it.').waitFor();
  await tabTo(page, 'body, .skip'); // out at the other end: no trap
});

test('a saved trace opens without a server and shows the same', inBrowser, async t => {
  const { origin, page } = await openList(t);
  await showTraffic(t, page, origin);
  const trace = await exported(page);
  const opened = await newPage(t, pageFile);
  await openTrace(opened, trace);
  await opened.getByText('This is trace.json').waitFor();
  assert.deepEqual(await picture(opened), await picture(page));
  await opened.locator('.stop.mount').first().click();
  await opened.getByText('export function stripPrefix').waitFor();
  await openTrace(opened, '{}', 'x.json');
  await opened.getByText('x.json is not a trace').waitFor();
  await openTrace(opened, await readFile('docs/trace.json', 'utf8'), 'docs.json');
  await opened.getByText('This is docs.json').waitFor();
  await row(opened, 'requests', 'remove_item').waitFor();
});

test('tabs share one stream, and when its tab goes another takes over', inBrowser, async t => {
  const streams: ServerResponse[] = [];
  const { origin, page } = await openList(t, {}, {}, (req, res) => {
    if (req.url === '/live/events') streams.push(res);
  });
  const agent = await connect(t, `${origin}/mcp/sse`);
  await agent.callTool({ name: 'add_item', arguments: { name: 'First' } });
  await row(page, 'requests', 'add_item').waitFor();

  const second = await page.context().newPage();
  await second.goto(origin);
  await second.getByText('Live, through another tab').waitFor();
  await row(second, 'requests', 'add_item').waitFor(); // what had happened before it came
  await second.getByRole('checkbox', { name: 'First' }).waitFor();
  assert.deepEqual(await picture(second), await picture(page));
  assert.equal(streams.length, 1);

  const [first] = streams;
  const closed = new Promise(done => first?.once('close', done));
  await page.close();
  await closed;
  await second.getByText('Live', { exact: true }).waitFor();
  await agent.callTool({ name: 'remove_item', arguments: { id: 4 } });
  const removal = row(second, 'requests', 'remove_item');
  await removal.getByText('answered on the open stream').waitFor();
  assert.equal(await second.locator('#streams .row').count(), 1, 'the stream is known again');
  assert.equal(streams.length, 2);
});

test('a stream that was open before the page shows its answers', inBrowser, async t => {
  const app = createApp(memoryStore(), { xray: true });
  const origin = await serve(t, app);
  const agent = await connect(t, `${origin}/mcp/sse`);
  const page = await newPage(t, origin);
  const stream = row(page, 'streams', '/mcp/sse');
  await stream.waitFor();
  assert.deepEqual(await wayOf(stream), ['guard', 'router', 'mount', 'app', 'stream']);
  await agent.callTool({ name: 'get_items', arguments: {} });
  await row(page, 'requests', 'get_items').getByText('answered on the open stream').waitFor();
  await page.reload();
  await stream.waitFor();
  await agent.callTool({ name: 'add_item', arguments: { name: 'Rice' } });
  await row(page, 'requests', 'add_item').getByText('answered on the open stream').waitFor();
  await agent.close();
  await stream.getByText(/closed after|ended/).waitFor();
});

test('a stream without a message is marked with likely causes', inBrowser, async t => {
  const { origin, page } = await openList(t);
  await sendRaw(Number(new URL(origin).port), 'GET /mcp/sse HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const held = await fetch(`${origin}/mcp/sse`);
  t.after(() => held.body?.cancel().catch(() => {})); // the server may have ended it
  const mark = page.locator('.stuck');
  await mark.getByText('the client speaks Streamable HTTP').waitFor();
  assert.equal(await mark.count(), 1, 'the one that closed is not stuck');
  await page.reload();
  await mark.waitFor();
});

test('one session is picked, the picture paused and cleared', inBrowser, async t => {
  const { origin, page } = await openList(t);
  const agents = [
    await connect(t, `${origin}/mcp/sse`),
    await connect(t, `${origin}/mcp`, 'streamable'),
  ];
  for (const agent of agents) await agent.callTool({ name: 'get_items', arguments: {} });
  await row(page, 'requests', 'get_items').nth(1).waitFor();
  const session = await page
    .locator('#session option', { hasText: '· SSE · test' })
    .getAttribute('value');
  await page.locator('#session').selectOption(session);
  for (const rows of [row(page, 'requests', 'get_items'), page.locator('#streams .row')]) {
    await rows.nth(0).waitFor(); // drawn anew in the next frame
    await rows.nth(1).waitFor({ state: 'detached' });
  }
  await page.locator('#session').selectOption('');

  await page.getByRole('button', { name: 'Pause' }).click();
  await fetch(`${origin}/healthz`);
  await page.getByText('Paused (1)').click(); // it has come, and is not drawn
  await row(page, 'requests', '/healthz').waitFor();
  await page.getByRole('button', { name: 'Clear' }).click();
  await page.getByText('No request yet').waitFor();
  await page.getByRole('button', { name: 'GET /mcpx' }).click();
  await row(page, 'requests', '/mcpx').waitFor();
});

test('the page asks for a token, and shows no secret', inBrowser, async t => {
  const token = 'correct-horse-battery-staple';
  const { origin, page } = await openList(t, { tokens: [token] }, {}, undefined, '#token');
  await page.getByLabel('This server asks for a token').fill(token);
  await page.getByRole('button', { name: 'Use it' }).click();
  await page.getByRole('checkbox', { name: 'Apples' }).waitFor();
  const headers = { Authorization: `Bearer ${token}` };
  for (const [path, transport] of [
    ['/mcp/sse', 'sse'],
    ['/mcp', 'streamable'],
  ] as const) {
    const agent = await connect(t, origin + path, transport, headers);
    await agent.callTool({ name: 'get_items', arguments: {} });
  }
  await row(page, 'requests', 'get_items').nth(1).waitFor();
  await fetch(`${origin}/items/`); // without the token, so it is nobody's
  await fetch(`${origin}/nowhere`, { headers });
  await row(page, 'requests', '/nowhere').waitFor();
  assert.equal(await row(page, 'requests', 'Send a token').count(), 0);
  const data = (await exported(page)) + (await page.content());
  assert.ok(!data.includes(token), 'the token');
  assert.doesNotMatch(data, /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}/, 'a session id');
  assert.match(data, /"authorization": "Bearer …"/);
});

test('what agents send is text, whatever it looks like', inBrowser, async t => {
  const { origin, page } = await openList(t);
  const agent = await connect(t, `${origin}/mcp/sse`);
  const name = '<img src=x onerror="document.title=1"><script>document.title=1</script>';
  await agent.callTool({ name: 'add_item', arguments: { name } });
  await page.locator('#items label', { hasText: name }).waitFor();
  await row(page, 'requests', 'add_item')
    .locator('.stop', { hasText: /^message/ })
    .click();
  await page.locator('.panel pre', { hasText: 'onerror' }).waitFor();
  assert.equal(await page.locator('img, #items script').count(), 0);
  assert.match(await page.title(), /^Shopping list/);
});

const places: [path: string, why: string, app: () => ReturnType<typeof createRouter>][] = [
  [
    '/page',
    'MCP has the root',
    () => wrap('/', createApp(memoryStore(), { xray: true, mount: '/' })),
  ],
  [
    '/page/',
    'a route answers with a slash, too',
    () => wrap('/', createApp(memoryStore(), { xray: true, mount: '/' })),
  ],
  [
    '/team',
    'all is mounted below a prefix, and opened without a slash',
    () => wrap('/team', createApp(memoryStore(), { xray: true })),
  ],
  [
    '/team/',
    'the same with a slash',
    () => wrap('/team', createApp(memoryStore(), { xray: true })),
  ],
  ['/team/page', 'both', () => wrap('/team', createApp(memoryStore(), { xray: true, mount: '/' }))],
];
for (const [path, why, app] of places)
  test(`at ${path} the page finds its server: ${why}`, inBrowser, async t => {
    const origin = await serve(t, app());
    const page = await newPage(t, origin + path);
    await page.getByRole('checkbox', { name: 'Apples' }).check();
    await row(page, 'requests', 'PATCH').waitFor();
  });

test('the page comes back when the server does', inBrowser, async t => {
  const start = async (port: number): Promise<Server> => {
    const server = createServer(createApp(memoryStore(), { xray: true }));
    await new Promise<void>(done => server.listen(port, '127.0.0.1', done));
    return server;
  };
  const first = await start(0);
  const port = portOf(first);
  const page = await newPage(t, `http://127.0.0.1:${port}`);
  await page.getByText('Live', { exact: true }).waitFor();
  await stopServer(first);
  await page.getByText('Connection lost').waitFor();
  const second = await start(port);
  t.after(() => stopServer(second));
  await page.getByText('Live', { exact: true }).waitFor();
  await page.getByRole('checkbox', { name: 'Apples' }).check();
  await row(page, 'requests', 'PATCH').waitFor();
});

test('1,000 requests a second leave the page small and alive', inBrowser, async t => {
  const { origin, page } = await openList(t);
  const without = await load(origin, 1_000);
  const withPage = await load(origin, 3_000);
  await row(page, 'requests', '/items/').nth(59).waitFor();
  const nodes = Number(await page.evaluate("document.querySelectorAll('*').length"));
  assert.ok(nodes < 12_000, `${nodes} elements`);
  assert.ok((await page.locator('.row').count()) <= 300);
  await page.getByText('came too fast to be drawn').waitFor();
  await page.getByRole('checkbox', { name: 'Apples' }).check();
  await page.locator('li.done', { hasText: 'Apples' }).waitFor();
  t.diagnostic(`p99 of /items/: ${without} ms at first, ${withPage} ms on`);
});

test('the last 300 requests and 200 frames are kept, and what is open', inBrowser, async t => {
  const page = await newPage(t, pageFile);
  await openTrace(page, JSON.stringify(longTrace(1_000)));
  await page.getByText('This is trace.json').waitFor();
  await row(page, 'requests', '/items/1000').waitFor();
  assert.equal(await page.locator('.row').count(), 300);
  assert.equal(await row(page, 'requests', '/items/701').count(), 0, 'the oldest went');
  const stream = row(page, 'streams', '/mcp/sse');
  assert.equal(await stream.locator('.frame').count(), 200);
  assert.equal(await textOf(stream.locator('.frame').first()), 'event: first');
  assert.equal(await textOf(stream.locator('.frame').last()), 'event: 1000');
});

interface Opened {
  origin: string;
  page: Page;
}

/** A fresh list and a page on it; `see` is told each request before the app. */
async function openList(
  t: TestContext,
  options: AppOptions = {},
  context: BrowserContextOptions = {},
  see: (req: IncomingMessage, res: ServerResponse) => void = () => {},
  ready = '#items li',
): Promise<Opened> {
  const app = createApp(memoryStore(), { xray: true, ...options });
  const origin = await serve(t, (req, res) => {
    see(req, res);
    return app(req, res);
  });
  const page = await newPage(t, origin, context);
  await page.locator(ready).first().waitFor();
  return { origin, page };
}

/** In a browser profile of its own; whatever fails on it fails the test. */
async function newPage(
  t: TestContext,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  t.after(() => context.close());
  context.setDefaultTimeout(15_000); // much for a busy machine, little beside a page that hangs
  const page = await context.newPage();
  const errors: Error[] = [];
  page.on('pageerror', error => errors.push(error));
  t.after(() => assert.deepEqual(errors, []));
  await page.goto(url);
  return page;
}

/** Both transports, a plain request, a refused one; a panel is open. */
async function showTraffic(t: TestContext, page: Page, origin: string): Promise<void> {
  const agents = [
    await connect(t, `${origin}/mcp/sse`),
    await connect(t, `${origin}/mcp`, 'streamable'),
  ];
  for (const [i, agent] of agents.entries())
    await agent.callTool({ name: 'add_item', arguments: { name: `Item ${i}`, purchased: true } });
  await fetch(`${origin}/items/`);
  await fetch(`${origin}/mcpx`);
  await row(page, 'requests', '/mcpx').waitFor();
  await row(page, 'requests', '/mcpx').locator('.stop').nth(1).click();
  await page.locator('.panel figure').first().waitFor();
  await page.locator('.lit').first().waitFor({ state: 'detached' });
}

function row(page: Page, lane: 'requests' | 'streams', text: string): Locator {
  return page.locator(`#${lane} .row`, { hasText: text });
}

async function textOf(locator: Locator): Promise<string> {
  return (await locator.textContent()) ?? '';
}

function part(row: Locator, name: 'rootPath' | 'url'): Promise<string> {
  return textOf(row.locator(`[data-part="${name}"]`));
}

function wayOf(row: Locator): Promise<string[]> {
  return row.locator('.stop .what').allTextContents();
}

async function openTrace(page: Page, text: string, name = 'trace.json'): Promise<void> {
  const file = { name, mimeType: 'application/json', buffer: Buffer.from(text) };
  await page.locator('#open').setInputFiles(file);
}

/** An open stream, and then so many requests, each with a frame on the stream. */
function longTrace(requests: number): object {
  let n = 0;
  const step = (exchange: number, kind: string, more: object) => ({
    n: ++n,
    exchange,
    at: 0,
    kind,
    ...more,
  });
  const request = (exchange: number, target: string) =>
    step(exchange, 'request', { method: 'GET', target, headers: {} });
  const steps = [
    request(0, '/mcp/sse'),
    step(0, 'stream', {}),
    step(0, 'frame', { frame: 'event: first' }),
  ];
  for (let i = 1; i <= requests; i++)
    steps.push(
      request(i, `/items/${i}`),
      step(0, 'frame', { frame: `event: ${i}` }),
      step(i, 'answered', { status: 200, ms: 1, bytes: 1, whole: true }),
    );
  const tree = { rootPath: '', routes: [], mounts: [] };
  return { format: 'mcp-mount trace 1', tree, skipped: 0, stuck: [], steps };
}

/** What the lanes say, in words. */
async function picture(page: Page): Promise<string[]> {
  const rows = await page
    .locator('.row .head, .row .way, .row .call, .row .pipe')
    .allTextContents();
  return rows.map(text => text.replaceAll(/\s+/g, ' '));
}

async function exported(page: Page): Promise<string> {
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#export')]);
  return readFile(await download.path(), 'utf8');
}

async function tabTo(page: Page, selector: string): Promise<void> {
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab');
    if ((await page.locator(':focus').and(page.locator(selector)).count()) > 0) return;
    if (selector.startsWith('body') && (await page.locator(':focus').count()) === 0) return;
  }
  assert.fail(`Tab does not reach ${selector}`);
}

const axeResult = z.object({
  violations: z.array(
    z.object({
      id: z.string(),
      impact: z.string().nullable(),
      nodes: z.array(z.object({ html: z.string() })),
    }),
  ),
});

async function seriousFindings(page: Page): Promise<string[]> {
  await page.evaluate(axeSource);
  const { violations } = axeResult.parse(
    await page.evaluate("axe.run({ resultTypes: ['violations'] })"),
  );
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  return serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

/** 1,000 GETs a second for `ms`, fewer where the machine can't; the 99th percentile of their time. */
async function load(origin: string, ms: number): Promise<number> {
  const times: number[] = [];
  const start = performance.now();
  let sent = 0;
  const get = async () => {
    const from = performance.now();
    await (await fetch(`${origin}/items/`)).arrayBuffer();
    times.push(performance.now() - from);
  };
  while (performance.now() - start < ms) {
    const due = Math.min(performance.now() - start, times.length + mostInFlight);
    const batch: Promise<void>[] = [];
    for (; sent < due; sent++) batch.push(get());
    await Promise.race([Promise.all(batch), new Promise(done => setTimeout(done, 5))]);
  }
  while (times.length < sent) await new Promise(done => setTimeout(done, 5));
  times.sort((a, b) => a - b);
  return Math.round(times[Math.floor(times.length * 0.99)] ?? 0);
}

const mostInFlight = 200; // more would measure this loop, not the server

function wrap(prefix: string, app: ReturnType<typeof createApp>) {
  return createRouter().mount(prefix, app);
}
