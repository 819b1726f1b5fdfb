/** Without a terminal: one check, in plain lines, and an exit code. */
import { relative } from 'node:path';
import type { Course } from './course.ts';
import type { Progress } from './progress.ts';
import { prose } from './prose.ts';
import { type CheckOptions, runCheck } from './run-check.ts';

/** @returns 0 where the check is green, 1 where it is not */
export async function checkOnce(
  { exercises }: Course,
  progress: Progress,
  print: (line: string) => void,
  options: CheckOptions = {},
): Promise<0 | 1> {
  const exercise = progress.current();
  if (!exercise) {
    print(`All ${exercises.length} are done. npm run learn -- 1 goes to the first.`);
    return 0;
  }
  print(`Exercise ${exercise.number} of ${exercises.length}: ${exercise.title}`);
  print(`Edit ${relative(process.cwd(), exercise.edit)}\n`);
  const { green, text } = await runCheck(exercise, options);
  print(text);
  if (!green) {
    print(`\nThe task is in task.md beside it, a hint in hint.md.`);
    return 1;
  }
  progress.advance();
  const next = progress.current();
  print(`\nDone. ${prose(exercise.read('after'), { width: 100 })}`);
  print(next ? `\nNext: ${next.number}. ${next.title}` : '\nThat was the last one.');
  return 0;
}
