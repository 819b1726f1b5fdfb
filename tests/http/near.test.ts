/** What a refusal says is near: cases with their reasons, and the bound of the work. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Entry } from '../../http/app.ts';
import { near, refusal } from '../../http/near.ts';
import { createRouter, type Router } from '../../router.ts';

const none = () => {};
const mcp = createRouter()
  .get('/sse', none, { otherMethod: 'It is a stream: GET it.' })
  .post('/messages', none, { otherMethod: 'A client connects to …/sse.' })
  .post('/', none)
  .get('/', none);
const root = createRouter()
  .get('/', none)
  .get('/items/', none)
  .post('/items', none)
  .get('/items/:id', none)
  .patch('/items/:id', none)
  .get('/healthz', none)
  .get('/docs', none, { listing: true })
  .mount(
    '/mcp',
    Object.assign(() => {}, { inner: mcp }),
  ) // as a guard around it shows it
  .mount('/old', () => {});

test('what is near is what was meant', () => {
  const rows: [request: string, meant: string[], reason: string][] = [
    ['GET /sse', ['/mcp/sse'], "by suffix: the lesson's first URL, at another mount"],
    ['GET /mpc/sse', ['/mcp/sse', '/mcp', '/mcp/messages'], 'two letters swapped'],
    ['GET /MCP/sse', ['/mcp/sse', '/mcp', '/mcp/messages'], 'by case'],
    ['GET /mcp/mcp/sse', ['/mcp/sse', '/mcp', '/mcp/messages'], 'the mount said twice'],
    ['GET /message', ['/mcp/messages'], 'a letter short, and at another mount'],
    ['GET /docz', ['/docs'], 'a letter wrong'],
    ['GET /Docs', ['/docs'], 'by case'],
    ['GET /%64ocs', ['/docs'], 'encoded without need'],
    ['GET /item', ['/items/', '/items/:id'], 'a letter short; then what is below'],
    ['GET /items/1/x', ['/items/:id', '/items/'], 'a segment too many'],
    ['GET /v1/items/7', ['/items/:id', '/items/'], 'a version in front'],
    ['GET /oldest', [], 'a word that only begins alike is another'],
    ['GET /olt', ['/old'], 'an app that lists nothing is near as a whole'],
    ['GET /x', [], 'a short word is not a slip of another'],
    ['GET /favicon.ico', [], 'nothing is like it'],
    ['GET /a/b/c/d/sse', [], 'too far'],
    [`GET /${'x'.repeat(9_000)}/sse`, [], 'too long to be a slip'],
    ['GET /', [], 'a path without segments is like no other'],
  ];
  for (const [request, meant, reason] of rows) {
    const [method = '', path = ''] = request.split(' ');
    const found = near(path, method, root.list()).map(({ path }) => path);
    assert.deepEqual(found, meant, `${request}: ${reason}`);
  }
});

test('of two as near, the one that answers the method goes first', () => {
  const router = createRouter().get('/a/list', none).post('/b/list', none);
  const first = (method: string) => near('/list', method, router.list())[0]?.path;
  assert.equal(first('GET'), '/a/list');
  assert.equal(first('HEAD'), '/a/list');
  assert.equal(first('POST'), '/b/list');
});

test('a refusal names the path as the client knows it, and what to do', () => {
  const rows: [router: Router, rootPath: string, request: string, detail: string][] = [
    [root, '', 'GET /sse', "Nothing answers /sse. Did you mean '/mcp/sse'?"],
    [root, '', 'GET /messages', "Nothing answers /messages. Did you mean 'POST /mcp/messages'?"],
    [root, '', 'GET /nowhere', 'Nothing answers /nowhere. GET /docs lists what there is.'],
    [mcp, '/mcp', 'GET /ses?x=1', "Nothing answers /mcp/ses. Did you mean '/mcp/sse'?"],
    [
      mcp,
      '/mcp',
      'GET /none',
      'Nothing answers /mcp/none. There is GET /mcp/sse, POST /mcp/messages, POST or GET /mcp.',
    ],
    [
      mcp,
      '/mcp',
      'POST /sse',
      'POST is not answered at /mcp/sse. Use GET, HEAD, OPTIONS. It is a stream: GET it.',
    ],
    [
      mcp,
      '/mcp',
      'GET /messages',
      'GET is not answered at /mcp/messages. Use OPTIONS, POST. A client connects to …/sse.',
    ],
    [root, '', 'GET /items/..', "The path holds a dot segment ('.' or '..'). Send it resolved."],
  ];
  for (const [router, rootPath, request, detail] of rows) {
    const [method = '', target = ''] = request.split(' ');
    const match = router.match(method, target);
    assert.ok(match.kind === 'refused', request);
    assert.equal(refusal(match, { method, rootPath, entries: router.list() }), detail);
  }
});

test('a mount that looks meant says why it was passed over', () => {
  const rows: [path: string, why: string][] = [
    ['/mcpx', "a prefix ends at a segment: '/mcp/…'."],
    ['/MCP/sse', 'upper and lower case differ in a path.'],
    ['//mcp/sse', 'slashes are never merged.'],
    ['/%6dcp', 'a path is compared before it is decoded.'],
  ];
  for (const [path, why] of rows) {
    const match = root.match('GET', path);
    assert.ok(match.kind === 'refused', path);
    const said = refusal(match, { method: 'GET', rootPath: '', entries: root.list() });
    assert.ok(said.startsWith(`Nothing answers ${path}. '/mcp' is mounted, but ${why}`), said);
  }
});

test('the work is bounded however much is registered and however long the path', () => {
  let read = 0;
  const entries: Entry[] = Array.from({ length: 5_000 }, (_, i) => ({
    kind: 'route',
    method: 'GET',
    get path() {
      read++;
      return `/section${i}/list/of/all/there/is/x`;
    },
    handler: none,
    about: {},
  }));
  near('/section/list/of/all/there/is/x', 'GET', entries);
  assert.ok(read > 0 && read <= 200, `${read} entries were looked at`);
});
