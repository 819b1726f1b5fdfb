/** The mount contract, held against apps that break one clause each, and against some that break none. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, test } from 'node:test';
import express from 'express';
import type { App } from '../../http/app.ts';
import { Breach, type ClauseName, clauses, contract } from '../../http/contract.ts';
import { createRouter, rootPath } from '../../router.ts';
import { portOf, stopServer } from '../support.ts';

// For tests where the mistake is no answer at all.
const soon = { timeout: 30_000 };
const waits = { patienceMs: 60, closeMs: 60 };

/** Serves as it is: tests/support.ts would hold what is to be broken here. */
async function serve(app: App): Promise<string> {
  const server = createServer(app);
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  after(() => stopServer(server));
  return `http://127.0.0.1:${portOf(server)}`;
}

type Hold = (app: App) => App;

interface Row {
  clause: ClauseName;
  reason: string;
  /** What is served; `hold` puts the app in question under the contract. */
  build(hold: Hold): App;
  path?: string;
  /** What is to be closed once it has answered. */
  closes?: boolean;
}

/** Below a router, which tells nobody of what is thrown here. */
function below(prefix: string, app: App): App {
  return createRouter({ onError() {} }).mount(prefix, app);
}

function row(clause: ClauseName, reason: string, app: App, rest: Partial<Row> = {}): Row {
  return { clause, reason, build: hold => below('/app', hold(app)), path: '/app/x?y', ...rest };
}

const middleware: App = (_req, _res, next?: () => void) => (next as () => void)();

const rows: Row[] = [
  row('entered', 'a host took off more than a prefix', (_req, res) => res.end(), {
    build: hold => (req, res) => {
      const app = hold((_req, res) => res.end());
      return app(Object.assign(req, { originalUrl: '/app/x', url: '/y' }), res);
    },
  }),
  row('two arguments', 'it goes on to a next that is not there', middleware),
  row('one answer', 'two heads', (_req, res) => {
    res.writeHead(200).end();
    res.writeHead(404);
  }),
  row('one answer', 'more after the end', (_req, res) => {
    res.once('error', () => {}); // Node says it, too, and later
    res.end('all');
    res.write('more');
  }),
  row('answered', 'it waits for nothing', () => {}),
  row('answered', 'it awaited, and forgot', async () => {
    await new Promise(setImmediate);
  }),
  row('its own url', 'it reads what a router below has entered', () => {}, {
    build: hold => {
      const inner = createRouter().mount(
        '/x',
        hold((_req, res) => res.end()),
      );
      return below(
        '/app',
        hold(async (req, res) => {
          await inner(req, res);
          assert.equal(req.url, '/?y');
        }),
      );
    },
  }),
  row('never restored', 'it puts the prefix back', (req, res) => {
    req.url = `/app${req.url}`;
    res.end();
  }),
  row('never restored', 'it makes up where the client pointed', (req, res) => {
    Object.assign(req, { originalUrl: '/elsewhere' });
    res.end();
  }),
  row('any prefix', 'it routes on the whole path', (req, res) => {
    const { originalUrl } = req as { originalUrl?: string };
    res.writeHead(originalUrl?.startsWith('/app/x') ? 200 : 404).end();
  }),
  row('any prefix', 'it redirects as if it were at the root', (_req, res) =>
    res.writeHead(302, { Location: '/login' }).end(),
  ),
  row('any prefix', 'so it does with a list of headers, behind a reason', (_req, res) =>
    res.writeHead(201, 'Made', ['location', '/things/7']).end(),
  ),
  row('any prefix', 'so it does with what was set before', (_req, res) => {
    res.setHeader('Content-Location', '/appendix').statusCode = 200;
    res.end();
  }),
  row('any prefix', 'its stream names a place to post to at the root', (_req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream' });
    res.end('event: endpoint\ndata: /messages?sessionId=1\n\n');
  }),
  row(
    'no redirect',
    'it adds a slash',
    (_req, res) => res.writeHead(307, { Location: '/app/?y' }).end(),
    { path: '/app?y' },
  ),
  row('awaited', 'it has answered, and never returns', async (_req, res) => {
    res.end();
    await new Promise(() => {});
  }),
  row(
    'close',
    'it never settles',
    closing(() => new Promise(() => {})),
    { closes: true },
  ),
  row(
    'close',
    'it is no promise',
    closing(() => undefined as never),
    { closes: true },
  ),
  row(
    'close',
    'its stream goes on',
    Object.assign(
      ((_req, res) =>
        res.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders()) as App,
      { close: async () => {} },
    ),
    { closes: true },
  ),
];

function closing(close: () => Promise<void>): App {
  const app: App = (_req, res) => res.end();
  return Object.assign(app, { close });
}

for (const { clause, reason, build, path = '/', closes } of rows)
  test(`'${clause}' is broken, and nothing else: ${reason}`, soon, async () => {
    const broken: Breach[] = [];
    let tell = () => {};
    const told = new Promise<void>(done => {
      tell = done;
    });
    const onBreach = (breach: Breach) => {
      broken.push(breach);
      tell();
    };
    const app = build(app => contract(app, { ...waits, onBreach }));
    const asked = new AbortController();
    const answer = fetch((await serve(app)) + path, {
      redirect: 'manual',
      signal: asked.signal,
    }).catch(() => {});
    if (closes) {
      await answer;
      await app.close?.();
    }
    await told;
    asked.abort();
    await answer;
    assert.deepEqual(
      broken.map(breach => breach.clause),
      [clause],
    );
    assert.ok(broken[0]?.message.includes(clauses[clause].says), 'it says the clause');
  });

