/** What docs/operate.md says can be done: the flags that there are, the unit, the proxies in front. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { makeCertificate } from '../../examples/hosts/certificate.ts';
import { fetchVia } from '../../examples/hosts/fetch.ts';
import { type InFront, startProxy } from '../../examples/hosts/proxy.ts';
import { usage } from '../../program/options.ts';
import { root } from './markdown.ts';

const page = readFileSync(join(root, 'docs/operate.md'), 'utf8');

test('each flag of --help is in the table, in the same order, and no other', () => {
  const told = [...page.matchAll(/^\| (`--.*?) \|/gm)].flatMap(([, cell = '']) => flagsIn(cell));
  const lines = [...usage.matchAll(/^ {2}(--.*?)(?: {2}|$)/gm)];
  const there = lines.flatMap(([, start = '']) => flagsIn(start));
  assert.ok(there.length > 12);
  assert.deepEqual(told, there);
});

test('each variable of --help is named', () => {
  const names = new Set(usage.match(/\b(?:PORT|[A-Z]+_[A-Z]+)\b/g));
  assert.ok(names.size > 3);
  for (const name of names) assert.match(page, new RegExp(`\`${name}\\b`), name);
});

function flagsIn(text: string): string[] {
  return text.match(/--[\w-]+/g) ?? [];
}

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'operate-'));
  makeCertificate(folder);
});
after(() => rm(folder, { recursive: true }));

const token = 'one-of-24-characters-or-so';

test('the unit starts the server, with its tokens and its list, and stops it', async () => {
  const unit = await readFile(join(root, 'examples/operate/mcp-mount.service'), 'utf8');
  const [, command = ''] = /^ExecStart=\/usr\/bin\/node (.*)$/m.exec(unit) ?? [];
  await writeFile(join(folder, 'tokens'), `${token}\n`);
  const args = command
    .replace('--port 3000', '--port 0')
    .replaceAll(/\$\{\w+_DIRECTORY\}/g, folder)
    .split(' ');
  const server = start(hasSqlite() ? args : args.filter(arg => !/^--data$|list\.db$/.test(arg)));
  try {
    const origin = await originOf(server);
    const headers = { Host: 'list.example', Authorization: `Bearer ${token}` };
    assert.equal((await fetchVia()(`${origin}/items/`, { headers })).status, 200);
    assert.equal(existsSync(join(folder, 'list.db')), hasSqlite());
  } finally {
    assert.equal(await stop(server), 0);
  }
});

/** From Node 22.13 on. */
function hasSqlite(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > 22 || (major === 22 && minor >= 13);
}

const proxies: [config: string, prefix: string, endpoint: string][] = [
  ['nginx/kept.conf', '', '/mcp/messages'],
  ['nginx/stripped.conf', '/team/a', 'messages'],
  ['nginx/tls.conf', '/team/a', 'messages'],
  ['caddy/kept.Caddyfile', '', '/mcp/messages'],
  ['caddy/stripped.Caddyfile', '/team/a', 'messages'],
];

