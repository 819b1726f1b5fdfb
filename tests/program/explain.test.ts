/** `npm run explain` as its user types it. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import packageJson from '../../package.json' with { type: 'json' };

/** What is typed, and what the first line says. */
const spoken: [words: string[], said: string][] = [
  [
    ['GET', '//mcp/sse'],
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
  [['get', '/x', '--mount', '/'], 'is refused with 404. Nothing answers /x. There is GET /sse'],
];

test('npm run explain says what happens and why, and ends', async () => {
  assert.equal(packageJson.scripts.explain, 'tsx server.ts --explain');
  const program = ['--import', 'tsx', 'server.ts', '--explain'];
  const run = promisify(execFile);
  const printed = await Promise.all(
    spoken.map(([words]) => run(process.execPath, [...program, ...words])),
  );
  for (const [i, [[method, target], said]] of spoken.entries()) {
    const [verdict] = printed[i]?.stdout.split('\n') ?? [];
    assert.ok(verdict?.startsWith(`${method?.toUpperCase()} ${target} ${said}`), verdict);
  }
});
