/** docs/check.md: its tables name what there is. Its fences are run with the other documents'. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { themes } from '../../check/probes.ts';

const text = await readFile('docs/check.md', 'utf8');
const probes = themes.flatMap(({ probes }) => probes);
const [lookedAt = '', verdicts = ''] = text.split('<!-- verdicts -->');

describe('docs/check.md', { timeout: 120_000 }, () => {
  test('says of every probe what holds and whom it bit, and of no other', () => {
    const rows = lookedAt.matchAll(/^\| `([\w-]+)` \| (.+) \| (.+) \| (.+) \|$/gm);
    const told = [...rows].map(([, id, title, , threads]) => ({ id, title, threads }));
    assert.deepEqual(
      told,
      probes.map(({ id, title, threads }) => ({ id, title, threads: threads.join(', ') })),
    );
  });

  test('has a verdict of every server on every probe, and where from', () => {
    const rows = [...verdicts.matchAll(/^\| `([\w-]+)` \|(.*)\|$/gm)];
    assert.deepEqual(
      rows.map(([, id]) => id),
      probes.map(({ id }) => id),
    );
    const servers = [...verdicts.matchAll(/^\| \d+ \| .+ \| \d+\.\d+\.\d+ \| `.+` \|/gm)];
    assert.ok(servers.length >= 8, `${servers.length} servers`);
    for (const [, id, cells = ''] of rows)
      assert.equal(cells.split('|').length, servers.length, id);
    assert.match(verdicts, /^Recorded on \d{4}-\d\d-\d\d with Node v\d+/m);
  });
});