test('there is an app for each clause', () => {
  const tried = new Set(rows.map(({ clause }) => clause));
  assert.deepEqual([...tried].sort(), Object.keys(clauses).sort());
});

const stream = Object.assign(
  ((_req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: 1\n\n');
    streams.push(res);
  }) as App,
  {
    async close() {
      for (const res of streams.splice(0)) res.end();
    },
  },
);
const streams: Parameters<App>[1][] = [];

const good: [reason: string, app: App, path: string][] = [
  ['at once', (_req, res) => res.end('x'), '/app/x'],
  ['in a while', (_req, res) => void setTimeout(() => res.end('x'), 20), '/app/x'],
  [
    'after an await',
    async (req, res) => {
      await new Promise(setImmediate);
      res.end(`${rootPath(req)} ${req.url}`);
    },
    '/app/x',
  ],
  ['by throwing', () => Promise.reject(new Error('broken')), '/app/x'],
  ['by throwing a TypeError of its own', () => (undefined as never as () => void)(), '/app/x'],
  [
    'with a redirect inside',
    (req, res) => res.writeHead(302, { Location: `${rootPath(req)}/y` }).end(),
    '/app/x',
  ],
  [
    'with a redirect outside, in full',
    (_req, res) => res.writeHead(302, { Location: 'https://login.example/app' }).end(),
    '/app/x',
  ],
  ['with a relative one', (_req, res) => res.writeHead(302, { Location: 'y' }).end(), '/app'],
  [
    'with an endpoint below itself',
    (req, res) => {
      res.writeHead(200, { 'Content-Type': 'text/event-stream' });
      res.end(`event: endpoint\ndata: ${rootPath(req)}/messages?sessionId=1\n\n`);
    },
    '/app/sse',
  ],
  ['with a stream that its close ends', stream, '/app/x'],
  ['with a router in it', createRouter().mount('/deep', (_req, res) => res.end()), '/app/deep?x'],
  ['with a 404 of its own', createRouter(), '/app/x'],
  ['by hanging up', (_req, res) => void res.destroy(), '/app/x'],
];

for (const [reason, app, path] of good)
  test(`no clause is broken by an app that answers ${reason}`, soon, async () => {
    const broken: Breach[] = [];
    const hold: Hold = app => contract(app, { ...waits, onBreach: breach => broken.push(breach) });
    const router = hold(below('/app', hold(app)));
    const answer = await fetch((await serve(router)) + path, { redirect: 'manual' }).catch(
      () => {},
    );
    await router.close?.();
    await answer?.text();
    assert.deepEqual(broken, []);
  });

test('a breach is thrown to the app that writes a second head, in its own stack', async () => {
  const errors: unknown[] = [];
  const app = contract((_req, res) => {
    res.writeHead(200).end('first');
    writesAgain(res);
  });
  const router = createRouter({ onError: error => errors.push(error) }).mount('/app', app);
  const answer = await fetch(`${await serve(router)}/app/x`);
  assert.equal(await answer.text(), 'first', 'what had gone out is not taken back');
  const [breach] = errors;
  assert.ok(breach instanceof Breach);
  assert.equal(breach.clause, 'one answer');
  assert.match(breach.message, /^GET \/app\/x: It sent a head, and there was one already\. The /);
  assert.match(breach.stack ?? '', /writesAgain/);
});

function writesAgain(res: Parameters<App>[1]): void {
  res.writeHead(404);
}

test(
  'an app that leaves a request unanswered rejects, and a router makes it a 500',
  soon,
  async () => {
    const errors: unknown[] = [];
    const router = createRouter({ onError: error => errors.push(error) });
    router.mount(
      '/app',
      contract(() => {}, waits),
    );
    const answer = await fetch(`${await serve(router)}/app/x`);
    assert.equal(answer.status, 500);
    assert.match(String(errors), /60 ms later there was no answer/);
  },
);

test('a close that breaks the contract rejects', async () => {
  const held = contract(
    closing(() => new Promise(() => {})),
    waits,
  );
  await assert.rejects(async () => held.close?.(), { name: 'Breach', clause: 'close' });
});

test('what a close throws is thrown on', async () => {
  const held = contract(closing(() => Promise.reject(new Error('stuck'))));
  await assert.rejects(async () => held.close?.(), /stuck/);
});

test('a router under the contract is a guest as it was', async () => {
  const broken: Breach[] = [];
  const router = createRouter().get('/here', (_req, res) => res.end('here'));
  const held = contract(router, { ...waits, onBreach: breach => broken.push(breach) });
  const host = express()
    .use('/x', held)
    .get('/x/there', (_req, res) => void res.send('there'));
  const origin = await serve(host);
  for (const name of ['here', 'there'])
    assert.equal(await (await fetch(`${origin}/x/${name}`)).text(), name);
  assert.deepEqual(broken, []);
});

test('an option that is none is refused at once', () => {
  assert.throws(() => contract(() => {}, { patience: 1 } as never), /'patience' is no option/);
  assert.throws(() => contract(undefined as never), /contract: what it holds is a function/);
});
