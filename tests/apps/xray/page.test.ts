/** The page in a real browser: the story it tells, traces as files, tabs, the panel, and its bounds. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { after, type TestContext, test } from 'node:test';
import { ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import type { Locator, Page } from 'playwright-core';
import { z } from 'zod';
import { traceApp } from '../../../program/trace.ts';
import { type App, createRouter } from '../../../router.ts';
import { type AppOptions, createApp } from '../../../server.ts';
import { memoryStore } from '../../../store.ts';
import {
  closeBrowser,
  findBrowser,
  findings,
  type Look,
  newTab,
  noBrowser,
} from '../../browser.ts';
import { held } from '../../held.ts';
import { connect, portOf, sendRaw, serve, stopServer } from '../../support.ts';
import { openSession, post, toolCall } from '../mcp/wire.ts';

const inBrowser = findBrowser() === undefined ? { skip: noBrowser } : {};
after(closeBrowser);

test(
  'a call over SSE is one story: the cut, the receipt, and the answer beside it',
  inBrowser,
  async t => {
    const { origin, page } = await openList(t);
    const agent = await connect(t, `${origin}/mcp/sse`);
    await agent.callTool({ name: 'add_item', arguments: { name: 'Oat milk', quantity: 2 } });

    await page.getByRole('checkbox', { name: 'Oat milk' }).waitFor();
    const call = calling(page, 'add_item');
    assert.deepEqual(await partsOf(call), ['/mcp', '/messages']);
    assert.match(await textOf(call.locator('.query')), /^\?sessionId=[0-9a-f]{8}…$/);
    assert.deepEqual(await wayOf(call), ['guard', 'router', 'mount', 'app', 'message', 'answer']);
    assert.equal(await call.locator('.status').textContent(), '202');
    await call.getByText('answered on the open stream').waitFor();
    await call.getByText('JSON-RPC id 1', { exact: true }).waitFor();
    assert.match(await textOf(call.locator('.box')), /Added Oat milk as item 4/);
    assert.equal(await call.locator('.lane.answers').count(), 1, 'a line joins the two');

    const stream = row(page, 'GET/mcp cut off, and left is /sse');
    assert.match(
      await textOf(stream.locator('.frame').first()),
      /^event: endpoint\ndata: \/mcp\/messages\?sessionId=[0-9a-f]{8}…/,
    );
    assert.equal(await textOf(stream.locator('.box .prefix')), '/mcp');
  },
);

test('the page says which node it is of, where there are several', inBrowser, async t => {
  const { page } = await openList(t, { mcp: { node: 'b-2' } });
  await page.locator('header').getByText('b-2', { exact: true }).waitFor();
  const { page: only } = await openList(t);
  assert.equal(await only.locator('#node').isVisible(), false);
});

test('an answer over Streamable HTTP stands in its own card', inBrowser, async t => {
  const { origin, page } = await openList(t);
  const agent = await connect(t, `${origin}/mcp`, 'streamable');
  await agent.callTool({ name: 'add_item', arguments: { name: 'Tea' } });

  const call = calling(page, 'add_item');
  await call.getByText('answered on this connection').waitFor();
  assert.deepEqual(await partsOf(call), ['/mcp', '/']);
  assert.equal(await textOf(call.locator('.badge')), 'Streamable HTTP');
  assert.match(await textOf(call.locator('.own .frame').last()), /Added Tea as item 4/);
  assert.equal(await call.locator('.lane.answers').count(), 0, 'nothing to join');
});

test(
  'what npm run client did before the page opened is there: six requests and the stream',
  inBrowser,
  async t => {
    const origin = await serveUntilClosed(t, createApp(memoryStore(), { xray: true }));
    const agent = await connect(t, `${origin}/mcp/sse`);
    await agent.listTools();
    await agent.callTool({ name: 'add_item', arguments: { name: 'Oat milk' } });
    await agent.callTool({ name: 'update_item', arguments: { id: 4, purchased: true } });
    await fetch(`${origin}/items/`);
    await agent.close();
    const page = await newPage(t, origin);
    await row(page, '/items/').waitFor();
    assert.equal(await page.locator('.row').count(), 7);
    assert.equal(await page.locator('.row', { hasText: 'answered on the open stream' }).count(), 4);
    await row(page, 'closed after').getByText('endpoint').waitFor();
    assert.equal(await countAt(page, '/messages'), 5);
  },
);

test('the page makes a call over SSE itself, and what came of it is joined', inBrowser, async t => {
  const { page } = await openList(t);
  await page.getByRole('button', { name: 'Make an SSE call' }).click();
  const call = calling(page, 'get_items');
  await call.getByText('answered on the open stream').waitFor();
  assert.deepEqual(await partsOf(call), ['/mcp', '/messages']);
  assert.equal(await call.locator('.status').textContent(), '202');
  assert.match(await textOf(call.locator('.box')), /Answer to JSON-RPC id 2/);
  await page.getByRole('button', { name: 'Make a Streamable call' }).click();
  await calling(page, 'get_items').first().getByText('answered on this connection').waitFor();
  await page.getByRole('button', { name: 'Ask /mcpx' }).click();
  await row(page, "'/mcp' is mounted, but a prefix ends at a segment").waitFor();
  assert.match(await textOf(page.locator('#foreign code')), /^curl -H 'Host: evil\.example' /);
});

const widths = [360, 390, 768, 1024, 1280, 1440, 1920];
for (const colorScheme of ['light', 'dark'] as const)
  test(
    `at every width all of a card is in it, and the path is whole (${colorScheme})`,
    inBrowser,
    async t => {
      const { origin, page } = await openList(t, {}, { colorScheme });
      await showTraffic(t, page, origin);
      for (const width of widths) {
        await page.setViewportSize({ width, height: 900 });
        const found = geometry.parse(await page.evaluate(measure));
        assert.deepEqual(found.outside, [], `${width} px: outside their card`);
        assert.deepEqual(found.cutShort, [], `${width} px: paths that are cut short`);
        assert.ok(
          found.paths > 4 && found.lines === 1,
          `${width} px: a path takes ${found.lines} lines`,
        );
        assert.equal(found.scrolls, width, 'nothing scrolls sideways');
        assert.equal(found.crossings, 0, 'no two joins cross');
      }
      for (const width of [390, 1280]) {
        await page.setViewportSize({ width, height: 900 });
        assert.deepEqual(await findings(page), [], `${width} px`);
      }
    },
  );

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
  const foreign = row(page, 'The host evil.example is not served here.');
  await foreign.waitFor();
  assert.deepEqual(await wayOf(foreign), ['guard', 'router']);
  assert.equal(await textOf(foreign.locator('.stopped .value')), '403');
  assert.equal(await textOf(foreign.locator('.ghost .value')), 'not reached');

  await fetch(`${origin}/mcpx`);
  const near = row(page, "'/mcp' is mounted, but a prefix ends at a segment");
  await near.waitFor();
  assert.deepEqual(await wayOf(near), ['guard', 'router', 'app']);

  await fetch(`${origin}/items/`, { method: 'POST', body: 'Milk' });
  const handlers = row(page, 'The body must be application/json');
  await handlers.waitFor();
  assert.deepEqual(await wayOf(handlers), ['guard', 'router', 'route', 'handler']);
  assert.equal(await textOf(handlers.locator('.stopped .value')), '415');
});

test('a step shows the source lines that did it', inBrowser, async t => {
  const { origin, page } = await openList(t);
  await fetch(`${origin}/mcp/nothing`);
  const request = row(page, '/mcp/nothing');
  await request.locator('.step.cut').click();
  await request.getByText("The app gets rootPath '/mcp' and url '/nothing'").waitFor();
  await request.getByText('export function stripPrefix').waitFor();
  assert.match(await textOf(request.locator('figcaption').first()), /^router\.ts:\d+$/);
  await request.locator('.step.cut').click();
  await request.locator('.panel').waitFor({ state: 'detached' });
});

test('the keyboard alone reaches and opens every step, and adds an item', inBrowser, async t => {
  const { origin, page } = await openList(t);
  const agent = await connect(t, `${origin}/mcp/sse`);
  await agent.callTool({ name: 'get_items', arguments: {} });
  await calling(page, 'get_items').locator('.box').waitFor();
  const { keyboard } = page;
  await tabTo(page, '#story .row:first-child .step:first-child');
  const all = await page.locator('#story button').count();
  const opened = new Set<string>();
  for (let rows = await page.locator('.row').count(); rows > 0; rows--) {
    const inRow = await page.locator('.row:has(:focus) button').count();
    for (let left = inRow; left > 0; left--) {
      await keyboard.press('Enter');
      await page.locator(':focus[aria-expanded="true"]').waitFor();
      opened.add(await page.evaluate(focusedName));
      if (left > 1) await keyboard.press('ArrowRight');
    }
    if (rows > 1) await keyboard.press('ArrowDown');
  }
  assert.equal(opened.size, all);
  await tabTo(page, '#name');
  await keyboard.type('Olives');
  await keyboard.press('Enter');
  await page.getByRole('checkbox', { name: 'Olives' }).waitFor();
  await tabTo(page, 'body, .skip'); // out at the other end: no trap
});

test('a saved trace opens on any such page, and shows the same', inBrowser, async t => {
  const { origin, page } = await openList(t);
  await showTraffic(t, page, origin);
  const trace = await exported(page);
  const opened = await newPage(t, await serve(t, createApp(memoryStore())));
  await openTrace(opened, trace);
  await opened.getByText('This is trace.json').waitFor();
  await row(opened, '/mcpx').waitFor(); // drawn in a later frame
  assert.deepEqual(await picture(opened), await picture(page));
  await opened.locator('.step.cut').first().click();
  await opened.getByText('export function stripPrefix').waitFor();
  await openTrace(opened, '{}', 'x.json');
  await opened.getByText('x.json is not a trace').waitFor();
});

test('npm run trace serves the page for a file, without the list', inBrowser, async t => {
  const origin = await serve(t, traceApp(new URL('../../../docs/trace.json', import.meta.url)));
  const page = await newPage(t, origin);
  await row(page, 'remove_item').waitFor();
  assert.equal(await page.locator('#panel').isVisible(), false);
});

test('tabs share one stream, and when its tab goes another takes over', inBrowser, async t => {
  const streams: ServerResponse[] = [];
  const { origin, page } = await openList(t, {}, {}, (req, res) => {
    if (req.url === '/live/events') streams.push(res);
  });
  const agent = await connect(t, `${origin}/mcp/sse`);
  await agent.callTool({ name: 'add_item', arguments: { name: 'First' } });
  await calling(page, 'add_item').waitFor();

  const second = await newTab(t);
  await second.goto(origin);
  await second.getByText('Live, through another tab').waitFor();
  await row(second, 'add_item').waitFor(); // what had happened before it came
  await second.getByRole('checkbox', { name: 'First' }).waitFor();
  assert.deepEqual(await picture(second), await picture(page));
  assert.equal(streams.length, 1);

  const [first] = streams;
  const closed = new Promise(done => first?.once('close', done));
  await page.close();
  await closed;
  await second.getByText('Live', { exact: true }).waitFor();
  await agent.callTool({ name: 'remove_item', arguments: { id: 4 } });
  const removal = row(second, 'remove_item');
  await removal.getByText('answered on the open stream').waitFor();
  assert.equal(
    await second.locator('.row', { hasText: 'open since' }).count(),
    1,
    'the stream is known again',
  );
  assert.equal(streams.length, 2);
});

test('a stream that was open before the page shows its answers', inBrowser, async t => {
  const app = createApp(memoryStore(), { xray: true });
  const origin = await serveUntilClosed(t, app);
  const agent = await connect(t, `${origin}/mcp/sse`);
  const page = await newPage(t, origin);
  const stream = row(page, 'open since').or(row(page, 'closed after')).first();
  await stream.waitFor();
  assert.deepEqual(await wayOf(stream), ['guard', 'router', 'mount', 'app', 'session', 'stream']);
  await agent.callTool({ name: 'get_items', arguments: {} });
  await calling(page, 'get_items').getByText('answered on the open stream').waitFor();
  await page.reload();
  await stream.waitFor();
  await agent.callTool({ name: 'add_item', arguments: { name: 'Rice' } });
  await calling(page, 'add_item').getByText('answered on the open stream').waitFor();
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
  await calling(page, 'get_items').nth(1).waitFor();
  const session = await page
    .locator('#session option', { hasText: '· SSE · test' })
    .getAttribute('value');
  await page.locator('#session').selectOption(session);
  await calling(page, 'get_items').nth(1).waitFor({ state: 'detached' });
  await calling(page, 'get_items').first().waitFor(); // drawn anew in a later frame
  assert.equal(await calling(page, 'get_items').count(), 1);
  await page.locator('#session').selectOption('');
  await fetch(`${origin}/mcpx`);
  await row(page, '/mcpx').waitFor();
  await page.locator('#kind').selectOption('bad');
  await calling(page, 'get_items').first().waitFor({ state: 'detached' });
  await row(page, '/mcpx').waitFor();
  assert.equal(await page.locator('.row').count(), 1);
  await page.locator('#kind').selectOption('mcp');
  await row(page, '/mcpx').waitFor({ state: 'detached' });
  await page.locator('#path').fill('/items');
  await page.getByText('Nothing that passed fits').waitFor();
  await page.locator('#path').fill('');
  await page.locator('#kind').selectOption('');

  await page.getByRole('button', { name: 'Pause' }).click();
  await fetch(`${origin}/healthz`);
  await page.getByText('Paused (1)').click(); // it has come, and is not drawn
  await row(page, '/healthz').waitFor();
  await page.getByRole('button', { name: 'Clear' }).click();
  await row(page, '/healthz').waitFor({ state: 'detached' });
  await row(page, 'open since').first().waitFor();
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
  await calling(page, 'get_items').nth(1).waitFor();
  await fetch(`${origin}/items/`); // without the token, so it is nobody's
  await fetch(`${origin}/nowhere`, { headers });
  await row(page, '/nowhere').waitFor();
  assert.equal(await row(page, 'Send a token').count(), 0);
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
  await calling(page, 'add_item')
    .locator('.step', { hasText: /^message/ })
    .click();
  await page.locator('.panel pre', { hasText: 'onerror' }).waitFor();
  assert.equal(await page.locator('img, #items script').count(), 0);
  assert.match(await page.title(), /^The mount/);
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
    const origin = await serveUntilClosed(t, app());
    const page = await newPage(t, origin + path);
    await page.getByRole('checkbox', { name: 'Apples' }).check();
    await row(page, 'PATCH').waitFor();
  });

test('the page comes back when the server does', inBrowser, async t => {
  const start = async (port: number): Promise<Server> => {
    const app = createApp(memoryStore(), { xray: true });
    t.after(() => app.close?.());
    const server = createServer(held(app));
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
  await row(page, 'PATCH').waitFor();
});

test(
  '200 calls in a second are counted truly, and the page stays small and alive',
  inBrowser,
  async t => {
    const { origin, page } = await openList(t);
    const session = await openSession(`${origin}/mcp`);
    const call = (_: unknown, id: number) =>
      post(`${origin}/mcp`, toolCall(id, 'get_items'), session);
    await Promise.all(Array.from({ length: 200 }, call));
    await page.getByText('more came too fast to be drawn; they are counted').waitFor();
    await page.locator('#tree .count', { hasText: '201' }).first().waitFor();
    for (let count = 0; count < 120; count++) await fetch(`${origin}/healthz`);
    await page.locator('#tree .count', { hasText: '120' }).first().waitFor();
    assert.equal(await countAt(page, '/healthz'), 120);
    const folded = row(page, '/healthz');
    assert.equal(await folded.count(), 1, 'equal ones are one row');
    assert.match(await textOf(folded.locator('.times')), /^×([2-9]|\d\d+)$/);
    const nodes = Number(await page.evaluate("document.querySelectorAll('*').length"));
    assert.ok(nodes < 12_000, `${nodes} elements`);
    await page.getByRole('checkbox', { name: 'Apples' }).check();
    await page.locator('li.done', { hasText: 'Apples' }).waitFor();
  },
);

test('the last 300 requests and 200 frames are kept, and what is open', inBrowser, async t => {
  const page = await newPage(t, await serve(t, createApp(memoryStore())));
  await openTrace(page, JSON.stringify(longTrace(1_000)));
  await page.getByText('This is trace.json').waitFor();
  await row(page, '/items/1000').waitFor();
  assert.equal(await page.locator('.row').count(), 300);
  assert.equal(await row(page, '/items/701').count(), 0, 'the oldest went');
  const stream = row(page, 'event: first');
  assert.equal(await textOf(stream.locator('.frame').first()), 'event: first');
});

interface Opened {
  origin: string;
  page: Page;
}

/** A fresh list and a page on it; `see` is told each request before the app. */
async function openList(
  t: TestContext,
  options: AppOptions = {},
  look: Look = {},
  see: (req: IncomingMessage, res: ServerResponse) => void = () => {},
  ready = '#items li',
): Promise<Opened> {
  const app = createApp(memoryStore(), { xray: true, ...options });
  const seen: App = (req, res) => {
    see(req, res);
    return app(req, res);
  };
  const origin = await serveUntilClosed(t, Object.assign(seen, { close: () => app.close?.() }));
  const page = await newPage(t, origin, look);
  await page.locator(ready).first().waitFor();
  return { origin, page };
}