describe('behind a proxy', () => {
  let guarded: ChildProcess;
  let open: ChildProcess;
  before(() => {
    const program = ['--import', 'tsx', 'server.ts', '--port', '0'];
    guarded = start([...program, '--allow-host', 'list.example'], token);
    open = start(program);
  });
  after(() => Promise.all([guarded, open].map(stop)));

  for (const [config, prefix, endpoint] of proxies)
    describe(config, () => {
      const started: InFront[] = [];
      let send: Send;
      let url = '';
      before(async () => {
        send = sender(await readFile(join(folder, 'cert.pem'), 'utf8'));
        url = await through(guarded);
      });
      after(() => Promise.all(started.map(({ child }) => stop(child))));

      async function through(server: ChildProcess): Promise<string> {
        const proxy = await startProxy(config, new URL(await originOf(server)).host, folder);
        started.push(proxy);
        const scheme = config.includes('tls') ? 'https' : 'http';
        return `${scheme}://localhost:${proxy.port}${prefix}`;
      }

      test('the list is shown to who has a token, under the name that is allowed', async () => {
        const statuses = [
          await send(`${url}/items/`),
          await send(`${url}/items/`, { Authorization: 'Bearer another-one-than-that' }),
          await send(`${url}/items/`, { Host: 'other.example' }),
        ].map(({ status }) => status);
        assert.deepEqual(statuses, [200, 401, 403]);
      });

      test('clients of both transports call a tool', async () => {
        for (const path of ['/mcp/sse', '/mcp']) {
          const client = await connect(url + path, send);
          const { content } = await client.callTool({ name: 'get_items', arguments: {} });
          assert.match(JSON.stringify(content), /Apples/);
          await client.close();
        }
      });

      test(`the stream names ${endpoint}`, async () => {
        const gone = new AbortController();
        const { body } = await send(`${url}/mcp/sse`, {}, { signal: gone.signal });
        const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
        const { value = '' } = (await reader?.read()) ?? {};
        gone.abort();
        assert.equal(/^data: (.*)\?sessionId=/m.exec(value)?.[1], endpoint);
      });

      test('the x-ray is not shown through it, to who says localhost neither', async () => {
        const seen = `${await through(open)}/live/sources`;
        const answer = await send(seen, { Host: 'localhost' });
        assert.equal(answer.status, 403);
        assert.match(await answer.text(), /not shown through a proxy/);
        const here = await fetch(`${await originOf(open)}/live/sources`);
        assert.equal(here.status, 200, 'and is there, for this machine');
        await here.body?.cancel();
      });
    });
});

/** A client that goes to list.example with its token, over the transport of its URL. */
async function connect(url: string, send: Send): Promise<Client> {
  const options = { fetch: (input: string | URL, init?: RequestInit) => send(input, {}, init) };
  const transport = url.endsWith('/sse')
    ? new SSEClientTransport(new URL(url), options)
    : new StreamableHTTPClientTransport(new URL(url), options);
  const client = new Client({ name: 'test', version: '0' });
  // It is one; only its sessionId is typed apart under exactOptionalPropertyTypes.
  await client.connect(transport as Transport);
  return client;
}

type Send = (
  url: string | URL,
  headers?: Record<string, string>,
  init?: RequestInit,
) => Promise<Response>;

/** As a client that goes to list.example would, with its token. */
function sender(ca: string): Send {
  const ask = fetchVia({ ca });
  return (url, own = {}, init = {}) => {
    const headers = new Headers(init.headers);
    const all = { Host: 'list.example', Authorization: `Bearer ${token}`, ...own };
    for (const [name, value] of Object.entries(all)) headers.set(name, value);
    return ask(url, { ...init, headers });
  };
}

/** The program, without what the environment of the tests would set. */
function start(args: string[], ownToken = ''): ChildProcess {
  const { PORT, MCP_PATH, DATA_FILE, NODE_TEST_CONTEXT, ...env } = process.env;
  return spawn(process.execPath, args, {
    cwd: root,
    env: { ...env, MCP_TOKEN: ownToken },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

const origins = new WeakMap<ChildProcess, Promise<string>>();

/** As its first line says. */
function originOf(server: ChildProcess): Promise<string> {
  const origin = origins.get(server) ?? readOrigin(server);
  origins.set(server, origin);
  return origin;
}

async function readOrigin({ stdout }: ChildProcess): Promise<string> {
  let said = '';
  for await (const chunk of stdout?.iterator({ destroyOnReturn: false }) ?? []) {
    said += chunk;
    const [, origin] = /^mcp-mount \S+ on (\S+)$/m.exec(said) ?? [];
    if (origin !== undefined) return origin;
  }
  throw new Error(`It ended before it was listening: ${said}`);
}

async function stop(child: ChildProcess): Promise<unknown> {
  if (child.exitCode !== null) return child.exitCode;
  child.kill('SIGTERM');
  const [code] = await once(child, 'exit');
  return code;
}
