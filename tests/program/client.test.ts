/** `npm run client` as its user meets it: where it goes, and what it says when that fails. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { freePort } from '../../docs/lesson/make/free-port.ts';
import { createApp } from '../../server.ts';
import { memoryStore } from '../../store.ts';
import { serve } from '../support.ts';

const token = 'correct-horse-battery-staple';

async function run(args: string[], env: NodeJS.ProcessEnv = {}) {
  const { npm_lifecycle_event, ...own } = process.env;
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/client.ts', ...args], {
    env: { ...own, ...env },
  });
  const ended = once(child, 'close');
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = await ended;
  return { code, stdout, stderr };
}

describe('the client', { concurrency: 4 }, () => {
  test('goes over SSE where PORT says, and over Streamable HTTP where that answers', async t => {
    const origin = await serve(t, createApp(memoryStore()));
    const overSse = await run([], { PORT: new URL(origin).port });
    assert.match(
      overSse.stdout,
      /^1\. GET \S+\/mcp\/sse\n.*POST \/mcp\/messages\?sessionId=…\n2\. /,
    );
    const node = await serve(t, createApp(memoryStore(), { mcp: { node: 'a' } }));
    assert.match((await run([`${node}/mcp/sse`])).stdout, /\/messages\?node=a&sessionId=…\n2\. /);
    const streamable = await run([`${origin}/mcp`]);
    assert.match(streamable.stdout, /no SSE stream is there \(400\).* POST \S+\/mcp\n2\. tools/);
    for (const { code, stdout } of [overSse, streamable])
      assert.deepEqual([code, /\[x\] 4 {2}2 × Oat milk/.test(stdout)], [0, true]);
  });

  test('sends its token to both doors', async t => {
    const origin = await serve(t, createApp(memoryStore(), { tokens: [token] }));
    const { code, stderr } = await run([`${origin}/mcp/sse`, '--token', token]);
    assert.deepEqual([code, stderr], [0, '']);
  });

  test('says what the server says when it is refused', async t => {
    const open = await serve(t, createApp(memoryStore()));
    const guarded = await serve(t, createApp(memoryStore(), { tokens: [token] }));
    const page = await serve(t, (_req, res) =>
      res.setHeader('Content-Type', 'text/html; charset=utf-8').end('<h1>Hello</h1>'),
    );
    const rows: [args: string[], said: RegExp][] = [
      [[`${open}/nope`], /404 Not Found\. Nothing answers \/nope\. .*\n$/],
      [[`${guarded}/mcp/sse`], /401 Unauthorized\. Send a token: .* Give one: --token T\n$/],
      [[`${guarded}/mcp/sse`, '--token', 'x'.repeat(20)], /401 .* unknown or has expired\.\n$/],
      [[`${page}/mcp`], /answers with text\/html, so a page is there and no MCP server\.\n$/],
    ];
    for (const [args, said] of rows) {
      const { code, stderr } = await run(args);
      assert.equal(code, 1);
      assert.match(stderr, /^Can't use http:\S+: /);
      assert.match(stderr, said);
      assert.doesNotMatch(stderr, /running/);
    }
  });

  test('asks whether the server runs where nothing listens, and there alone', async () => {
    const { code, stderr } = await run([], { PORT: String(await freePort()) });
    assert.equal(code, 1);
    assert.match(stderr, /: nothing listens there\. Is the server running \(npm start\)\?\n$/);
  });

  test('says what it takes, and what it was given instead', async () => {
    const rows: [args: string[], code: number, said: RegExp][] = [
      [['--help'], 0, /^Usage: npm run client -- \[URL\] \[--token T\]\n/],
      [['localhost:3000'], 2, /^'localhost:3000' is not a URL\. Write one like http:/],
      [['--tokne', 'x'], 2, /^Unknown option '--tokne'\. Did you mean --token\? See --help\.\n$/],
    ];
    for (const [args, code, said] of rows) {
      const answer = await run(args);
      assert.equal(answer.code, code);
      assert.match(answer.stdout + answer.stderr, said);
    }
    const npm = { npm_lifecycle_event: 'client', npm_config_token_description: 'abc' };
    const { stderr } = await run([], npm); // of npm run client --token abc
    assert.match(stderr, /^npm took --token=abc .*: npm run client -- --token=abc\n$/);
  });
});
