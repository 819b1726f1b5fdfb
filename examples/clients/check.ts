/**
 * Runs each example client as a program of its own against the list, and looks for what it added:
 *
 *     npm run clients
 *
 * What the clients need is installed here and nowhere else.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { opened, type SessionEvent, type TransportKind } from '../../apps/mcp/channels.ts';
import { listen } from '../../http/listen.ts';
import { loopbacks } from '../../program/options.ts';
import { createApp } from '../../server.ts';
import { memoryStore } from '../../store.ts';

/** Each with every URL it should be able to use. */
const examples: [file: string, path: string][] = [
  ['sdk-sse.ts', '/mcp/sse'],
  ['sdk-streamable.ts', '/mcp'],
  ['sdk-fallback.ts', '/mcp'],
  ['sdk-fallback.ts', '/mcp/sse'],
  ['sdk-v2.ts', '/mcp'],
  ['sdk-v2.ts', '/mcp/sse'],
  ['openai-agents.ts', '/mcp'],
  ['openai-agents.ts', '/mcp/sse'],
  ['mcp-remote.ts', '/mcp'],
  ['mcp-remote.ts', '/mcp/sse'],
];

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../..');

async function main(): Promise<void> {
  if (!existsSync(join(here, 'node_modules')))
    await must('npm', ['ci', '--no-audit', '--no-fund'], here);
  await must('npx', ['tsc', '-p', here], root); // the root's tsc leaves out what needs these packages
  const store = memoryStore();
  const server = await listen(createApp(store), loopbacks, 0);
  const home = await mkdtemp(join(tmpdir(), 'clients-')); // mcp-remote keeps files in it
  try {
    for (const [file, path] of examples)
      await check(file, new URL(path, `http://localhost:${server.port}`), home);
  } finally {
    await server.stop();
    await store.close();
    await rm(home, { recursive: true });
  }
}

async function must(command: string, args: string[], cwd: string): Promise<void> {
  const { code, printed } = await run(command, args, { cwd, timeout: installMs });
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${code}\n${printed}`);
}

async function check(file: string, url: URL, home: string): Promise<void> {
  const over = new Set<TransportKind>();
  const note = (event: unknown) => {
    over.add((event as SessionEvent).transport); // what `opened` carries
  };
  opened.subscribe(note);
  const before = await namesAt(url);
  const args = ['--import', 'tsx', join(here, file), url.href];
  const { code, printed } = await run(process.execPath, args, {
    cwd: root,
    home,
    timeout: exampleMs,
  });
  const added = (await namesAt(url)).slice(before.length);
  opened.unsubscribe(note);

  const transport: TransportKind = url.pathname.endsWith('/sse') ? 'sse' : 'streamable';
  const found: [boolean, string][] = [
    [code !== 0, `it exited with ${code}`],
    [!printed.includes(tools), 'it did not list the tools'],
    [added.length !== 1, `${added.length} items were added, not one`],
    [[...over].join() !== transport, `it connected over ${[...over].join(' and ') || 'nothing'}`],
  ];
  const complaints = found.filter(([wrong]) => wrong).map(([, line]) => line);
  const outcome = complaints.join('; ') || `added ${added}`;
  console.log(`${complaints.length > 0 ? 'FAILED' : 'ok'}  ${file} ${url.pathname}: ${outcome}`);
  if (complaints.length === 0) return;
  console.log(printed);
  process.exitCode = 1;
}

const tools = 'get_items, add_item, update_item, remove_item';

async function namesAt(url: URL): Promise<string[]> {
  const response = await fetch(new URL('/items/', url));
  const items = (await response.json()) as { name: string }[]; // items.ts sends no other shape
  return items.map(({ name }) => name);
}

// What hangs must not hang CI.
const installMs = 90_000; // it takes 15 s
const exampleMs = 30_000; // one takes 1 to 5 s

interface RunOptions {
  cwd: string;
  timeout: number;
  /** Where the program keeps its settings. */
  home?: string;
}

async function run(command: string, args: string[], { home = homedir(), ...rest }: RunOptions) {
  const env = { ...process.env, HOME: home };
  const child = spawn(command, args, { ...rest, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = new Promise<number | string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'nothing'));
  });
  const [code, out, errors] = await Promise.all([exited, text(child.stdout), text(child.stderr)]);
  return { code, printed: out + errors };
}

await main();
