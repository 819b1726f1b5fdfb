/** What the tests of the exercises and of their runner share. */
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readCourse } from '../exercises/runner/course.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The exercises as they come, and what they stand on; gone when the tests of a file are over. */
export function copyOfProject(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-mount-exercises-'));
  after(() => rmSync(folder, { recursive: true }));
  const needed = /\.ts$|^(apps|http|store|exercises)$|^(package|tsconfig)\.json$/;
  const edited = new Set(readCourse(join(root, 'exercises')).exercises.map(({ edit }) => edit));
  const filter = (file: string) => !edited.has(file) && basename(file) !== '.progress.json';
  for (const name of readdirSync(root).filter(name => needed.test(name)))
    cpSync(join(root, name), join(folder, name), { recursive: true, filter });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

/** A check's words, however it breaks them into lines. */
export function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}
