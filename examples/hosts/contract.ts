/**
 * Others' apps below the router, held to the mount contract: which clauses each keeps, and which it
 * breaks at what. README.md has the table that this makes; check.ts holds it to it.
 */
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { getRequestListener } from '@hono/node-server';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import Koa from 'koa';
import mount from 'koa-mount';
import sirv from 'sirv';
import { type ClauseName, contract } from '../../package/contract.ts';
import { type App, createRouter } from '../../package/router.ts';
import packageJson from './package.json' with { type: 'json' };

const files = fileURLToPath(new URL('public', import.meta.url));

/**
 * Each has, where it can: /hello, /sub/hello behind something asynchronous, /moved, /fails, /late,
 * and at /stream an answer without an end.
 */
const guests: [
  name: string,
  of: keyof typeof packageJson.dependencies,
  build: () => App | Promise<App>,
][] = [
  ['Express', 'express', ofExpress],
  ['Express’s static files', 'express', () => express().use(express.static(files))],
  ['Koa', 'koa', ofKoa],
  ['Hono', 'hono', ofHono],
  ['Fastify', 'fastify', ofFastify],
  ['sirv', 'sirv', () => sirv(files)],
];

/** Whatever a client may ask of it. */
const asked: [method: string, path: string][] = [
  ['GET', ''],
  ['GET', '/'],
  ['GET', '/hello?x=1'],
  ['HEAD', '/hello'],
  ['POST', '/hello'],
  ['OPTIONS', '/hello'],
  ['GET', '/hello.txt'],
  ['GET', '/nowhere'],
  ['GET', '/sub/hello'],
  ['GET', '/sub/nowhere'],
  ['GET', '/moved'],
  ['GET', '/fails'],
  ['GET', '/late'],
  ['GET', '/stream'],
];

function ofExpress(): App {
  const app = express();
  const sub = express.Router().get('/hello', (_req, res) => void res.send('Hello'));
  app.get('/hello', (_req, res) => void res.send('Hello'));
  app.use('/sub', async (_req, _res, next) => setImmediate(() => next()), sub);
  app.get('/moved', (_req, res) => res.redirect('/hello'));
  app.get('/fails', () => {
    throw new Error('as a handler may');
  });
  app.get('/late', (_req, res) => void setTimeout(() => res.send('Hello'), 20));
  app.get('/stream', (_req, res) => void endless().pipe(res));
  const onError: express.ErrorRequestHandler = (_error, _req, res, _next) => res.sendStatus(500);
  app.use(onError); // or it is printed
  return app;
}

function ofKoa(): App {
  const app = new Koa();
  app.silent = true;
  app.use(mount('/sub', ctx => answer(ctx, '/hello')));
  app.use(async (ctx, next) => {
    await next();
    if (ctx.path === '/moved') ctx.redirect('/hello');
  });
  app.use(async ctx => {
    if (ctx.path === '/fails') throw new Error('as a handler may');
    if (ctx.path === '/late') await new Promise(done => setTimeout(done, 20));
    answer(ctx, '/hello', '/late');
    if (ctx.path === '/stream') ctx.body = endless();
  });
  return app.callback();
}

function answer(ctx: Koa.Context, ...paths: string[]): void {
  if (paths.includes(ctx.path)) ctx.body = 'Hello';
}

function ofHono(): App {
  const app = new Hono();
  app.get('/hello', c => c.text('Hello'));
  app.route(
    '/sub',
    new Hono().get('/hello', c => c.text('Hello')),
  );
  app.get('/moved', c => c.redirect('/hello'));
  app.get('/fails', () => {
    throw new Error('as a handler may');
  });
  app.get('/late', async c => {
    await new Promise(done => setTimeout(done, 20));
    return c.text('Hello');
  });
  // Node's type of it and the web's are two for one thing.
  app.get('/stream', c => c.body(Readable.toWeb(endless()) as ReadableStream));
  app.onError((_error, c) => c.text('It failed', 500)); // or it is printed
  return getRequestListener(app.fetch);
}

async function ofFastify(): Promise<App> {
  const app = fastify();
  app.get('/hello', async () => 'Hello');
  app.register(async sub => void sub.get('/hello', async () => 'Hello'), { prefix: '/sub' });
  app.get('/moved', (_request, reply) => reply.redirect('/hello'));
  app.get('/fails', async () => {
    throw new Error('as a handler may');
  });
  app.get('/late', async () => {
    await new Promise(done => setTimeout(done, 20));
    return 'Hello';
  });
  app.get('/stream', (_request, reply) => reply.send(endless()));
  await app.ready();
  return Object.assign(app.routing, { close: () => app.close() });
}

/** Says something, and goes on until nobody takes it any more. */
function endless(): Readable {
  return Readable.from(
    (async function* () {
      for (;;) yield await new Promise(done => setTimeout(done, 10, 'more\n'));
    })(),
  );
}

/** The table, as README.md is to have it. */
export async function contractTable(): Promise<string> {
  const rows = await Promise.all(guests.map(rowOf));
  const head = ['| app | breaks | where |', '|---|---|---|'];
  return `${[...head, ...rows].join('\n')}\n\nThe other clauses each keeps.`;
}

async function rowOf([name, of, build]: (typeof guests)[number]): Promise<string> {
  const broken = await breachesOf(await build());
  const named = [...broken.keys()].map(clause => `'${clause}'`).join('<br>') || 'nothing';
  const where = [...broken.values()].map(places => [...places].join(', ')).join('<br>');
  return `| ${name} ${packageJson.dependencies[of]} | ${named} | ${where} |`;
}

/** By clause, at which requests. */
async function breachesOf(app: App): Promise<Map<ClauseName, Set<string>>> {
  const broken = new Map<ClauseName, Set<string>>();
  let now = '';
  const held = contract(app, {
    patienceMs,
    onBreach: ({ clause }) =>
      broken.set(clause, (broken.get(clause) ?? new Set<string>()).add(`\`${now}\``)),
  });
  const router = createRouter().mount('/app', held);
  const server = createServer(router);
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo; // it listens on a port
  for (const [method, path] of asked) {
    now = `${method} /app${path}`;
    await ask(port, method, `/app${path}`);
  }
  await new Promise(done => setTimeout(done, patienceMs + 100)); // what comes late has come
  now = 'close()';
  await router.close();
  await new Promise(done => server.close(done));
  return broken;
}

const patienceMs = 2_000; // each is answered within 30 ms, on a machine that has nothing else to do

/** Of what has no end it takes the first part, and leaves. */
function ask(port: number, method: string, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request({ port, method, path, host: '127.0.0.1', agent: false }, answer => {
      answer.on('data', () => {
        if (path.endsWith('/stream')) answer.destroy();
      });
      answer.once('close', resolve);
    });
    sent.once('error', reject).end();
  });
}