/** An x-ray that is left open listens to the requests of all tests that follow. */
async function serveUntilClosed(t: TestContext, app: App): Promise<string> {
  const origin = await serve(t, app);
  t.after(() => app.close?.());
  return origin;
}

/** Whatever fails on it fails the test. */
async function newPage(t: TestContext, url: string, look: Look = {}): Promise<Page> {
  const page = await newTab(t);
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.emulateMedia(look);
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
  await row(page, '/mcpx').waitFor();
  await row(page, '/mcpx').locator('.step').nth(1).click();
  await page.locator('.panel figure').first().waitFor();
}

/** Those that call this tool: its name stands in other answers, too. */
function calling(page: Page, tool: string): Locator {
  const value = page.locator('.step .value').getByText(tool, { exact: true });
  return page.locator('#story .row', { has: value });
}

function row(page: Page, text: string): Locator {
  return page.locator('#story .row', { hasText: text });
}

async function textOf(locator: Locator): Promise<string> {
  return (await locator.textContent()) ?? '';
}

/** What is left and right of the cut. */
async function partsOf(row: Locator): Promise<string[]> {
  await row.first().waitFor(); // drawn in a later frame
  return row.locator('.path .prefix, .path .rest').allTextContents();
}

async function wayOf(row: Locator): Promise<string[]> {
  await row.first().waitFor();
  return row.locator('.step .what').allTextContents();
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
  return { format: 'mcp-mount trace 2', tree, skipped: {}, counts: {}, stuck: [], steps };
}

