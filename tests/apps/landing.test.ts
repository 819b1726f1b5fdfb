/** A browser that opens an MCP URL learns what lives there; everybody else gets the app. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import express from 'express';
import { landing } from '../../apps/landing.ts';
import { type App, createRouter } from '../../router.ts';
import { createApp } from '../../server.ts';
import { memoryStore } from '../../store.ts';
import { held, theirs } from '../held.ts';
import { connect, serve } from '../support.ts';
import { type Answer, ask, openSession, openStream } from './mcp/wire.ts';

const browser = { Accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' };

test('a browser gets a page with the real URLs, under any mount and host', async t => {
  const below = (prefix: string, mount: string) =>
    createRouter().mount(prefix, createApp(memoryStore(), { mount }));
  const named = createApp(memoryStore(), { allowHosts: ['list.example'] });
  const rows: [why: string, app: App, path: string, host: string, url: string, sse: string][] = [
    ['the usual mount', named, '/mcp', 'localhost:1', 'localhost:1/mcp', 'localhost:1/mcp/sse'],
    ['with a slash', named, '/mcp/', 'localhost:1', 'localhost:1/mcp', 'localhost:1/mcp/sse'],
    ['the stream', named, '/mcp/sse', 'localhost:1', 'localhost:1/mcp', 'localhost:1/mcp/sse'],
    ['a query', named, '/mcp?x=1', 'localhost:1', 'localhost:1/mcp', 'localhost:1/mcp/sse'],
    ['an address', named, '/mcp', '127.0.0.1:8', '127.0.0.1:8/mcp', '127.0.0.1:8/mcp/sse'],
    ['IPv6', named, '/mcp', '[::1]:8', '[::1]:8/mcp', '[::1]:8/mcp/sse'],
    ['a name', named, '/mcp', 'list.example', 'list.example/mcp', 'list.example/mcp/sse'],
    [
      'the root',
      createApp(memoryStore(), { mount: '/' }),
      '/',
      'localhost',
      'localhost/',
      'localhost/sse',
    ],
    [
      'deeper',
      below('/a', '/b/mcp'),
      '/a/b/mcp',
      'localhost',
      'localhost/a/b/mcp',
      'localhost/a/b/mcp/sse',
    ],
    ['root of a mount', below('/a', '/'), '/a/sse', 'localhost', 'localhost/a', 'localhost/a/sse'],
    [
      'in Express',
      theirs(express().use('/x', held(createApp(memoryStore())))),
      '/x/mcp',
      'localhost',
      'localhost/x/mcp',
      'localhost/x/mcp/sse',
    ],
  ];
  for (const [why, app, path, Host, url, sse] of rows) {
    const answer = await ask((await serve(t, app)) + path, { headers: { ...browser, Host } });
    assert.equal(answer.status, 200, why);
    assert.match(answer.body, /An MCP server lives here/, why);
    assert.deepEqual(urlsIn(answer), [`http://${url}`, `http://${sse}`], why);
    const settings = settingsIn(answer);
    assert.equal(settings.length, 7, why);
    for (const text of settings) assert.ok(text.includes(`http://${url}`), `${why}: ${text}`);
  }
});

/** As the page names them: Streamable HTTP, then SSE. */
function urlsIn({ body }: Answer): string[] {
  return [...body.matchAll(/<dd>.*?<code>(.*?)<\/code>.*?<\/dd>/g)].map(([, url = '']) =>
    plain(url),
  );
}

function settingsIn({ body }: Answer): string[] {
  return [...body.matchAll(/<pre[^>]*><code>(.*?)<\/code><\/pre>/gs)].map(([, text = '']) =>
    plain(text),
  );
}

function plain(html: string): string {
  return html.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));
}

function textOf(html: string): string {
  return plain(html.replace(/<[^>]*>/g, ''));
}

test('the URLs on the page are ones that clients connect to', async t => {
  const origin = await serve(t, createRouter().mount('/a', createApp(memoryStore())));
  const [url = '', sse = ''] = urlsIn(await ask(`${origin}/a/mcp`, { headers: browser }));
  assert.equal((await (await connect(t, url, 'streamable')).listTools()).tools.length, 4);
  assert.equal((await (await connect(t, sse, 'sse')).listTools()).tools.length, 4);
});

test('the settings that are JSON parse, and hold the URL where their client looks for it', async t => {
  const origin = await serve(t, createApp(memoryStore()));
  const settings = settingsIn(await ask(`${origin}/mcp`, { headers: browser }));
  const url = `${origin}/mcp`;
  assert.deepEqual(
    settings.filter(text => text.startsWith('{')).map(text => JSON.parse(text)),
    [
      { servers: { shopping: { type: 'http', url } } },
      { mcpServers: { shopping: { url } } },
      { mcpServers: { shopping: { command: 'npx', args: ['mcp-remote', url] } } },
    ],
  );
});

test('everybody else gets the app', async t => {
  const url = `${await serve(t, createApp(memoryStore()))}/mcp`;
  const session = await openSession(url);
  const rows: [
    why: string,
    path: string,
    method: string,
    headers: Record<string, string>,
    status: number,
  ][] = [
    ['curl', '/sse', 'GET', { Accept: '*/*' }, 200],
    ['no Accept at all', '/sse', 'GET', {}, 200],
    ['an EventSource', '/sse', 'GET', { Accept: 'text/event-stream' }, 200],
    ['a client that probes', '', 'GET', { Accept: 'text/event-stream' }, 400],
    [
      'a session that listens, whatever it takes',
      '',
      'GET',
      { ...session, Accept: 'text/html, text/event-stream' },
      200,
    ],
    ['a form', '', 'POST', { ...browser, 'Content-Type': 'text/html' }, 415],
    ['HEAD', '/sse', 'HEAD', browser, 200],
    ['another method', '/sse', 'POST', browser, 405],
    ['a path that is posted to', '/messages', 'GET', browser, 405],
    ['a path that is none', '/nowhere', 'GET', {}, 404],
    ['a path that only begins so', '/sse/x', 'GET', {}, 404],
  ];
  for (const [why, path, method, headers, status] of rows) {
    const stream = await openStream(t, url + path, { method, headers });
    assert.equal(stream.status, status, why);
    assert.notEqual(stream.headers['content-type'], 'text/html; charset=utf-8', why);
    stream.cut();
  }
});

