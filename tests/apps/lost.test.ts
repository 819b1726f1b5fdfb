/** A browser's 404 is a page with links to what is near; everybody else's stays a problem. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { lostPage } from '../../apps/lost.ts';
import { tokenGuard } from '../../guard.ts';
import { answered, matched, type RequestEvent } from '../../http/channels.ts';
import { prefersHtml } from '../../http/html.ts';
import { type ProblemEvent, problemSent } from '../../http/problem.ts';
import { createRouter, type Router } from '../../router.ts';
import { createApp } from '../../server.ts';
import { memoryStore } from '../../store.ts';
import { serve } from '../support.ts';
import { type Answer, ask, eventsOf } from './mcp/wire.ts';

const browser = { Accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' };

function linksIn({ body }: Answer): string[] {
  return [...body.matchAll(/<a href="(.*?)">(.*?)<\/a>/g)].map(([, path = '', text]) => {
    assert.equal(path, text);
    return path;
  });
}

function plain(html: string): string {
  return html.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));
}

test('a browser gets the words of the problem, and the near paths as links', async t => {
  const rows: [why: string, path: string, links: string[]][] = [
    ['a prefix ends at a segment', '/mcpx', ['/mcp']],
    ['a slip of the fingers', '/itmes', ['/items/']],
    ['only a POST goes there, so no link does', '/message', []],
    ['inside the mounted router', '/mcp/sse/x', ['/mcp/sse']],
    ['nothing is near: what lists the rest', '/something/else', ['/docs']],
  ];
  for (const prefix of ['', '/team']) {
    const app = createApp(memoryStore());
    const origin = await serve(t, prefix === '' ? app : createRouter().mount(prefix, app));
    for (const [why, path, links] of rows) {
      const url = origin + prefix + path;
      const page = await ask(url, { headers: browser });
      const { detail } = JSON.parse((await ask(url)).body);
      assert.equal(page.status, 404, why);
      assert.equal(page.headers['content-type'], 'text/html; charset=utf-8', why);
      assert.ok(plain(page.body).includes(`<p>${detail}</p>`), `${why}: ${page.body}`);
      const found = linksIn(page);
      for (const link of links) assert.ok(found.includes(prefix + link), `${why}: ${found}`);
      for (const link of found) assert.ok(link.startsWith(`${prefix}/`), link);
      if (links.length === 0) assert.deepEqual(found, [], why);
    }
  }
});

test('what a click could not ask for is named, and is no link', async t => {
  const router = createRouter()
    .get('/lists/:id', () => {})
    .post('/list/all', () => {});
  const page = await ask(`${await serve(t, lostPage(router))}/list/al`, { headers: browser });
  assert.deepEqual(linksIn(page), []);
  assert.match(page.body, /<code>POST \/list\/all<\/code>/);
  assert.match(page.body, /<code>GET \/lists\/:id<\/code>/);
});

test('everybody else, and every other answer, is as it was', async t => {
  const origin = await serve(t, createApp(memoryStore()));
  const rows: [why: string, path: string, method: string, Accept: string, status: number][] = [
    ['curl', '/mcpx', 'GET', '*/*', 404],
    ['a program', '/mcpx', 'GET', 'application/json', 404],
    ['who takes both, and JSON as gladly', '/mcpx', 'GET', 'application/json, text/html', 404],
    ['a form', '/mcpx', 'POST', browser.Accept, 404],
    ['an item that is not there', '/items/99', 'GET', browser.Accept, 404],
    ['another method', '/mcp/messages', 'GET', browser.Accept, 405],
    ['a path of two spellings', '/items%2f', 'GET', browser.Accept, 400],
  ];
  for (const [why, path, method, accept, status] of rows) {
    const answer = await ask(origin + path, { method, headers: { Accept: accept } });
    assert.equal(answer.status, status, why);
    assert.equal(answer.headers['content-type'], 'application/problem+json', why);
  }
  const found = await ask(`${origin}/items/`, { headers: browser });
  assert.equal(found.headers['content-type'], 'application/json');
});

test('a guard goes first: who has no token learns nothing of what is behind it', async t => {
  const inner = lostPage(createRouter().get('/secret-plan', () => {}));
  const guarded = tokenGuard(['a-token-for-this-test'])(inner);
  const origin = await serve(t, createRouter().mount('/in', guarded));
  const without = await ask(`${origin}/in/secret-pla`, { headers: browser });
  assert.equal(without.status, 401);
  assert.doesNotMatch(without.body, /secret-plan/);
  const headers = { ...browser, Authorization: 'Bearer a-token-for-this-test' };
  const page = await ask(`${origin}/in/secret-pla`, { headers });
  assert.deepEqual(linksIn(page), ['/in/secret-plan']);
});

test('the page runs no script and loads nothing, and what was asked for is no markup in it', async t => {
  const origin = await serve(t, lostPage(createRouter().get(`/a"b'&c`, () => {})));
  const page = await ask(`${origin}/a"b'&<script>alert(1)</script>`, { headers: browser });
  assert.equal(page.status, 404);
  assert.doesNotMatch(page.body, /<(?:script|link|img|iframe)\b/);
  assert.match(String(page.headers['content-security-policy']), /^default-src 'none'; style-src /);
  assert.equal(page.headers['x-content-type-options'], 'nosniff');
  assert.equal(page.headers['cache-control'], 'no-store');
  assert.equal(page.headers.vary, 'Accept');
});

test('HEAD has the head of that page', async t => {
  const origin = await serve(t, lostPage(createRouter()));
  const { status, headers, body } = await ask(origin, { method: 'HEAD', headers: browser });
  assert.deepEqual([status, headers['content-type'], body], [404, 'text/html; charset=utf-8', '']);
});

test('those who listen are told of it as of the problem', async t => {
  const router = createRouter().mount('/in', lostPage(createRouter()));
  const page = await told(t, router, browser);
  assert.deepEqual(page, await told(t, router, {}));
  assert.deepEqual(page.passed, [' mount 1', '/in refused 0']);
  assert.match(page.detail, /^Nothing answers \/in\/x\./);
});

/** What is published of one request that nothing answers. */
async function told(t: TestContext, router: Router, headers: Record<string, string>) {
  const passing = eventsOf<RequestEvent>(t, matched);
  const ends = eventsOf<RequestEvent>(t, answered);
  const problems = eventsOf<ProblemEvent>(t, problemSent);
  await ask(`${await serve(t, router)}/in/x`, { headers });
  const [end] = await ends.until(({ length }) => length === 1);
  return {
    passed: passing.seen.map(
      ({ rootPath, match, entries }) => `${rootPath} ${match.kind} ${entries.length}`,
    ),
    status: end?.res.statusCode,
    refused: problems.seen.map(({ problem }) => problem.status),
    detail: problems.seen[0]?.problem.detail ?? '',
  };
}

test('HTML is preferred where it is asked for by name, and more than JSON', () => {
  const rows: [accept: string | undefined, prefers: boolean][] = [
    [undefined, false],
    ['*/*', false],
    ['text/*', false],
    ['text/html', true],
    [browser.Accept, true],
    ['application/json, text/html', false],
    ['application/json;q=0.5, text/html;q=0.9', true],
    ['text/html;q=0.5, application/problem+json', false],
    ['text/html; q=0', false],
    ['text/html;level=1;q=0.2, application/json;q=0.1', true],
    ['text/htmlx', false],
  ];
  for (const [accept, prefers] of rows) assert.equal(prefersHtml(accept), prefers, accept);
});
