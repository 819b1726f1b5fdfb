/** The list's web door over real HTTP: each answer, each refusal, and that a refusal changes nothing. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import { type TestContext, test } from 'node:test';
import express from 'express';
import { type Body, readJson } from '../http/body.ts';
import { type App, createRouter } from '../router.ts';
import { createApp } from '../server.ts';
import { type Item, memoryStore, type StoreOptions } from '../store.ts';
import { held, theirs } from './held.ts';
import { serve } from './support.ts';

const json = { 'Content-Type': 'application/json' };
const milk = JSON.stringify({ name: 'Milk' });

test('GET /items and /items/ answer the list as a JSON array', async t => {
  const origin = await serveList(t);
  for (const path of ['/items', '/items/', '/items/?page=1']) {
    const res = await fetch(origin + path);
    assert.equal(res.status, 200, path);
    assert.equal(res.headers.get('content-type'), 'application/json');
    assert.deepEqual(await res.json(), [
      { id: 1, name: 'Apples', quantity: 6, purchased: false },
      { id: 2, name: 'Bread', quantity: 1, purchased: true },
      { id: 3, name: 'Coffee', quantity: 2, purchased: false },
    ]);
  }
});

test('HEAD answers as GET does, without the body', async t => {
  const origin = await serveList(t);
  for (const path of ['/items', '/items/', '/items/1', '/items/99', '/items/abc']) {
    const [get, head] = [
      await fetch(origin + path),
      await fetch(origin + path, { method: 'HEAD' }),
    ];
    const length = String(Buffer.byteLength(await get.text()));
    assert.equal(head.status, get.status, path);
    for (const name of ['content-type', 'content-length'])
      assert.equal(head.headers.get(name), get.headers.get(name), `${path}: ${name}`);
    assert.equal(head.headers.get('content-length'), length);
    assert.equal(await head.text(), '');
  }
});

test('POST /items/ adds the item and answers 201 with it', async t => {
  const origin = await serveList(t);
  for (const [why, body, expected] of added) {
    const res = await fetch(`${origin}/items/`, { method: 'POST', headers: json, body });
    assert.equal(res.status, 201, why);
    assert.equal(res.headers.get('content-type'), 'application/json');
    const item = (await res.json()) as Item; // compared in full below
    assert.deepEqual(item, { id: item.id, ...expected }, why);
    assert.deepEqual((await list(origin)).at(-1), item, why);
  }
});

const added: [why: string, body: string, expected: Omit<Item, 'id'>][] = [
  ['defaults', milk, { name: 'Milk', quantity: 1, purchased: false }],
  [
    'every field',
    '{"purchased":true,"quantity":9999,"name":"Oats"}',
    { name: 'Oats', quantity: 9_999, purchased: true },
  ],
  ['a name is trimmed', '{"name":" \\t Tea\\n "}', { name: 'Tea', quantity: 1, purchased: false }],
  [
    '200 characters, when trimmed, are a name',
    JSON.stringify({ name: ` ${'x'.repeat(200)} ` }),
    { name: 'x'.repeat(200), quantity: 1, purchased: false },
  ],
  [
    'not ASCII',
    '{"name":"Crème brûlée 🍮"}',
    { name: 'Crème brûlée 🍮', quantity: 1, purchased: false },
  ],
  [
    '2.0 is whole',
    '{"name":"Eggs","quantity":2.0}',
    { name: 'Eggs', quantity: 2, purchased: false },
  ],
  ['exactly 64 KiB', milk.padEnd(64 * 1024, ' '), { name: 'Milk', quantity: 1, purchased: false }],
];

test('a JSON body may carry parameters and other cases in its Content-Type', async t => {
  const origin = await serveList(t);
  for (const type of ['application/json; charset=utf-8', 'Application/JSON', 'application/json;']) {
    const headers = { 'Content-Type': type };
    const res = await fetch(`${origin}/items/`, { method: 'POST', headers, body: milk });
    assert.equal(res.status, 201, type);
  }
});

test('Location leads to the new item under any rootPath', async t => {
  for (const [why, host, path, expected] of locations) {
    const origin = await serve(t, host(createApp(memoryStore())));
    const res = await fetch(origin + path, { method: 'POST', headers: json, body: milk });
    assert.equal(res.headers.get('location'), expected, why);
    const item = await res.json();
    assert.deepEqual(await (await fetch(origin + expected)).json(), item, why);
  }
});

type Host = (app: App) => App;
const under = (prefix: string) => (app: App) => createRouter().mount(prefix, app);
const bare: Host = app => app;

const locations: [why: string, host: Host, path: string, location: string][] = [
  ['at the root', bare, '/items/', '/items/4'],
  ['without the slash', bare, '/items', '/items/4'],
  ['a query is no part of it', bare, '/items/?from=web', '/items/4'],
  ['nor is a slash in a query', bare, '/items?next=/', '/items/4'],
  ['in a router', under('/team'), '/team/items/', '/team/items/4'],
  ['in a router, without the slash', under('/team'), '/team/items?x', '/team/items/4'],
  ['two routers deep', app => under('/a')(under('/b/c')(app)), '/a/b/c/items/', '/a/b/c/items/4'],
  ['a prefix named as the path', under('/items'), '/items/items/', '/items/items/4'],
  ['in Express', app => theirs(express().use('/shop', held(app))), '/shop/items/', '/shop/items/4'],
];

test('Location of a target in absolute form is a path', async t => {
  const origin = await serveList(t);
  const res = await send(origin, { method: 'POST', path: `${origin}/items/`, headers: json }, milk);
  assert.equal(res.status, 201);
  assert.equal(res.headers.location, '/items/4');
});

test('GET, PATCH and DELETE of an item answer 200, 200 and 204', async t => {
  const origin = await serveList(t);
  const url = `${origin}/items/1`;
  const apples = { id: 1, name: 'Apples', quantity: 6, purchased: false };
  assert.deepEqual(await (await fetch(url)).json(), apples);
  assert.deepEqual(await (await fetch(`${url}/`)).json(), apples, 'with a slash, too');

  for (const [change, type = 'application/json'] of patches) {
    Object.assign(apples, change);
    const headers = { 'Content-Type': type };
    const res = await fetch(url, { method: 'PATCH', headers, body: JSON.stringify(change) });
    assert.equal(res.status, 200);
    assert.deepEqual(await res.json(), apples);
    assert.deepEqual(await (await fetch(url)).json(), apples);
  }

  const gone = await fetch(url, { method: 'DELETE' });
  assert.equal(gone.status, 204);
  assert.equal(gone.headers.get('content-type'), null);
  assert.equal(await gone.text(), '');
  assert.equal((await fetch(url)).status, 404);
  assert.deepEqual(
    (await list(origin)).map(item => item.id),
    [2, 3],
  );
});

const patches: [change: Partial<Item>, type?: string][] = [
  [{ purchased: true }],
  [{ purchased: false, quantity: 12 }],
  [{ name: 'Green apples' }, 'application/merge-patch+json'],
  [{}],
];

test('an id has one spelling: any other is 404 with a way to find the ids', async t => {
  const origin = await serveList(t);
  for (const [why, id] of noIds) {
    for (const [method, body] of itemMethods) {
      const path = `/items/${id}`;
      const headers = body === undefined ? {} : json;
      const res = await send(origin, { method, path, headers }, body);
      assertProblem(res, 404, `${method} ${path}: ${why}`);
      assert.match(res.problem.detail, /GET \/items\/ lists the ids/);
    }
  }
  assert.equal((await list(origin)).length, 3);
});

const itemMethods: [method: string, body?: string][] = [
  ['GET'],
  ['PATCH', '{"purchased":true}'],
  ['DELETE'],
];

const noIds: [why: string, id: string][] = [
  ['never given', '99'],
  ['before the first', '0'],
  ['Number() takes a leading zero', '01'],
  ['and an exponent', '1e0'],
  ['and a fraction', '1.0'],
  ['and hex', '0x1'],
  ['and a sign', '+1'],
  ['and spaces', '1%20'],
  ['and nothing but spaces, as 0', '%20'],
  ['negative', '-1'],
  ['a word', 'abc'],
  ['fullwidth digits', '%EF%BC%91'],
  ['beyond an id', '2147483648'],
  ['beyond a whole double', '9007199254740993'],
  ['not finite', 'Infinity'],
  ['a name that objects have', '__proto__'],
  ['another', 'constructor'],
];

test('each refusal is a problem that says what to do, and leaves the list as it was', async t => {
  const origin = await serveList(t);
  const before = await list(origin);
  for (const { why, method = 'POST', path = '/items/', body, type, ...expected } of refusals) {
    const headers: Record<string, string> =
      type === null ? {} : { 'Content-Type': type ?? 'application/json' };
    const res = await send(origin, { method, path, headers }, body);
    assertProblem(res, expected.status, why);
    assert.match(res.problem.detail, expected.detail, why);
    assert.equal(res.headers.allow, expected.allow, why);
    assert.deepEqual(await list(origin), before, why);
  }
});

interface Refusal {
  why: string;
  method?: string;
  path?: string;
  body?: string | Buffer;
  /** null: no Content-Type at all. */
  type?: string | null;
  status: number;
  detail: RegExp;
  allow?: string;
}

