/** docs/security.md has each attack that the tests send, and the answer that they see. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { bodies, targets } from '../attack-table.ts';
import { root } from './markdown.ts';

const page = readFileSync(join(root, 'docs/security.md'), 'utf8');
const sections: [heading: string, attacks: [attack: string, status: number | number[]][]][] = [
  ['A request line, a head', targets.map(([attack, , status]) => [attack, status])],
  ['A body, at each door that takes one', bodies.map(([attack, , , status]) => [attack, status])],
];

for (const [heading, attacks] of sections)
  describe(heading, () => {
    const told = new Map(
      rowsOf(heading).flatMap(([names = '', answer = '']) =>
        names.split('; ').map((name): [string, string] => [name.replaceAll('`', ''), answer]),
      ),
    );
    for (const [attack, status] of attacks)
      test(`${attack} is answered with ${[status].flat().join(' or ')}`, () => {
        assert.equal(told.get(attack), [status].flat().join(' or '));
      });

    test('nothing is told that is not sent', () => {
      const sent = new Set(attacks.map(([attack]) => attack));
      assert.deepEqual(
        [...told.keys()].filter(attack => !sent.has(attack)),
        [],
      );
    });
  });

test('what takes more than one request is told as the tests name it', () => {
  const named = ['attacks', 'attacks-heavy'].flatMap(namesIn).filter(name => !ofTables.test(name));
  assert.ok(named.length > 8);
  const told = rowsOf('More than one request').map(([name = '']) => name);
  assert.deepEqual(told, named);
});

/** Those that send the tables above. */
const ofTables = /^no (?:target|body) /;

/** With the numbers that they are made with. */
function namesIn(file: string): string[] {
  const source = readFileSync(join(root, `tests/${file}.test.ts`), 'utf8');
  const numbers = new Map(
    [...source.matchAll(/^const (\w+) = ([\d_]+);/gm)].map(([, name = '', value = '']) => [
      name,
      value.replaceAll('_', ''),
    ]),
  );
  return [...source.matchAll(/^test\(\s*(['`])(.*?)\1,/gm)].map(([, , name = '']) =>
    name.replaceAll(/\$\{(\w+)\}/g, (_, value) => numbers.get(value) ?? '?'),
  );
}

/** The cells of the table below this heading, without its head. */
function rowsOf(heading: string): string[][] {
  const [, section = ''] = page.split(`\n### ${heading}\n`);
  const lines = (section.split('\n### ', 1)[0] ?? '').split('\n');
  const rows = lines.filter(line => line.startsWith('| ')).slice(1);
  return rows.map(row => row.slice(2, -2).split(' | '));
}
