/** `mcp-mount check` against servers that have one fault each, and against ours. */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { themes } from '../../check/probes.ts';
import { type FaultyOptions, faultyServer } from './faulty.ts';
import { faultsIn, findingOf, hasIpv6, hasOtherAddress, listening, report } from './support.ts';

const token = 'a-token-of-the-first';
const otherToken = 'a-token-of-the-other';
const withTokens = ['--token', token, '--other-token', otherToken];
const idleMs = 500; // a minute, for tests

/** What is said to `check` beside the URL, for a fault that shows no other way. */
const args: Record<string, string[]> = {
  challenge: withTokens,
  'session-id': withTokens,
  'session-owner': withTokens,
  spelling: withTokens,
  call: ['--call', 'slow'],
  cancelled: ['--call', 'slow'],
  cached: ['--plain', '/items/'],
};

/** Needs a process, or addresses of its own: see below. */
const elsewhere = ['stops', 'open-network', 'both-loopbacks'];

const ids = themes.flatMap(({ probes }) => probes.map(({ id }) => id));
const patient = ['--patient', '--plain', '/items/'];

async function urlOf(t: TestContext, options: FaultyOptions, host?: string): Promise<string> {
  return `http://127.0.0.1:${await listening(t, faultyServer(options), host)}/mcp`;
}

describe('check', { concurrency: 4, timeout: 120_000 }, () => {
  for (const said of [[...patient], [...patient, ...withTokens], ['--call', 'slow']]) {
    test(`finds nothing where nothing is wrong: ${said.join(' ')}`, async t => {
      const tokens = said.includes(token) ? [token, otherToken] : [];
      const found = await report([await urlOf(t, { tokens }), ...said], { idleMs });
      assert.deepEqual(faultsIn(found), []);
      assert.ok(found.seconds < 20, `${found.seconds} s`);
    });
  }

  for (const id of ids.filter(id => !elsewhere.includes(id))) {
    test(`finds the one fault of a server and no other: ${id}`, async t => {
      const said = args[id] ?? patient;
      const tokens = said === withTokens ? [token, otherToken] : [];
      const url = await urlOf(t, { faults: [id], tokens });
      const found = await report([url, ...said], { idleMs });
      assert.deepEqual(faultsIn(found), [id], JSON.stringify(findingOf(found, id)));
    });
  }

  test('finds a server without a token on this machine’s other addresses', async t => {
    const found = await report([await urlOf(t, {}, '0.0.0.0')]);
    const expected = hasOtherAddress() ? ['open-network'] : [];
    assert.deepEqual(faultsIn(found), expected);
  });

  test('finds nothing on them where a token is asked for', async t => {
    const url = await urlOf(t, { tokens: [token] }, '0.0.0.0');
    assert.deepEqual(faultsIn(await report([url, '--token', token])), []);
  });

  test('finds that localhost is answered on one of its addresses', async t => {
    const port = await listening(t, faultyServer());
    const found = await report([`http://localhost:${port}/mcp`]);
    assert.deepEqual(faultsIn(found), hasIpv6() ? ['both-loopbacks'] : []);
  });

  test('finds nothing where it is answered on both', async t => {
    const server = faultyServer();
    const port = await listening(t, server);
    if (hasIpv6()) await listening(t, faultyServer(), '::1', port);
    assert.deepEqual(faultsIn(await report([`http://localhost:${port}/mcp`])), []);
  });
});
