/** What docs/parity.md says of both servers is so, and each difference has its reason. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { recorded } from '../parity/ask.ts';
import { compare, keyOf, type MountName, mounts } from '../parity/compare.ts';
import { pageFile, parityPage } from '../parity/page.ts';
import { reasons } from '../parity/reasons.ts';

for (const mount of ['mcp', 'root'] satisfies MountName[]) {
  const rows = await compare(mount);
  describe(`mounted at ${mounts[mount]}`, () => {
    for (const { request, differs, reason } of rows)
      test(`${keyOf(request)}: ${differs.join(', ') || 'equal'}`, () => {
        if (differs.length > 0) assert.ok(reason, 'it is answered otherwise, and nothing says why');
        else assert.equal(reason, undefined, 'it is answered alike: there is nothing to explain');
      });
  });
}

test('no reason is given for a request that was not recorded', () => {
  const keys = new Set(recorded('mcp').map(keyOf));
  assert.deepEqual(
    Object.keys(reasons).filter(key => !keys.has(key)),
    [],
  );
});

test('docs/parity.md is what both answer now', async () => {
  assert.equal(readFileSync(pageFile, 'utf8'), await parityPage(), 'run npm run docs:parity');
});
