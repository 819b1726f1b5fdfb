/**
 * Starts the example as its header says and looks in as a client does: without a token, with
 * tokens that are wrong in one way each, and with the one that it prints.
 *
 *     npx tsx examples/jwt/check.ts
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  discoverOAuthProtectedResourceMetadata,
  extractWWWAuthenticateParams,
} from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { listen } from '../../http/listen.ts';
import { loopbacks } from '../../program/options.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../..');

async function main(): Promise<void> {
  if (!existsSync(join(here, 'node_modules'))) must('npm', ['ci', '--no-audit', '--no-fund'], here);
  must('npx', ['tsc', '-p', here], root);
  await checkTokens();
  await checkDemo();
  await checkRefresh();
  console.log('ok  examples/jwt');
}

function must(command: string, args: string[], cwd: string): void {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${status}\n${stdout}${stderr}`);
}

/** Each differs from a good token in one thing. */
async function checkTokens(): Promise<void> {
  const { generateKeyPair, SignJWT } = await import('jose'); // installed by now
  const { verifyJwt } = await import('./verify.ts');
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const stranger = await generateKeyPair('ES256');
  const [issuer, audience] = ['https://login.example', 'https://list.example/mcp'];
  const verify = verifyJwt({ key: publicKey, issuer, audience });
  const good = {
    iss: issuer,
    aud: audience,
    sub: 'me',
    client_id: 'c',
    scope: 'list:read list:write',
  };
  const sign = (claims: object, expires = '1m', key = privateKey) =>
    new SignJWT({ ...good, ...claims })
      .setProtectedHeader({ alg: 'ES256' })
      .setExpirationTime(expires)
      .sign(key);

  const known = await verify(await sign({}));
  assert.deepEqual(
    [known?.clientId, known?.scopes, known?.extra],
    ['c', ['list:read', 'list:write'], { issuer, subject: 'me' }],
  );
  const unsigned = `${btoa('{"alg":"none"}')}.${btoa(JSON.stringify(good))}.`.replaceAll('=', '');
  const forged = await new SignJWT(good)
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('1m')
    .sign(new TextEncoder().encode('the public key, taken for a secret'));
  const rows: [why: string, token: string][] = [
    ['another issuer', await sign({ iss: 'https://evil.example' })],
    ['another audience', await sign({ aud: 'https://other.example/mcp' })],
    ['expired', await sign({}, '-1s')],
    ['not yet valid', await sign({ nbf: Date.now() / 1_000 + 60 })],
    ['nobody’s', await sign({ sub: undefined })],
    ['another key', await sign({}, '1m', stranger.privateKey)],
    ['tampered with', (await sign({})).replace(/.$/, last => (last === 'A' ? 'Q' : 'A'))],
    ['unsigned', unsigned],
    ['another algorithm', forged],
    ['no token at all', 'hello'],
  ];
  for (const [why, token] of rows) assert.equal(await verify(token), undefined, why);
}

async function checkDemo(): Promise<void> {
  const port = await freePort();
  const args = ['--import', 'tsx', join(here, 'server.ts')];
  const env = { ...process.env, PORT: String(port) };
  const server = spawn(process.execPath, args, {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    let printed = '';
    while (!/curl .*\n/.test(printed)) printed += (await once(server.stdout, 'data'))[0];
    const [, token = ''] = /Authorization: Bearer (\S+)\n/.exec(printed) ?? [];
    await checkRefusal(`http://localhost:${port}/mcp`);
    await checkAccess(`http://localhost:${port}`, { Authorization: `Bearer ${token}` });
  } finally {
    server.kill();
    await once(server, 'exit');
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0);
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number }; // a server on a port has no other shape
  await new Promise(done => probe.close(done));
  return port;
}

/** Without a token a client is told where to get one. */
async function checkRefusal(url: string): Promise<void> {
  for (const path of ['', '/sse']) {
    const refusal = await fetch(url + path);
    assert.equal(refusal.status, 401);
    const { resourceMetadataUrl } = extractWWWAuthenticateParams(refusal);
    await refusal.body?.cancel();
    const found = await discoverOAuthProtectedResourceMetadata(new URL(url + path));
    const told = await discoverOAuthProtectedResourceMetadata(new URL(url), {
      resourceMetadataUrl: resourceMetadataUrl ?? '',
    });
    assert.deepEqual(told, found);
    assert.equal(found.resource, url);
    assert.deepEqual(found.authorization_servers, ['https://login.example']);
  }
}

async function checkAccess(origin: string, headers: Record<string, string>): Promise<void> {
  assert.equal((await fetch(`${origin}/items/`, { headers })).status, 200);
  const options = { requestInit: { headers } };
  const transports = [
    new StreamableHTTPClientTransport(new URL(`${origin}/mcp`), options),
    new SSEClientTransport(new URL(`${origin}/mcp/sse`), options),
  ];
  for (const transport of transports) {
    const client = new Client({ name: 'check', version: '1.0.0' });
    // It is one; only its sessionId is typed apart under exactOptionalPropertyTypes.
    await client.connect(transport as Transport);
    const { tools } = await client.listTools();
    assert.ok(tools.some(({ name }) => name === 'get_items'));
    await client.close();
  }
}

const scope = 'list:read list:write';

/** A session outlives the token it was opened with: its client refreshes that, as clients do. */
async function checkRefresh(): Promise<void> {
  const { generateKeyPair, SignJWT } = await import('jose');
  const { jwtApp } = await import('./server.ts');
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const port = await freePort();
  const [issuer, audience] = ['https://login.example', `http://localhost:${port}/mcp`];
  const running = await listen(jwtApp({ key: publicKey, issuer, audience }), loopbacks, port);
  const sign = (sub: string, expires: number) =>
    new SignJWT({ iss: issuer, aud: audience, sub, client_id: 'shared', scope })
      .setProtectedHeader({ alg: 'ES256' })
      .setExpirationTime(expires)
      .sign(privateKey);
  try {
    await Promise.all([checkSession(`${audience}/sse`, sign), checkSession(audience, sign)]);
  } finally {
    await running.stop();
  }
}

async function checkSession(
  url: string,
  sign: (sub: string, expires: number) => Promise<string>,
): Promise<void> {
  const now = Math.floor(Date.now() / 1_000);
  const firstEnds = now + 3;
  let token = await sign('me', firstEnds);
  const sessions = new Set<string>();
  const client = new Client({ name: 'refreshing', version: '1.0.0' });
  const withToken = async (input: string | URL, init: RequestInit = {}) => {
    const headers = new Headers(init.headers);
    headers.set('Authorization', `Bearer ${token}`);
    if (init.method === 'POST') sessions.add(headers.get('mcp-session-id') ?? String(input));
    return fetch(input, { ...init, headers });
  };
  const isSse = url.endsWith('/sse');
  const options = { fetch: withToken };
  const transport = isSse
    ? new SSEClientTransport(new URL(url), options)
    : new StreamableHTTPClientTransport(new URL(url), options);
  await client.connect(transport as Transport); // as above
  const call = () => client.callTool({ name: 'get_items', arguments: {} });
  await call();
  token = await sign('me', now + 600);
  await call();
  await setTimeout(firstEnds * 1_000 + 200 - Date.now());
  await call();
  token = await sign('somebody else', now + 600);
  await assert.rejects(call(), /There is no such session/);
  const named = [...sessions].filter(name => name !== url); // initialize names none
  assert.equal(named.length, 1, 'one session, all the time');
  await client.close();
}

await main();
