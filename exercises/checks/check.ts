/**
 * What every check stands on. A check acts as a client would, and says what it saw: `passed` for
 * what works, `teach` for the first thing that does not.
 */
import { basename, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { wrap } from '../runner/prose.ts';
import { explainTrouble } from './trouble.ts';

/** The file under check. */
export interface Subject {
  /** Absolute path. */
  file: string;
  /** `'second-app.ts'` */
  name: string;
  /** What the file exports under this name; ends the check where it exports no such function. */
  load<T extends (...args: never[]) => unknown>(name: string): Promise<T>;
}

/** Never just what was expected: what was done, what came of it, what that means, where to look. */
export interface Lesson {
  did: string;
  seen: string;
  so: string;
  look: string;
}

class Taught extends Error {
  readonly lesson: Lesson;

  constructor(lesson: Lesson) {
    super(lesson.did);
    this.lesson = lesson;
  }
}

/** Ends the check, red. */
export function teach(lesson: Lesson): never {
  throw new Taught(lesson);
}

/** One line for something that works. */
export function passed(what: string): void {
  console.log(`ok       ${wrap(what, width, 9)}`);
}

/** Called when the check is over, last first, whatever came of it. */
export function atEnd(cleanUp: () => unknown): void {
  cleanUps.unshift(cleanUp);
}

const cleanUps: (() => unknown)[] = [];
const width = 79; // columns: the narrowest terminal in use has 80

/** Runs `body` on the file that the command line names, and exits 0 or 1. */
export async function check(body: (subject: Subject) => Promise<void>): Promise<void> {
  const subject = subjectAt(resolve(process.argv[2] ?? ''));
  // What the learner's code throws later, in a handler or a timer.
  process.on('uncaughtException', error => {
    finish(error, subject).catch(() => process.exit(1));
  });
  try {
    await body(subject);
  } catch (error) {
    return finish(error, subject);
  }
  return finish(undefined, subject);
}

async function finish(error: unknown, subject: Subject): Promise<void> {
  if (error !== undefined) console.log(asText(lessonOf(error, subject)));
  for (const cleanUp of cleanUps.splice(0)) await Promise.resolve(cleanUp()).catch(() => {});
  process.exit(error === undefined ? 0 : 1);
}

function lessonOf(error: unknown, { name }: Subject): Lesson {
  return error instanceof Taught ? error.lesson : explainTrouble(inspect(error), name);
}

function asText({ did, seen, so, look }: Lesson): string {
  const line = (label: string, text: string) =>
    `  ${label.padEnd(7)}${wrap(text, width - 9, 0).replaceAll('\n', `\n${' '.repeat(9)}`)}`;
  return [`not yet  ${did}`, line('seen:', seen), line('so:', so), line('look:', look)].join('\n');
}

function subjectAt(file: string): Subject {
  const name = basename(file);
  return {
    file,
    name,
    async load<T>(wanted: string): Promise<T> {
      const exports = await import(pathToFileURL(file).href);
      if (typeof exports[wanted] === 'function') return exports[wanted] as T; // as the task asks for it
      return teach({
        did: `the check asked ${name} for ${wanted}`,
        seen: `the file exports no function of that name.`,
        so: 'there is nothing to try.',
        look: `at the line that began with 'export function ${wanted}': it must keep its name and its 'export'.`,
      });
    },
  };
}