const refusals: Refusal[] = [
  { why: 'no body', body: '', status: 400, detail: /not JSON/ },
  { why: 'half a body', body: '{"name":', status: 400, detail: /not JSON/ },
  { why: 'a trailing comma', body: '{"name":"Milk",}', status: 400, detail: /not JSON/ },
  { why: 'two values', body: `${milk}${milk}`, status: 400, detail: /not JSON/ },
  { why: 'a form', body: 'name=Milk', status: 400, detail: /not JSON/ },
  {
    why: 'Latin-1: é as one byte is not UTF-8',
    body: Buffer.from('{"name":"Café"}', 'latin1'),
    status: 400,
    detail: /not JSON: it is not UTF-8/,
  },
  {
    why: 'nested too deep',
    body: '['.repeat(65) + ']'.repeat(65),
    status: 400,
    detail: /64 levels/,
  },
  {
    why: 'too deep to recurse into',
    body: `${'{"name":'.repeat(7_000)}1${'}'.repeat(7_000)}`,
    status: 400,
    detail: /64 levels/,
  },
  { why: 'no type', body: milk, type: null, status: 415, detail: /application\/json/ },
  { why: 'text', body: milk, type: 'text/plain', status: 415, detail: /application\/json/ },
  {
    why: 'a form’s type, which pages may send without asking',
    body: milk,
    type: 'application/x-www-form-urlencoded',
    status: 415,
    detail: /application\/json/,
  },
  {
    why: 'a type that starts so',
    body: milk,
    type: 'application/jsonp',
    status: 415,
    detail: /json/,
  },
  {
    why: 'a patch’s type on a POST',
    body: milk,
    type: 'application/merge-patch+json',
    status: 415,
    detail: /application\/json/,
  },
  {
    why: 'a patch in another format',
    method: 'PATCH',
    path: '/items/1',
    body: '[{"op":"remove","path":"/name"}]',
    type: 'application/json-patch+json',
    status: 415,
    detail: /application\/json/,
  },
  {
    why: 'one byte over 64 KiB',
    body: milk.padEnd(64 * 1024 + 1, ' '),
    status: 413,
    detail: /65536 bytes/,
  },
  {
    why: 'a patch over 64 KiB',
    method: 'PATCH',
    path: '/items/1',
    body: '{}'.padEnd(64 * 1024 + 1, ' '),
    status: 413,
    detail: /65536 bytes/,
  },
  {
    why: 'a known path with another method',
    method: 'PUT',
    body: '[]',
    status: 405,
    detail: /PUT is not answered at/,
    allow: 'GET, HEAD, OPTIONS, POST',
  },
  {
    why: 'the whole list can’t be removed',
    method: 'DELETE',
    status: 405,
    detail: /DELETE is not answered at/,
    allow: 'GET, HEAD, OPTIONS, POST',
  },
  {
    why: 'nothing is posted to an item',
    path: '/items/1',
    body: milk,
    status: 405,
    detail: /POST is not answered at/,
    allow: 'DELETE, GET, HEAD, OPTIONS, PATCH',
  },
  {
    why: 'below an item',
    path: '/items/1/name',
    body: milk,
    status: 404,
    detail: /Nothing answers/,
  },
];

