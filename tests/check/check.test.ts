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

/** Of a fault that shows in more than one way. */
const otherFaces: [fault: string, id: string][] = [
  ['endpoint: host', 'endpoint'],
  ['two-sessions: newest', 'two-sessions'],
  ['slash: redirect', 'slash'],
];

/** Needs a process, or addresses of its own: see below. */
const elsewhere = ['stops', 'open-network', 'both-loopbacks'];

const ids = themes.flatMap(({ probes }) => probes.map(({ id }) => id));
const patient = ['--patient', '--plain', '/items/'];

async function urlOf(t: TestContext, options: FaultyOptions, host?: string): Promise<string> {
  return `http://127.0.0.1:${await listening(t, faultyServer(options), host)}/mcp`;
}

describe('check', { concurrency: 8, timeout: 120_000 }, () => {
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

  for (const [fault, id] of otherFaces) {
    test(`finds another face of the fault: ${fault}`, async t => {
      const found = await report([await urlOf(t, { faults: [fault] })]);
      assert.deepEqual(faultsIn(found), [id]);
    });
  }

  test('asks a server of 2026-07-28 in its own words, and finds nothing', async t => {
    const url = await urlOf(t, { sessionless: true, tokens: [token] });
    const found = await report([url, '--call', 'slow', '--token', token, ...patient], { idleMs });
    assert.deepEqual(found.versions, ['2026-07-28']);
    assert.deepEqual(faultsIn(found), []);
    assert.equal(findingOf(found, 'call').verdict, 'pass');
    assert.match(findingOf(found, 'session-ends').seen, /keeps no sessions/);
  });

  for (const id of ['segment', 'apart', 'host', 'open-network', 'challenge', 'spelling', 'cors']) {
    test(`finds the one fault of a server of 2026-07-28: ${id}`, async t => {
      const options = { sessionless: true, faults: [id] };
      const tokens = args[id] === withTokens ? [token] : [];
      const host = id === 'open-network' ? '0.0.0.0' : undefined;
      const url = await urlOf(t, { ...options, tokens }, host);
      const found = await report([url, ...tokens.flatMap(token => ['--token', token])]);
      const shows = id !== 'open-network' || hasOtherAddress();
      assert.deepEqual(faultsIn(found), shows ? [id] : []);
    });
  }

  test('takes a server that looks at no path for one that has no prefix', async t => {
    const url = await urlOf(t, { sessionless: true, faults: ['no path at all'] });
    const found = await report([url]);
    assert.deepEqual(faultsIn(found), []);
    assert.match(findingOf(found, 'segment').seen, /it answers at any path/);
  });

  test('takes a server that ends a connection with requests behind a stream for a good one', async t => {
    const server = faultyServer();
    const streaming = new Set<unknown>();
    server.prependListener('request', ({ socket, url }) => {
      if (streaming.has(socket)) socket.destroy();
      if (url?.endsWith('/sse')) streaming.add(socket);
    });
    const found = await report([`http://127.0.0.1:${await listening(t, server)}/mcp`]);
    assert.equal(findingOf(found, 'freed').verdict, 'pass', findingOf(found, 'freed').seen);
  });

  test('gives up on a server that falls silent on the way, and says when', async t => {
    const server = faultyServer();
    let requests = 0;
    server.prependListener('request', (_req, res) => {
      if (++requests > 40) res.writeHead = () => res; // no answer leaves any more
    });
    const found = await report([`http://127.0.0.1:${await listening(t, server)}/mcp`]);
    assert.deepEqual(faultsIn(found), ['comes-back']);
    assert.ok(found.seconds < 20, `${found.seconds} s`);
  });

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
