/**
 * Runs each agent as a program of its own, and looks for what it changed:
 *
 *     tsx examples/agent/check.ts
 *
 * With the scripted model no connection may leave this machine; with an endpoint of one's own the
 * model is played by a server here. What the agents need is installed here and nowhere else.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { json, text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { opened, type SessionEvent, type TransportKind } from '../../apps/mcp/channels.ts';
import { createApp } from '../../server.ts';
import { itemSchema, memoryStore } from '../../store.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../..');
const start = join(here, 'start.ts');

const exampleMs = 60_000; // one takes 1 to 3 s; what hangs must not hang CI

async function main(): Promise<void> {
  if (!existsSync(join(here, 'node_modules'))) must('npm', ['ci', '--no-audit', '--no-fund'], here);
  must('npx', ['tsc', '-p', here], root); // the root's tsc leaves out what needs these packages
  await checkOffline('agent', 'sse');
  await checkOffline('streamable', 'streamable');
  await checkTwoServers();
  await checkOwnEndpoint();
  await checkRefusals();
}

function must(command: string, args: string[], cwd: string): void {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${status}\n${stdout}${stderr}`);
}

async function checkOffline(name: string, transport: TransportKind): Promise<void> {
  const over = new Set<TransportKind>();
  opened.subscribe(event => over.add((event as SessionEvent).transport)); // what `opened` carries
  await serving(createApp(memoryStore()), async port => {
    const { code, printed } = await run([name, '--offline'], port);
    assert.equal(code, 0, printed);
    assert.deepEqual(await itemsAt(port), [
      '6 Apples',
      '1 Bread, purchased',
      '2 Coffee',
      '6 Eggs, purchased',
      '1 Milk',
      '2 Loaf',
    ]);
    assert.match(printed, /2\. the model calls add_item .*Milk/);
    assert.match(printed, /Left to buy: 6 × Apples, .*2 × Loaf\.\n$/);
  });
  assert.deepEqual([...over], [transport]);
  console.log(`ok  ${name} --offline`);
}

async function checkTwoServers(): Promise<void> {
  const port = await freePort();
  const shop = launch(['shop'], port);
  try {
    await once(shop.stdout, 'data'); // it says where it is once it listens
    const { code, printed } = await run(['two-servers', '--offline'], port);
    assert.equal(code, 0, printed);
    const items = ['6 Apples, purchased', '1 Bread, purchased', '2 Coffee, purchased'];
    assert.deepEqual(await itemsAt(port), items);
    const orders = await (await fetch(`http://localhost:${port}/orders/`)).json();
    const lines = [
      { name: 'Apples', quantity: 6 },
      { name: 'Coffee', quantity: 2 },
    ];
    assert.deepEqual(orders, [{ order: 1, cents: 1540, lines }]);
    assert.match(printed, /for 15\.40\. Left to buy: 0\.\n$/);

    const again = await run(['two-servers', '--offline'], port);
    assert.match(again.printed, /The shop has nothing that we need\.\n$/);
  } finally {
    shop.kill();
  }
  console.log('ok  two-servers --offline');
}

/** OPENAI_BASE_URL, without a key: as a local model is used. */
async function checkOwnEndpoint(): Promise<void> {
  const asked: string[] = [];
  const model: RequestListener = async (req, res) => {
    const { tools, messages, model } = (await json(req)) as ChatRequest; // the SDK sends no other shape
    asked.push(`${req.url} ${model}: ${tools.length} tools, ${messages.length} messages`);
    res.setHeader('Content-Type', 'application/json');
    res.end(JSON.stringify(completion(messages.at(-1)?.role === 'tool' ? 'Done.' : wantsTea)));
  };
  await serving(createApp(memoryStore()), async port => {
    await serving(model, async modelPort => {
      const { code, printed } = await run(['agent'], port, {
        OPENAI_BASE_URL: `http://localhost:${modelPort}/v1`,
        OPENAI_DEFAULT_MODEL: 'local',
      });
      assert.equal(code, 0, printed);
      assert.match(printed, /Done\.\n$/);
    });
    assert.ok((await itemsAt(port)).includes('1 Tea'));
  });
  assert.deepEqual(asked, [
    '/v1/chat/completions local: 4 tools, 2 messages',
    '/v1/chat/completions local: 4 tools, 4 messages',
  ]);
  console.log('ok  agent, with OPENAI_BASE_URL');
}