test('wrong fields are 422, each with its reason, and leave the list as it was', async t => {
  const origin = await serveList(t);
  const before = await list(origin);
  for (const [why, doors, body, fields] of wrongFields) {
    for (const [method, path] of doors) {
      const res = await send(origin, { method, path, headers: json }, body);
      const label = `${method}: ${why}`;
      assertProblem(res, 422, label);
      assertErrors(res.problem, fields, label);
      assert.deepEqual(await list(origin), before, label);
    }
  }
});

const post = [['POST', '/items/']] as const;
const patch = [['PATCH', '/items/1']] as const;
const both = [...post, ...patch];

/** Of each field, why it is wrong; `''` is the body as a whole. */
type Wrong = Record<string, RegExp>;

const wrongFields: [why: string, doors: typeof both, body: string, fields: Wrong][] = [
  ['a new item needs a name', [...post], '{}', { name: /expected string/ }],
  ['an empty name', both, '{"name":""}', { name: />=1 char/ }],
  ['a name of spaces', both, '{"name":" \\t\\n "}', { name: />=1 char/ }],
  ['a long name', both, `{"name":"${'x'.repeat(201)}"}`, { name: /<=200 char/ }],
  ['a number as a name', both, '{"name":5}', { name: /expected string/ }],
  ['null is not "left out"', both, '{"name":"Tea","quantity":null}', { quantity: /number/ }],
  ['a quantity of none', both, '{"name":"Tea","quantity":0}', { quantity: />=1/ }],
  ['a negative quantity', both, '{"name":"Tea","quantity":-1}', { quantity: />=1/ }],
  ['a fraction', both, '{"name":"Tea","quantity":1.5}', { quantity: /int/ }],
  ['a quantity as text', both, '{"name":"Tea","quantity":"2"}', { quantity: /expected number/ }],
  ['one too many', both, '{"name":"Tea","quantity":10000}', { quantity: /<=9999/ }],
  ['not finite as a double', both, '{"name":"Tea","quantity":1e400}', { quantity: /number/ }],
  ['a mark as text', both, '{"name":"Tea","purchased":"no"}', { purchased: /expected boolean/ }],
  ['a mark as a number', both, '{"name":"Tea","purchased":0}', { purchased: /expected boolean/ }],
  ['an unknown field', both, '{"name":"Tea","color":"red"}', { color: /no such field/ }],
  ['another case is another field', both, '{"name":"Tea","Quantity":2}', { Quantity: /no such/ }],
  ['ids are given, not chosen', both, '{"name":"Tea","id":7}', { id: /no such field/ }],
  [
    'names that objects have',
    both,
    '{"name":"Tea","__proto__":{"quantity":5},"constructor":1,"toString":2}',
    { ['__proto__']: /no such/, constructor: /no such/, toString: /no such/ },
  ],
  [
    'all that is wrong at once',
    both,
    '{"name":"","quantity":0,"purchased":1,"color":"red","size":2}',
    { name: /char/, quantity: />=1/, purchased: /boolean/, color: /no such/, size: /no such/ },
  ],
  ['an array', both, '[{"name":"Tea"}]', { '': /expected object/ }],
  ['null', both, 'null', { '': /expected object/ }],
  ['text', both, '"Tea"', { '': /expected object/ }],
  // SQLite on Node 22 cuts a name at a NUL; no UTF-8 holds half a surrogate pair.
  ['a NUL in a name', both, '{"name":"Te\\u0000a"}', { name: /./ }],
  ['half a surrogate pair in a name', both, '{"name":"Te\\ud83ca"}', { name: /./ }],
];

