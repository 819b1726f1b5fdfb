/** docs/limits.md names each bound of the MCP app, with the default that the code has. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { messageDefaults } from '../apps/mcp/messages.ts';
import { sessionDefaults } from '../apps/mcp/sessions.ts';
import { streamDefaults } from '../apps/mcp/stream.ts';

const text = await readFile('docs/limits.md', 'utf8');
/** Said elsewhere: what a client is told, and no bound. */
const untold = ['retryMs', 'ownerShare'];

test('every bound is told with its default', () => {
  const defaults = { ...sessionDefaults, ...messageDefaults, ...streamDefaults };
  for (const [option, value] of Object.entries(defaults)) {
    if (untold.includes(option)) continue;
    const row = text.split('\n').find(line => line.includes(`| \`${option}\``));
    assert.ok(row?.includes(`| ${shown(option, value)}`), `${option}: ${shown(option, value)}`);
  }
});

// 'idleMs', 1_800_000 -> '30 min'
function shown(option: string, value: number): string {
  if (option.endsWith('Ms')) return value < 60_000 ? `${value / 1_000} s` : `${value / 60_000} min`;
  if (/Bytes$/.test(option)) return `${value / 2 ** 20} MiB`;
  return value.toLocaleString('en');
}