interface ChatRequest {
  model: string;
  tools: unknown[];
  messages: { role: string }[];
}

const wantsTea = {
  id: 'call-1',
  type: 'function',
  function: { name: 'add_item', arguments: '{"name":"Tea"}' },
};

function completion(says: string | typeof wantsTea): object {
  const message =
    typeof says === 'string'
      ? { role: 'assistant', content: says }
      : { role: 'assistant', content: null, tool_calls: [says] };
  const finish_reason = typeof says === 'string' ? 'stop' : 'tool_calls';
  return { id: 'c', object: 'chat.completion', choices: [{ index: 0, message, finish_reason }] };
}

/** Each is one line that says what to do. */
async function checkRefusals(): Promise<void> {
  const nobody = await freePort();
  await serving(createApp(memoryStore()), async port => {
    const rows: [args: string[], port: number, says: RegExp][] = [
      [['agent', '--offline'], nobody, /^No list answers at .* npm start\n$/],
      [['two-servers', '--offline'], port, /^No shop answers at .* npm run agent -- shop\n$/],
      [['agent'], port, /^Say --offline for a scripted model, or set OPENAI_API_KEY.*\n$/],
      [['nobody'], port, /^Name one of agent, .*\n$/],
    ];
    for (const [args, at, says] of rows) {
      const { code, printed } = await run(args, at);
      assert.match(printed, says);
      assert.equal(code, 1);
    }
    assert.equal((await itemsAt(port)).length, 3); // nothing was done before it was refused
  });
  console.log('ok  refusals');
}

/** Serves on a free port for as long as `use` takes. */
async function serving<T>(
  listener: RequestListener,
  use: (port: number) => T,
): Promise<Awaited<T>> {
  const server = createServer(listener).listen(0, 'localhost');
  await once(server, 'listening');
  try {
    return await use((server.address() as AddressInfo).port); // it listens on TCP
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

function freePort(): Promise<number> {
  return serving(
    () => {},
    port => port,
  );
}

/** As '2 Loaf' or '6 Eggs, purchased'. */
async function itemsAt(port: number): Promise<string[]> {
  const items = await (await fetch(`http://localhost:${port}/items/`)).json();
  return itemSchema
    .array()
    .parse(items)
    .map(({ name, quantity, purchased }) => `${quantity} ${name}${purchased ? ', purchased' : ''}`);
}

type Env = Record<string, string>;

async function run(args: string[], port: number, env: Env = {}) {
  // A key that is set must not be used offline, and no trace be sent.
  const key: Env = args.includes('--offline') ? { OPENAI_API_KEY: 'not-to-be-used' } : {};
  const child = launch(args, port, { ...key, ...env });
  const exit = once(child, 'close');
  const [out, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = await exit;
  return { code, printed: out + errors };
}

function launch(args: string[], port: number, env: Env = {}) {
  const { OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_DEFAULT_MODEL, ...ours } = process.env;
  return spawn(process.execPath, ['--import', onlyHere, '--import', 'tsx', start, ...args], {
    cwd: root,
    env: { ...ours, ...env, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: exampleMs,
  });
}

// Loaded before the agent: ends it at the first connection that would leave this machine.
const guard = `
import { Socket } from 'node:net';
const { connect } = Socket.prototype;
Socket.prototype.connect = function (...args) {
  const { host = 'localhost' } = Array.isArray(args[0]) ? args[0][0] : args[0];
  if (!/^(localhost|127\\.0\\.0\\.1|::1)$/.test(host)) {
    console.error('It wants to connect to', host);
    process.exit(3);
  }
  return connect.apply(this, args);
};`;
const onlyHere = `data:text/javascript,${encodeURIComponent(guard)}`;

await main();
