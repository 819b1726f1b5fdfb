/** mcpApp around other people's servers: made from the request, whenever they are ready. */
import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import test, { type TestContext } from 'node:test';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { type McpApp, type McpOptions, mcpApp } from '../../../apps/mcp/app.ts';
import { type McpRequest, sessionDefaults } from '../../../apps/mcp/sessions.ts';
import { connect, serve, type Transport } from '../../support.ts';
import { ask, call, gate, initialize, openSession, openSse, post, posted } from './wire.ts';

const soon = { timeout: 30_000 }; // a test that waits for what never comes fails
const transports: Transport[] = ['sse', 'streamable'];
const pathOf = { sse: '/sse', streamable: '/' };

/** What onError is given. */
type Told = [error: unknown, req?: IncomingMessage | undefined];

const bare = () => new Server({ name: 'bare', version: '0' }, { capabilities: {} });

/** A server with one tool, which says what the server was made with. */
function saying(text: string): McpServer {
  const server = new McpServer({ name: 'saying', version: '0' });
  server.registerTool('say', {}, () => ({ content: [{ type: 'text', text }] }));
  return server;
}

/** As JavaScript calls it, which has no compiler. */
const loose = mcpApp as (createServer: unknown, options?: unknown) => McpApp;

const refused: [options: unknown, says: RegExp][] = [
  [{ idelMs: 5 }, /^mcpApp: 'idelMs' is no option\. Did you mean 'idleMs'\?$/],
  [{ prefix: '/x' }, /^mcpApp: 'prefix' is no option\. There is maxSessions, /],
  [{ idleMs: '5' }, /^mcpApp: 'idleMs' is a whole number from 1 up, not '5'\.$/],
  [{ maxSessions: 0 }, /'maxSessions' is a whole number from 1 up, not 0/],
  [{ maxSessions: Number.NaN }, /'maxSessions' .* not NaN/],
  [{ ownerShare: 2 }, /'ownerShare' is a number from 0 to 1, not 2/],
  [{ keepAliveMs: 2 ** 31 }, /'keepAliveMs' is a whole number from 1 to 2147483647/],
  [{ maxJsonDepth: 1e6 }, /'maxJsonDepth' is a whole number from 1 to 1000/],
  [{ endpoint: 'near' }, /'endpoint' is 'absolute' or 'relative', not 'near'/],
  [{ stateless: 'yes' }, /'stateless' is true or false/],
  [{ owner: 'sub' }, /'owner' is a function, not 'sub'/],
  [{ onError: null }, /'onError' is a function, not null/],
  [null, /the options are an object, not null/],
];

for (const [options, says] of refused)
  test(`mcpApp refuses ${JSON.stringify(options)} when it is made`, () => {
    assert.throws(() => loose(bare, options), { name: 'TypeError', message: says });
  });

test('mcpApp refuses a server where it is to be given what makes one', () => {
  assert.throws(() => loose(bare()), /createServer, which makes .* is a function, not an object/);
});

test('an option of mcpApp that is undefined is one not given', soon, async t => {
  const names = [
    ...Object.keys(sessionDefaults),
    'keepAliveMs',
    'maxBodyBytes',
    'graceMs',
    'owner',
  ];
  const app = loose(bare, Object.fromEntries(names.map(name => [name, undefined])));
  t.after(() => app.close());
  assert.equal(app.stats().maxSessions, sessionDefaults.maxSessions);
  const client = await connect(t, await serve(t, app), 'streamable');
  await client.ping();
});

for (const transport of transports) {
  test(`createServer over ${transport} gets the request, and may take its time`, soon, async t => {
    const app = mcpApp(async (req: McpRequest) => {
      await new Promise(setImmediate);
      return saying(`${req.headers['x-tenant']} ${req.auth?.clientId}`);
    });
    const origin = await serve(t, (req: McpRequest, res) => {
      req.auth = { token: 't', clientId: 'me', scopes: [] };
      return app(req, res);
    });
    const client = await connect(t, origin + pathOf[transport], transport, { 'X-Tenant': 'blue' });
    const { content } = await client.callTool({ name: 'say', arguments: {} });
    assert.deepEqual(content, [{ type: 'text', text: 'blue me' }]);
  });

  const failures: [how: string, createServer: () => unknown][] = [
    ['throws', () => assert.fail('no server today')],
    ['rejects', async () => assert.fail('no server today')],
    ['gives none', () => undefined],
  ];
  for (const [how, createServer] of failures)
    test(
      `a createServer that ${how} is a 500 over ${transport}, once told, and takes no place`,
      soon,
      async t => {
        const told: Told[] = [];
        const onError = (...args: Told) => void told.push(args);
        const app = loose(createServer, { maxSessions: 1, onError });
        const origin = await serve(t, app);
        for (let time = 1; time <= 3; time++) {
          const url = origin + pathOf[transport];
          const answer = transport === 'sse' ? await ask(url) : await post(url, initialize());
          assert.equal(answer.status, 500, answer.body);
          assert.equal(told.length, time);
          assert.match(String(told.at(-1)?.[0]), /no server/);
          assert.equal(told.at(-1)?.[1]?.url, pathOf[transport]);
          assert.equal(app.stats().sessions, 0);
        }
      },
    );

  test(
    `who leaves over ${transport} while its server is made leaves no place taken`,
    soon,
    async t => {
      const { opened: ready, open: finish } = gate();
      const { opened: asked, open: ask } = gate();
      const { opened: ended, open: end } = gate();
      const app = mcpApp(
        async () => {
          ask();
          await ready;
          return { connect: () => assert.fail('for nobody'), close: async () => end() };
        },
        { maxSessions: 1, onError: error => assert.fail(String(error)) },
      );
      const origin = await serve(t, app);
      const abort = new AbortController();
      const { method, headers, body } = posted(initialize());
      const request = {
        signal: abort.signal,
        ...(transport === 'streamable' && { method, headers, body }),
      };
      const answer = fetch(origin + pathOf[transport], request);
      await asked;
      assert.equal(app.stats().sessions, 1, 'its place is taken');
      abort.abort();
      await assert.rejects(answer);
      while (app.stats().sessions > 0) await new Promise(setImmediate);
      finish();
      await ended; // made for nobody, and closed
    },
  );
}

