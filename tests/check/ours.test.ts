/** `mcp-mount check` against this server, as it is run. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AppOptions } from '../../server.ts';
import { faultsIn, report, serveOurs } from './support.ts';

const tokens = ['the-token-of-the-one', 'the-token-of-the-other'];
const withTokens = ['--token', 'the-token-of-the-one', '--other-token', 'the-token-of-the-other'];
const idleMs = 1_000; // a minute, for tests
const healthyMs = 20_000; // what a run may take

type Row = [what: string, path: string, options: AppOptions, args: string[]];

const mcp = { keepAliveMs: 100 };
const asked = ['--plain', '/items/', '--call', 'get_items', '--patient'];

const served: Row[] = [
  ['as it is', '/mcp', { mcp }, asked],
  ['by the URL of its stream', '/mcp/sse', { mcp }, asked],
  ['with tokens', '/mcp', { mcp, tokens }, [...asked, ...withTokens]],
  ['mounted at the root', '/', { mcp, mount: '/' }, asked],
  ['mounted deeper', '/tools/mcp', { mcp, mount: '/tools/mcp' }, asked],
  [
    'for pages of another origin',
    '/mcp',
    { mcp, allowOrigins: ['https://app.example'] },
    [...asked, '--origin', 'https://app.example'],
  ],
];

describe('check finds nothing wrong with this server', { concurrency: 2 }, () => {
  for (const [what, path, options, args] of served) {
    test(what, { timeout: 60_000 }, async t => {
      const found = await report([`${await serveOurs(t, options)}${path}`, ...args], { idleMs });
      assert.deepEqual(faultsIn(found), []);
      assert.ok(found.seconds * 1_000 < healthyMs, `${found.seconds} s`);
    });
  }
});
