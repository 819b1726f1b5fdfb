/**
 * What there is to learn: the folders `01-…` to `10-…`, in order. Each holds the task, the start,
 * the check, a hint, the solution and what to read after.
 *
 * The file to edit is named after its folder: `01-strip-prefix/strip-prefix.ts`. It is no part of
 * the repository but a copy of `start.ts`, made where there is none. So a learner's `git status`
 * stays clean, `git pull` never meets a half-done exercise, and reset needs no git.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Exercise {
  number: number;
  /** `'01-strip-prefix'` */
  folder: string;
  /** The task's first line. */
  title: string;
  /** Absolute paths. */
  edit: string;
  start: string;
  check: string;
  solution: string;
  /** As Markdown. */
  read(name: 'task' | 'hint' | 'after'): string;
}

export interface Course {
  /** Where the exercises are. Ends with no slash. */
  at: string;
  exercises: Exercise[];
  /** Makes the files to edit that are not there yet. */
  layOut(): void;
}

export function readCourse(at: string): Course {
  const folders = readdirSync(at).filter(name => /^\d\d-/.test(name));
  const exercises = folders.sort().map(folder => readExercise(join(at, folder), folder));
  const layOut = () => {
    for (const exercise of exercises) if (!existsSync(exercise.edit)) reset(exercise);
  };
  return { at, exercises, layOut };
}

/** Puts the start in place of what was made of it: all but the line that says what start.ts is. */
export function reset({ start, edit }: Exercise): void {
  writeFileSync(edit, readFileSync(start, 'utf8').replace(/^.*\n\n/, ''));
}

function readExercise(path: string, folder: string): Exercise {
  const read = (name: string) => readFileSync(join(path, `${name}.md`), 'utf8');
  const [heading = ''] = read('task').split('\n', 1);
  return {
    number: Number(folder.slice(0, 2)),
    folder,
    title: heading.replace(/^# /, ''),
    edit: join(path, `${folder.slice(3)}.ts`),
    start: join(path, 'start.ts'),
    check: join(path, 'check.ts'),
    solution: join(path, 'solution.ts'),
    read,
  };
}
