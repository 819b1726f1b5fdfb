/** Runs one check as a program of its own: whatever the learner's code does, it does it there. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Exercise } from './course.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Verdict {
  green: boolean;
  /** What the check says, for the learner. */
  text: string;
}

export interface CheckOptions {
  /** The file to check: the one to edit, unless told. */
  file?: string;
  /** Ends the check and what it started; the verdict then means nothing. */
  signal?: AbortSignal;
  limitMs?: number;
}

const limitMs = 30_000; // the longest takes 3 s; a busy machine ten times that
const maxText = 20_000; // characters; a loop that prints must not fill memory or the screen

export async function runCheck(exercise: Exercise, options: CheckOptions = {}): Promise<Verdict> {
  const { file = exercise.edit, signal, limitMs: limit = limitMs } = options;
  const { NODE_TEST_CONTEXT: _, ...env } = process.env; // under node:test it would speak its protocol
  const child = spawn(process.execPath, ['--import', 'tsx', exercise.check, file], {
    cwd: root, // where tsx is found
    env,
    detached: !onWindows, // a group of its own, which can be killed as one
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = collect(child.stdout, child.stderr);
  const overdue = AbortSignal.timeout(limit);
  try {
    const cut = signal ? AbortSignal.any([signal, overdue]) : overdue;
    const [code] = await once(child, 'close', { signal: cut });
    return { green: code === 0, text: said().trimEnd() };
  } catch (error) {
    const why = overdue.aborted ? neverEnded(file, limit) : String(error);
    return { green: false, text: said() + why };
  } finally {
    killWithChildren(child);
    child.stdout.destroy(); // a program that got away may still hold them
    child.stderr.destroy();
  }
}

function collect(...streams: Readable[]): () => string {
  let text = '';
  for (const stream of streams)
    stream.setEncoding('utf8').on('data', chunk => {
      if (text.length < maxText) text += chunk;
    });
  return () => text;
}

function neverEnded(file: string, ms: number): string {
  return `not yet  the check did not come to an end
  seen:  it was stopped after ${ms / 1_000} s, and all that it had started with it.
  so:    something in ${basename(file)} goes on for ever.
  look:  at its loops: can each come to an end? And at each await: does what it waits for happen?`;
}

const onWindows = process.platform === 'win32';

function killWithChildren({ pid, exitCode }: ChildProcess): void {
  if (pid === undefined) return;
  if (onWindows && exitCode === null) {
    spawn('taskkill', ['/pid', String(pid), '/T', '/F'], { stdio: 'ignore' }).on('error', () => {});
    return;
  }
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // all of the group has ended
  }
}
