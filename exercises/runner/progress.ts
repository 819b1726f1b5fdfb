/** Where the learner is, kept between runs in a file that git ignores. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Course, Exercise } from './course.ts';

export interface Progress {
  /** The exercise at hand; undefined once all are done. */
  current(): Exercise | undefined;
  isDone(exercise: Exercise): boolean;
  goTo(number: number): void;
  /** Marks the current exercise as done and goes to the next that is not. */
  advance(): void;
}

export function readProgress({ at, exercises }: Course): Progress {
  const file = join(at, '.progress.json');
  const { done, place } = stored(file);
  // By folder, so that a place survives exercises that are added or renumbered.
  let current = exercises.find(({ folder }) => folder === place) ?? firstOpen(0);

  function firstOpen(from: number): Exercise | undefined {
    const inTurn = [...exercises.slice(from), ...exercises.slice(0, from)];
    return inTurn.find(({ folder }) => !done.has(folder));
  }

  function keep(): void {
    const text = JSON.stringify({ place: current?.folder, done: [...done].sort() }, undefined, 2);
    try {
      writeFileSync(file, `${text}\n`);
    } catch {
      // A folder that can't be written to can still be learnt from: only the place is lost.
    }
  }

  return {
    current: () => current,
    isDone: ({ folder }) => done.has(folder),
    goTo(number) {
      current = exercises.find(exercise => exercise.number === number);
      keep();
    },
    advance() {
      if (!current) return;
      done.add(current.folder);
      current = firstOpen(exercises.indexOf(current) + 1);
      keep();
    },
  };
}

/** What a run before this one kept; a file that is not there, or is no such file, holds nothing. */
function stored(file: string): { done: Set<string>; place: string | undefined } {
  try {
    const { done, place } = JSON.parse(readFileSync(file, 'utf8'));
    return { done: new Set(Array.isArray(done) ? done : []), place };
  } catch {
    return { done: new Set(), place: undefined };
  }
}