test('the page is shown without a token, and the app behind it still asks for one', async t => {
  const url = `${await serve(t, createApp(memoryStore(), { tokens: ['a-token-for-this-test'] }))}/mcp`;
  assert.equal((await ask(url, { headers: browser })).status, 200);
  assert.equal((await ask(`${url}/sse`)).status, 401);
});

test('nothing that a request or an operator says becomes markup', async t => {
  const name = `"><script>alert('&')</script>`;
  const app: App = (_req, res) => res.end();
  const origin = await serve(t, landing(app, { name })); // without a guard that looks at Host
  const answer = await ask(origin, {
    headers: { ...browser, Host: 'a"><script>alert(1)</script>' },
  });
  assert.doesNotMatch(answer.body, /<script>alert|alert\('&'\)/);
  assert.equal(urlsIn(answer)[0], 'http://a"><script>alert(1)</script>/');
  for (const text of settingsIn(answer).filter(text => text.startsWith('{')))
    assert.ok(Object.hasOwn(Object.values<object>(JSON.parse(text))[0] ?? {}, name), text);
});

test('the page runs its own script alone, loads nothing, and is not kept for those who get the app', async t => {
  const url = `${await serve(t, createApp(memoryStore(), { allowOrigins: ['https://a.example'] }))}/mcp`;
  const { headers, body } = await ask(url, { headers: browser });
  const scripts = [...body.matchAll(/<script>(.*?)<\/script>/gs)].map(([, text = '']) => text);
  const hashes = scripts.map(text => createHash('sha256').update(text).digest('base64'));
  assert.equal(hashes.length, 1);
  assert.equal(
    headers['content-security-policy'],
    `default-src 'none'; script-src 'sha256-${hashes[0]}'; style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  );
  assert.doesNotMatch(body, /<(?:script\s|link|img|iframe)\b|url\(|@import/);
  assert.equal(headers['cache-control'], 'no-store');
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.equal(headers.vary, 'Origin, Accept');
});

test('it has the look of the x-ray', async t => {
  const origin = await serve(t, createApp(memoryStore()));
  const look = await ask(`${origin}/live/look.css`);
  assert.equal(look.status, 200);
  assert.ok((await ask(`${origin}/mcp`, { headers: browser })).body.includes(look.body));
});

test('it says what the mount did to this very request', async t => {
  const rows: [mount: string, path: string, said: string][] = [
    [
      '/mcp',
      '/a/mcp?token=x',
      "It is mounted at /a/mcp, which the router took off this request, GET /a/mcp: the app sees rootPath '/a/mcp' and url '/'.",
    ],
    [
      '/mcp',
      '/a/mcp/sse',
      "It is mounted at /a/mcp, which the router took off this request, GET /a/mcp/sse: the app sees rootPath '/a/mcp' and url '/sse'.",
    ],
  ];
  for (const [mount, path, said] of rows) {
    const app = createRouter().mount('/a', createApp(memoryStore(), { mount }));
    const { body } = await ask((await serve(t, app)) + path, { headers: browser });
    assert.ok(textOf(body).includes(said), textOf(body));
  }
  const root = createApp(memoryStore(), { mount: '/' });
  const { body } = await ask(`${await serve(t, root)}/sse`, { headers: browser });
  assert.match(
    textOf(body),
    /mounted at \/, so nothing came off this request: the app sees rootPath '' and url '\/sse'/,
  );
});

test('it lists the tools that a client is told of, in the same words', async t => {
  const url = `${await serve(t, createApp(memoryStore()))}/mcp`;
  const { tools } = await (await connect(t, url, 'streamable')).listTools();
  const { body } = await ask(url, { headers: browser });
  const listed = [...body.matchAll(/<li><code>(.*?)<\/code> (.*?)<\/li>/g)];
  assert.deepEqual(
    listed.map(([, name = '', description = '']) => [plain(name), plain(description)]),
    tools.map(({ name, description }) => [name, description]),
  );
});

test('its links lead to pages that are there, under any mount', async t => {
  for (const mount of ['/mcp', '/', '/deep/er']) {
    const app = createRouter().mount('/a', createApp(memoryStore(), { mount }));
    const origin = await serve(t, app);
    const { body } = await ask(`${origin}/a${mount === '/' ? '' : mount}`, { headers: browser });
    const links = [...body.matchAll(/<a href="(.*?)">(.*?)<\/a>/g)];
    assert.deepEqual(
      links.map(([, path, text]) => text?.replace(` <code>${path}</code>`, '')),
      ['The x-ray', 'API docs'],
    );
    for (const [, path = ''] of links) {
      const page = await ask(origin + plain(path), { headers: browser });
      assert.equal(page.status, 200, path);
      assert.doesNotMatch(page.body, /An MCP server lives here/, path);
    }
  }
});

test('closing the landing closes the app inside', async () => {
  let closed = 0;
  const app = Object.assign(() => {}, { close: async () => void closed++ });
  await landing(app, { name: 'x' }).close?.();
  assert.equal(closed, 1);
  assert.equal(landing(() => {}, { name: 'x' }).close, undefined);
});