function assertErrors({ errors = [], detail }: ProblemBody, fields: Wrong, label: string): void {
  const named = errors.map(({ field }) => field);
  assert.deepEqual(named, Object.keys(fields), label);
  for (const { field, reason } of errors) {
    assert.match(reason, fields[field] ?? /never/, label);
    assert.ok(detail.includes(`${field || 'body'}: ${reason}`), `${label}: ${detail}`);
  }
}

test('a full list answers 409 until an item is removed', async t => {
  const origin = await serveList(t, { maxItems: 3 });
  const before = await list(origin);
  const target = { method: 'POST', path: '/items/', headers: json };
  const refused = await send(origin, target, milk);
  assertProblem(refused, 409, 'full');
  assert.match(refused.problem.detail, /full\. Remove an item first: DELETE \/items\/:id/);
  assert.deepEqual(await list(origin), before);

  await fetch(`${origin}/items/2`, { method: 'DELETE' });
  assert.equal((await send(origin, target, milk)).status, 201);
});

test('a declared size over the limit is refused before any of the body is sent', async t => {
  const origin = await serveList(t);
  const before = await list(origin);
  for (const [method, path] of both) {
    for (const size of [64 * 1024 + 1, 100 * 1024 * 1024]) {
      const headers = { ...json, 'Content-Length': size };
      const req = request(origin, { method, path, headers, agent: false });
      req.on('error', () => {}); // the server hangs up on the rest, sooner or later
      req.flushHeaders();
      const res = await answerTo(req);
      assertProblem(res, 413, `${method} ${size}`);
      assert.match(res.problem.detail, /over 65536 bytes/);
      req.destroy();
    }
  }
  assert.deepEqual(await list(origin), before);
});

