/**
 * The exercises, one after the other: shows the task and what its check says, checks again on each
 * save, moves on when the check is green.
 *
 *     npm run learn            where you left off
 *     npm run learn -- 3       exercise 3
 *
 * Without a terminal it checks once, and exits 0 where the check is green and 1 where it is not.
 */
import { fileURLToPath } from 'node:url';
import { type Course, readCourse } from './runner/course.ts';
import { checkOnce } from './runner/once.ts';
import { type Progress, readProgress } from './runner/progress.ts';
import { Session } from './runner/session.ts';

const here = fileURLToPath(new URL('.', import.meta.url));

async function main(args: string[]): Promise<void> {
  const course = readCourse(here);
  const progress = readProgress(course);
  const wanted = args.length === 0 ? undefined : numberFrom(args, course);
  if (wanted === 'help') return explainUsage(course);
  if (wanted !== undefined) progress.goTo(wanted);
  course.layOut();
  if (process.stdin.isTTY && process.stdout.isTTY) return learn(course, progress, wanted);
  process.exitCode = await checkOnce(course, progress, line => console.log(line));
}

/** An exercise's number; 'help' for all else. */
function numberFrom([word = '', ...more]: string[], { exercises }: Course): number | 'help' {
  const known = more.length === 0 && exercises.some(({ number }) => String(number) === word);
  return known ? Number(word) : 'help';
}

function explainUsage({ exercises }: Course): void {
  console.log(`npm run learn        goes on where you left off
npm run learn -- 3   goes to exercise 3 of ${exercises.length}`);
  for (const { number, title } of exercises) console.log(`${String(number).padStart(4)}  ${title}`);
  process.exitCode = process.argv.includes('--help') ? 0 : 2;
}

async function learn(course: Course, progress: Progress, wanted?: number): Promise<void> {
  const terminal = { input: process.stdin, output: process.stdout };
  const session = new Session(course, progress, terminal);
  process.once('exit', () => session.end()); // also when something here throws
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => session.end());
  await session.run({ stay: wanted !== undefined });
}

await main(process.argv.slice(2));
