/** Options and arguments that could not work are refused when a thing is made, by their names. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { bearer, cors, hostGuard, staticTokens } from '../../guard.ts';
import { listen } from '../../http/listen.ts';
import { createRouter } from '../../router.ts';
import { serve } from '../support.ts';

const app = () => {};
const verify = staticTokens([]);

/** As JavaScript calls them, which has no compiler. */
type Loose = (...args: unknown[]) => unknown;
const newRouter = createRouter as Loose;
const looseGuard = hostGuard as Loose;
const looseCors = cors as Loose;
const looseBearer = bearer as Loose;

const refused: [why: string, make: Loose, args: unknown[], says: string][] = [
  [
    'misspelt',
    newRouter,
    [{ onerror: app }],
    "createRouter: 'onerror' is no option. Did you mean 'onError'?",
  ],
  [
    'nothing like it',
    newRouter,
    [{ prefix: '/x' }],
    "createRouter: 'prefix' is no option. There is onError.",
  ],
  [
    'of another type',
    newRouter,
    [{ onError: true }],
    "createRouter: 'onError' is a function, not true.",
  ],
  ['no object', newRouter, ['/x'], "createRouter: the options are an object, not '/x'."],
  [
    'a name from every object',
    newRouter,
    [{ constructor: app }],
    "createRouter: 'constructor' is no option. There is onError.",
  ],
  [
    'not guarding anything',
    looseGuard,
    [undefined],
    'hostGuard: what it guards is a function, not undefined.',
  ],
  [
    'one host, and no list',
    looseGuard,
    [app, { hosts: 'list.example' }],
    "hostGuard: 'hosts' lists hosts without a scheme, as 'list.example' or 'list.example:8443', not 'list.example'.",
  ],
  [
    'a URL for a host',
    looseGuard,
    [app, { hosts: ['https://list.example'] }],
    "hostGuard: 'hosts' lists hosts without a scheme, as 'list.example' or 'list.example:8443', not ['https://list.example'].",
  ],
  ...['*', 'https://app.example/', 'https://app.example:443', 'app.example'].map(
    (origin): [string, Loose, unknown[], string] => [
      'no origin that a browser sends',
      looseCors,
      [app, { origins: [origin] }],
      `cors: 'origins' lists each origin exactly, as 'https://app.example'; '*' would be every page there is, not ['${origin}'].`,
    ],
  ),
  [
    'without verify',
    looseBearer,
    [app, {}],
    "bearer: 'verify' is a function that says whom a token stands for, as staticTokens(['…']) gives, not undefined.",
  ],
  [
    'one scope, and no list',
    looseBearer,
    [app, { verify, scopes: 'read' }],
    "bearer: 'scopes' lists texts, not 'read'.",
  ],
];

for (const [why, make, args, says] of refused)
  test(`an option or argument is refused: ${why}: ${says}`, () => {
    assert.throws(() => make(...args), { name: 'TypeError', message: says });
  });

const unlistened: [why: string, args: unknown[], says: RegExp][] = [
  ['no app', [undefined, ['127.0.0.1'], 0], /what it serves is a function, not undefined/],
  ['no addresses', [app], /'hosts' lists addresses to bind, as '127.0.0.1', not undefined/],
  ['one address, and no list', [app, '127.0.0.1', 0], /'hosts' lists addresses/],
  ['a port in words', [app, ['127.0.0.1'], '3000'], /'port' is a whole number from 0 to 65535/],
  ['misspelt', [app, ['127.0.0.1'], 0, { headersTimeOut: 1 }], /mean 'headersTimeout'\?/],
];

for (const [why, args, says] of unlistened)
  test(`listen refuses what it can't listen with: ${why}`, async () => {
    await assert.rejects(async () => (listen as Loose)(...args), says);
  });

test('an option that is undefined is one not given', async t => {
  const failed = createRouter({ onError: undefined }).get('/', () => {
    throw new Error('failed');
  });
  const log = t.mock.method(console, 'error', () => {});
  const guarded = bearer(cors(failed, { origins: ['https://app.example'] }), {
    verify: staticTokens(['secret']),
    scopes: undefined,
  });
  const origin = await serve(t, hostGuard(guarded, { hosts: undefined, origins: undefined }));
  const answer = await fetch(origin, { headers: { Authorization: 'Bearer secret' } });
  assert.equal(answer.status, 500);
  assert.equal(log.mock.callCount(), 1);
  const running = await listen(failed, ['127.0.0.1'], 0, { requestTimeout: undefined });
  await running.stop();
});

test('await using stops what listens at the end of its block', async () => {
  let closed = 0;
  const closing = Object.assign(() => {}, { close: async () => void closed++ });
  {
    await using running = await listen(closing, ['127.0.0.1'], 0);
    assert.ok(running.port > 0);
  }
  assert.equal(closed, 1);
});