test('a body that declares no size is refused once it is over the limit', async t => {
  const origin = await serveList(t);
  const before = await list(origin);
  for (const [method, path] of both) {
    const headers = { ...json, 'Transfer-Encoding': 'chunked' };
    const req = request(origin, { method, path, headers, agent: false });
    req.on('error', () => {});
    for (let sent = 0; sent <= 64; sent++) req.write(' '.repeat(1024)); // never ended
    const res = await answerTo(req);
    assertProblem(res, 413, method);
    assert.match(res.problem.detail, /over 65536 bytes/);
    req.destroy();
  }
  assert.deepEqual(await list(origin), before);
});

test('OPTIONS names the methods of a path', async t => {
  const origin = await serveList(t);
  for (const [path, allow] of [
    ['/items', 'GET, HEAD, OPTIONS, POST'],
    ['/items/', 'GET, HEAD, OPTIONS, POST'],
    ['/items/1', 'DELETE, GET, HEAD, OPTIONS, PATCH'],
  ]) {
    const res = await fetch(`${origin}${path}`, { method: 'OPTIONS' });
    assert.equal(res.status, 204);
    assert.equal(res.headers.get('allow'), allow);
  }
});

function serveList(t: TestContext, options?: StoreOptions): Promise<string> {
  return serve(t, createApp(memoryStore(options)));
}

async function list(origin: string): Promise<Item[]> {
  return (await (await fetch(`${origin}/items/`)).json()) as Item[]; // the first test compares them
}

interface ProblemBody {
  type: string;
  title: string;
  status: number;
  detail: string;
  errors?: { field: string; reason: string }[];
}

interface Answer {
  status: number | undefined;
  headers: IncomingMessage['headers'];
  text: string;
  /** The body, where it is JSON. */
  problem: ProblemBody;
}

/** fetch resolves dot segments and won't send what a table here wants sent. */
function send(origin: string, options: RequestOptions, body?: string | Buffer): Promise<Answer> {
  const req = request(origin, options);
  req.end(body);
  return answerTo(req);
}

const answerMs = 5_000; // far more than any answer here takes

async function answerTo(req: ReturnType<typeof request>): Promise<Answer> {
  req.setTimeout(answerMs, () => req.destroy(new Error(`No answer in ${answerMs} ms.`)));
  const [res] = (await once(req, 'response')) as [IncomingMessage]; // Node's own event
  let text = '';
  for await (const chunk of res.setEncoding('utf8')) text += chunk;
  const isJson = /json/.test(res.headers['content-type'] ?? '');
  const problem = isJson ? JSON.parse(text) : undefined;
  return { status: res.statusCode, headers: res.headers, text, problem };
}

function assertProblem(
  { status, headers, text, problem }: Answer,
  code: number,
  why: string,
): void {
  assert.equal(status, code, `${why}: ${text}`);
  assert.equal(headers['content-type'], 'application/problem+json', why);
  assert.equal(headers['content-length'], String(Buffer.byteLength(text)), why);
  assert.equal(problem.type, 'about:blank', why);
  assert.equal(problem.status, code, why);
  assert.ok(problem.title.length > 0, why);
  assert.match(problem.detail, /^[A-Z].{15,}/, why); // a sentence
}

test('a body is not waited for whose request was destroyed', { timeout: 30_000 }, async t => {
  const read = new Promise<Body>(resolve => {
    const destroys: App = async req => {
      req.destroy(); // without an error, so that there is none to hear of
      resolve(await readJson(req, { maxBytes: 100 }));
    };
    serve(t, destroys).then(origin => {
      const headers = { ...json, 'Content-Length': 20 };
      request(origin, { method: 'POST', headers })
        .on('error', () => {})
        .write('{');
    });
  });
  const body = await read;
  assert.match(body.ok ? '' : body.detail, /^The request ended before its body did/);
});

test('a body that somebody has read is refused, not waited for', { timeout: 30_000 }, async t => {
  const router = createRouter().post('/items/', (req, res) => {
    req.on('end', async () => {
      const body = await readJson(req, { maxBytes: 100 });
      res.writeHead(body.ok ? 200 : body.status).end();
    });
    req.resume();
  });
  const origin = await serve(t, router);
  const answer = await fetch(`${origin}/items/`, { method: 'POST', headers: json, body: milk });
  assert.equal(answer.status, 400);
});
