/** The exercises on a terminal: keys and saves come in, screens go out. */
import { readFileSync } from 'node:fs';
import { type Course, type Exercise, reset } from './course.ts';
import type { Progress } from './progress.ts';
import { runCheck, type Verdict } from './run-check.ts';
import { endScreen, type Panel, screen } from './screen.ts';
import { watchFile } from './watch.ts';

/** A terminal, or what stands for one in a test. */
export interface Terminal {
  input: NodeJS.ReadableStream & { setRawMode?(raw: boolean): unknown };
  output: NodeJS.WritableStream & { columns?: number };
}

export interface SessionOptions {
  limitMs?: number;
}

export class Session {
  private readonly course: Course;
  private readonly progress: Progress;
  private readonly terminal: Terminal;
  private readonly options: SessionOptions;
  private panel: Panel = 'none';
  private verdict: Verdict | undefined;
  /** The exercise that was just done. */
  private done: Exercise | undefined;
  private checking = new AbortController();
  private unwatch = () => {};
  private ended = false;
  private onend = () => {};

  constructor(
    course: Course,
    progress: Progress,
    terminal: Terminal,
    options: SessionOptions = {},
  ) {
    this.course = course;
    this.progress = progress;
    this.terminal = terminal;
    this.options = options;
  }

  /**
   * Resolves when the learner is done or has had enough.
   *
   * @param stay whether an exercise that is green already is shown, not passed over: for who asked
   *   for it
   */
  async run({ stay = false } = {}): Promise<void> {
    const { input, output } = this.terminal;
    const over = new Promise<void>(done => {
      this.onend = done;
    });
    input.setRawMode?.(true); // each key as it is pressed
    input.on('data', this.onKeys);
    input.once('end', this.end); // the terminal is gone
    output.on('resize', this.draw);
    this.open({ stay });
    await over;
  }

  /** Leaves the terminal as it was found. */
  readonly end = (): void => {
    if (this.ended) return;
    this.ended = true;
    this.close();
    const { input, output } = this.terminal;
    output.off('resize', this.draw);
    input.off('data', this.onKeys);
    input.setRawMode?.(false);
    input.pause();
    output.write(endScreen(this.course, this.progress, this.done));
    this.onend();
  };

  private open({ stay = false } = {}): void {
    this.close();
    this.panel = 'none';
    const exercise = this.progress.current();
    if (!exercise) {
      this.end();
      return;
    }
    this.unwatch = watchFile(exercise.edit, () => this.start(exercise));
    this.start(exercise, { stay });
  }

  private close(): void {
    this.unwatch();
    this.checking.abort();
  }

  private start(exercise: Exercise, options: { stay?: boolean } = {}): void {
    this.check(exercise, options).catch(error => {
      this.end(); // gives the terminal back, so that the error can be read
      console.error(error);
      process.exitCode = 1;
    });
  }

  private async check(exercise: Exercise, { stay = false }: { stay?: boolean }): Promise<void> {
    this.checking.abort(); // what it would find is of a file that is no more
    this.checking = new AbortController();
    const { signal } = this.checking;
    this.verdict = undefined;
    this.draw();
    const verdict = await runCheck(exercise, { ...this.options, signal });
    if (signal.aborted) return;
    this.verdict = verdict;
    if (verdict.green && !stay) this.pass(exercise);
    else this.draw();
  }

  private pass(exercise: Exercise): void {
    this.done = exercise;
    this.progress.advance();
    this.open();
  }

  private readonly onKeys = (chunk: Buffer | string): void => {
    const keys = String(chunk);
    if (keys.startsWith('\x1b')) return; // an arrow or the like
    for (const key of keys) if (!this.ended) this.onKey(key);
  };

  private onKey(key: string): void {
    const exercise = this.progress.current();
    if (!exercise) return;
    if (leaving.has(key)) this.end();
    else if (key === '\r' || key === '\n') this.start(exercise);
    else if (key === 'r' && this.panel === 'reset') this.restart(exercise);
    else this.toggle(panels[key] ?? 'none');
  }

  private restart(exercise: Exercise): void {
    reset(exercise);
    this.open({ stay: true });
  }

  private toggle(panel: Panel): void {
    this.panel = panel === this.panel ? 'none' : panel;
    this.draw();
  }

  private readonly draw = (): void => {
    const exercise = this.progress.current();
    if (!exercise || this.ended) return;
    const { course, progress, panel, verdict, done } = this;
    const columns = this.terminal.output.columns || 80; // 0 where a terminal does not know
    const solution = panel === 'solution' ? readFileSync(exercise.solution, 'utf8') : '';
    const view = { course, progress, exercise, panel, verdict, done, solution, columns };
    this.terminal.output.write(screen(view));
  };
}

// In raw mode the terminal makes no signal of Ctrl-C and no end of Ctrl-D.
const leaving = new Set(['q', '\x03', '\x04']);

const panels: Record<string, Panel> = { h: 'hint', l: 'list', s: 'solution', r: 'reset' };
