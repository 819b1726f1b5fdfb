/**
 * The lesson's figures, from traces of the programs as they run:
 *
 *     npm run lesson:figures
 */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { draw, type Panel } from './draw.ts';
import { freePort } from './free-port.ts';
import { record } from './record.ts';
import { rowsOf } from './rows.ts';
import { type Scene, scenes } from './scenes.ts';

/** The SVG of a scene that is played for it. The same each time: no times, no ids. */
export async function figureOf({ title, acts }: Scene): Promise<string> {
  const panels: Panel[] = [];
  let number = 1;
  for (const act of acts) {
    const events = await record(act, await freePort());
    const rows = rowsOf(act, events, number);
    number += rows.filter(row => row.is === 'request').length;
    panels.push({ heading: act.heading ?? '', program: `${act.program}.ts`, rows });
  }
  return draw(title, panels);
}

export function fileOf({ name }: Scene): string {
  return fileURLToPath(new URL(`../${name}.svg`, import.meta.url));
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const scene of scenes) await writeFile(fileOf(scene), await figureOf(scene));
