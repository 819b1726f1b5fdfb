/** docs/check.md: its fences are run, and its tables name what there is. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { themes } from '../../check/probes.ts';
import { fencesIn, pattern, stepsOf } from '../fences.ts';
import { freePort, serveOurs } from './support.ts';

const text = await readFile('docs/check.md', 'utf8');
const fences = fencesIn(text);
const probes = themes.flatMap(({ probes }) => probes);
const [lookedAt = '', verdicts = ''] = text.split('<!-- verdicts -->');

describe('docs/check.md', { timeout: 120_000 }, () => {
  for (const fence of fences) {
    const [command = ''] = fence.text.split('\n', 1);
    test(`prints what it says: ${command.slice(0, 70)}`, async t => {
      assert.equal(fence.language, 'console');
      const starts = command.includes('--start');
      const port = starts ? await freePort(t) : new URL(await serveOurs(t)).port;
      for (const { command, expected } of stepsOf({ ...fence, text: at(port, fence.text) }))
        assert.match((await printedBy(command)).trimEnd(), pattern(expected));
    });
  }

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

function at(port: string | number, text: string): string {
  return text.replaceAll(/(localhost:|PORT=)3000/g, `$1${port}`);
}

/** Its exit code says only whether there was a fault. */
async function printedBy(command: string): Promise<string> {
  const { FORCE_COLOR, NODE_TEST_CONTEXT, ...env } = process.env;
  const options = { env, timeout: 60_000 };
  const ended = await promisify(execFile)('bash', ['-c', command], options).catch(error => {
    if (error.code === 1) return error;
    throw error;
  });
  return ended.stdout;
}
