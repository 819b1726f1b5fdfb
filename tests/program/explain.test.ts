/** `npm run explain` as its user types it. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { explain } from '../../apps/xray/explain.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { parseOptions } from '../../program/options.ts';
import { createApp } from '../../server.ts';
import { memoryStore } from '../../store.ts';

const plain = ['GET', '//mcp/sse'];
const withFlag = ['get', '/x', '--mount', '/'];

/** What is typed, and what the first line says. */
const spoken: [words: string[], said: string][] = [
  [
    plain,
    'is refused with 404. Nothing answers //mcp/sse. ' +
      "'/mcp' is mounted, but slashes are never merged. Did you mean '/mcp",
  ],
  [
    ['GET', '/mcpx'],
    'is refused with 404. Nothing answers /mcpx. ' +
      "'/mcp' is mounted, but a prefix ends at a segment: '/mcp/…'. Did you mean '/mcp",
  ],
  [
    ['GET', '/MCP/sse'],
    'is refused with 404. Nothing answers /MCP/sse. ' +
      "'/mcp' is mounted, but upper and lower case differ in a path. Did you mean '/mcp",
  ],
  [
    ['GET', '/items/../mcp'],
    "is refused with 400. The path holds a dot segment ('.' or '..'). Send it resolved.",
  ],
  [
    ['GET', '/%6dcp'],
    'is refused with 404. Nothing answers /%6dcp. ' +
      "'/mcp' is mounted, but a path is compared before it is decoded. Did you mean '/mcp",
  ],
  [withFlag, 'is refused with 404. Nothing answers /x. There is GET /sse'],
];

test('npm run explain says what happens and why, and ends', async () => {
  assert.equal(packageJson.scripts.explain, 'tsx server.ts --explain');
  for (const [[method = '', ...rest], said] of spoken) {
    const [verdict] = explained([method, ...rest]).split('\n');
    assert.ok(verdict?.startsWith(`${method.toUpperCase()} ${rest[0]} ${said}`), verdict);
  }
  const program = ['--import', 'tsx', 'server.ts', '--explain'];
  for (const words of [plain, withFlag]) {
    const { stdout } = await promisify(execFile)(process.execPath, [...program, ...words]);
    assert.equal(stdout, `${explained(words)}\n`);
  }
});

/** What the program prints, without a start for each: one takes a second of a core. */
function explained(words: string[]): string {
  const options = parseOptions(['--explain', ...words], process.env);
  assert.ok(typeof options === 'object' && options.explain);
  return explain(createApp(memoryStore(), options).router, ...options.explain);
}