test(
  'a server that is made while another has the last place is refused, not made',
  soon,
  async t => {
    let made = 0;
    const { opened: ready, open: finish } = gate();
    const app = mcpApp(
      async () => {
        made++;
        await ready;
        return bare();
      },
      { maxSessions: 1 },
    );
    const origin = await serve(t, app);
    const first = post(origin, initialize());
    while (made === 0) await new Promise(setImmediate);
    assert.equal((await post(origin, initialize())).status, 503);
    finish();
    assert.equal((await first).status, 200);
    assert.equal(made, 1);
  },
);

test('what fails while a session closes is told, without a request', soon, async t => {
  const told: Told[] = [];
  const failure = new Error('closing failed');
  const app = mcpApp(() => Object.assign(bare(), { close: () => Promise.reject(failure) }), {
    onError: (...args) => void told.push(args),
  });
  const origin = await serve(t, app);
  const session = await openSession(origin);
  assert.equal((await ask(origin, { method: 'DELETE', headers: session })).status, 204);
  assert.equal(told.length, 1);
  const [error, req] = told[0] ?? [];
  assert.ok(error instanceof Error);
  assert.deepEqual([error.cause, req], [failure, undefined]);
});

/** Behind a guard that takes any 'user.serial' for a token: `owner` names the user alone. */
async function serveOwned(
  t: TestContext,
  options: McpOptions,
  expiresAt: (serial: number) => number,
) {
  const app = mcpApp(() => saying('hello'), options);
  return serve(t, (req: McpRequest, res) => {
    const token = req.headers.authorization?.replace('Bearer ', '') ?? '';
    const [subject, serial] = token.split('.');
    const extra = { subject };
    req.auth = {
      token,
      clientId: 'shared',
      scopes: [],
      extra,
      expiresAt: expiresAt(Number(serial)),
    };
    return app(req, res);
  });
}

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
const later = () => Date.now() / 1_000 + 600;
const bySubject: McpOptions = { owner: auth => String(auth.extra?.subject) };

test(
  "a user's next token keeps the session over streamable, and another user has none",
  soon,
  async t => {
    const origin = await serveOwned(t, bySubject, later);
    const session = await openSession(origin, bearer('me.1'));
    const list = call(1, 'tools/list');
    const status = async (token: string) =>
      (await post(origin, list, { ...session, ...bearer(token) })).status;
    assert.deepEqual(
      [await status('me.1'), await status('me.2'), await status('you.1')],
      [200, 200, 404],
    );
  },
);

test("a user's next token keeps the session over sse, past the end of the first", soon, async t => {
  const endsAt = Date.now() / 1_000 + 1;
  const origin = await serveOwned(t, bySubject, serial => (serial === 1 ? endsAt : later()));
  const kept = await openSse(t, `${origin}/sse`, bearer('me.1'));
  const ending = await openSse(t, `${origin}/sse`, bearer('me.1'));
  const ping = (id: number) => call(id, 'ping');
  assert.equal((await post(kept.messages, ping(1), bearer('me.2'))).status, 202);
  assert.equal((await post(kept.messages, ping(2), bearer('you.1'))).status, 404);
  while (await ending.next()); // the end of the first token
  assert.equal((await post(kept.messages, ping(3), bearer('me.3'))).status, 202);
  const answers = [await kept.message(), await kept.message()];
  assert.deepEqual(
    answers.map(({ message }) => 'id' in message && message.id),
    [1, 3],
  );
});

test('without owner a session belongs to the token that opened it', soon, async t => {
  const origin = await serveOwned(t, {}, later);
  const session = await openSession(origin, bearer('me.1'));
  const answer = await ask(origin, {
    method: 'DELETE',
    headers: { ...session, ...bearer('me.2') },
  });
  assert.equal(answer.status, 404);
});

test(
  'an owner that names nobody is a 500, for else all such would share their sessions',
  soon,
  async t => {
    const told: string[] = [];
    const owner = () => undefined as never; // as JavaScript may
    const onError = (error: unknown) => void told.push(String(error));
    const origin = await serveOwned(t, { owner, onError }, later);
    assert.equal((await post(origin, initialize(), bearer('me.1'))).status, 500);
    assert.match(told.join(), /^TypeError: mcpApp: 'owner' named nobody\./);
  },
);