/** What the lanes say, in words. */
async function picture(page: Page): Promise<string[]> {
  const rows = await page
    .locator('.row .head, .row .way, .row .call, .row .box, .row .own')
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

const focusedName = `(() => {
  const rows = [...document.querySelectorAll('.row')];
  const row = document.activeElement.closest('.row');
  return rows.indexOf(row) + ' ' + [...row.querySelectorAll('button')].indexOf(document.activeElement);
})()`;

const geometry = z.object({
  outside: z.array(z.string()),
  cutShort: z.array(z.string()),
  paths: z.number(),
  lines: z.number(),
  scrolls: z.number(),
  crossings: z.number(),
});

/** In the page: what sticks out of its card, which paths are not whole, how the joins lie. */
const measure = `(() => {
  const around = (element, box) => {
    const a = element.getBoundingClientRect(), b = box.getBoundingClientRect();
    return a.width === 0 || (a.left >= b.left - 1 && a.right <= b.right + 1 && a.top >= b.top - 4 && a.bottom <= b.bottom + 1);
  };
  const cards = [...document.querySelectorAll('.card, .box, .panel')];
  const seen = cards.flatMap(card => [...card.querySelectorAll('*:not(.unseen, pre *)')].filter(one => !around(one, card)).map(one => one.outerHTML.slice(0, 120)));
  const parts = [...document.querySelectorAll('.path .prefix, .path .rest, .path .uncut')];
  const short = parts.filter(part => part.scrollWidth > part.clientWidth + 1 && part.clientWidth > 0).map(part => part.textContent);
  const lines = Math.max(...parts.map(part => Math.round(part.getBoundingClientRect().height / parseFloat(getComputedStyle(part).lineHeight))));
  const joins = [...document.querySelectorAll('.row')].filter(row => row.querySelector('.lane.answers') && row.querySelector('.box')).map(row => [row.querySelector('.card').getBoundingClientRect().top, row.querySelector('.box').getBoundingClientRect().top]);
  const crossings = joins.filter(([a, b], i) => joins.some(([c, d], j) => j > i && (a - c) * (b - d) < 0)).length;
  return { outside: seen, cutShort: short, paths: parts.length, lines, scrolls: document.documentElement.scrollWidth, crossings };
})()`;

async function countAt(page: Page, node: string): Promise<number> {
  const line = page.locator('#tree .branch', { has: page.getByText(node, { exact: true }) });
  return Number(await textOf(line.locator('.count').first()));
}

function wrap(prefix: string, app: ReturnType<typeof createApp>) {
  return createRouter().mount(prefix, app);
}
