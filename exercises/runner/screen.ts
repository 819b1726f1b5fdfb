/** What the terminal shows, as text: pure. The newest is at the bottom, where the eye is. */
import { relative } from 'node:path';
import type { Course, Exercise } from './course.ts';
import type { Progress } from './progress.ts';
import { prose } from './prose.ts';
import type { Verdict } from './run-check.ts';

export type Panel = 'none' | 'hint' | 'solution' | 'list' | 'reset';

export interface View {
  course: Course;
  progress: Progress;
  exercise: Exercise;
  panel: Panel;
  /** Of the last check; undefined while one runs. */
  verdict: Verdict | undefined;
  /** The exercise before, when it was done in this session. */
  done: Exercise | undefined;
  solution: string;
  columns: number;
}

const clear = '\x1b[2J\x1b[H'; // what scrolled off stays: it may be the learner's
const maxWidth = 100; // columns; longer lines are hard to read

/** Begins by clearing the terminal. */
export function screen(view: View): string {
  const { course, exercise, done, columns } = view;
  const width = Math.min(columns, maxWidth);
  const parts = [
    done && `${afterwards(done, width)}\n\n${rule(width)}`,
    dim(`Exercise ${exercise.number} of ${course.exercises.length}`),
    prose(exercise.read('task'), { width, bold }),
    `Edit ${bold(shown(exercise.edit))} and save it.`,
    rule(width),
    done &&
      green(`Exercise ${done.number} is done: above is what to read after. Here is the next.`),
    checkPart(view),
    panelPart(view, width),
    dim('h hint   l list   s solution   r reset   enter check again   q quit'),
  ];
  return `${clear}${parts.filter(Boolean).join('\n\n')}\n`;
}

function checkPart({ verdict }: View): string {
  if (!verdict) return dim('Checking …');
  if (!verdict.green) return verdict.text.replaceAll(/^not yet/gm, yellow('not yet'));
  return `${verdict.text}\n\n${green('It is green already. Save it to move on, or reset it.')}`;
}

function panelPart({ panel, exercise, solution, course, progress }: View, width: number): string {
  if (panel === 'hint') return `${bold('Hint')}\n\n${prose(exercise.read('hint'), { width })}`;
  if (panel === 'solution') return `${bold(shown(exercise.solution))}\n\n${solution.trimEnd()}`;
  if (panel === 'list') return list(course, progress);
  if (panel === 'reset')
    return yellow(`r again throws away what you wrote in ${shown(exercise.edit)}.`);
  return '';
}

function list({ exercises }: Course, progress: Progress): string {
  const lines = exercises.map(exercise => {
    const mark = progress.isDone(exercise) ? green('done') : '    ';
    const line = `${mark}  ${String(exercise.number).padStart(2)}  ${exercise.title}`;
    return exercise === progress.current() ? bold(line) : line;
  });
  const count = exercises.filter(progress.isDone).length;
  const go = 'npm run learn -- 3 goes to the third.';
  return `${lines.join('\n')}\n\n${count} of ${exercises.length} are done. ${dim(go)}`;
}

function afterwards({ number, read }: Exercise, width: number): string {
  return `${green(`Exercise ${number} is done.`)}\n\n${prose(read('after'), { width })}`;
}

/** The last words: where the learner stands. */
export function endScreen({ exercises }: Course, progress: Progress, done?: Exercise): string {
  const next = progress.current();
  if (next) return `\nYour place is kept: ${next.number}. ${next.title}. npm run learn goes on.\n`;
  return `${clear}${done ? `${afterwards(done, maxWidth)}\n` : ''}
All ${exercises.length} are done: you have written a mount, and mended what breaks around one.
npm run learn -- 1 goes to the first again. router.ts is the one to compare yours with.\n`;
}

function shown(file: string): string {
  return relative(process.cwd(), file);
}

function rule(width: number): string {
  return dim('─'.repeat(width));
}

const plain = process.env.NO_COLOR !== undefined;
const style = (code: number) => (text: string) => (plain ? text : `\x1b[${code}m${text}\x1b[0m`);
const bold = style(1);
const dim = style(2);
const green = style(32);
const yellow = style(33);
