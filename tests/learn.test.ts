/**
 * The runner of the exercises: with a terminal and without one, on a made-up course whose checks
 * take no time, and on a terminal of the system's own with the true one.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { type Course, type Exercise, readCourse } from '../exercises/runner/course.ts';
import { readProgress } from '../exercises/runner/progress.ts';
import { prose } from '../exercises/runner/prose.ts';
import { runCheck } from '../exercises/runner/run-check.ts';
import { Session } from '../exercises/runner/session.ts';
import { watchFile } from '../exercises/runner/watch.ts';
import { copyOfProject } from './exercises.ts';

describe('a session', () => {
  test('checks on each save, and moves on when the check is green', async t => {
    const { course, screen, save } = await start(t);
    await screen(/Exercise 1 of 3[\s\S]*one is wrong/);
    save(0, 'still wrong');
    await screen(/one is still wrong/);
    save(0, 'right');
    await screen(/Exercise 1 is done\.\n\nAfter one[\s\S]*Exercise 2 of 3[\s\S]*two is wrong/);
    assert.equal(readProgress(course).current()?.number, 2);
  });

  test('hears of a save that renames a new file over the old, as editors do', async t => {
    const { screen, edit } = await start(t);
    await screen(/one is wrong/);
    for (const text of ['renamed', 'renamed again']) {
      writeFileSync(`${edit(0)}.new`, text);
      renameSync(`${edit(0)}.new`, edit(0));
      await screen(new RegExp(`one is ${text}\\n`));
    }
  });

  test('shows hint, solution and list, each until its key is pressed again', async t => {
    const { screen, press } = await start(t);
    await screen(/one is wrong/);
    for (const [key, shows] of [
      ['h', /Hint\n\nThe hint of one/],
      ['s', /01-one\/solution\.ts\n\nright\n/],
      ['l', /1 {2}The task of one\n +2 {2}The task of two[\s\S]*0 of 3 are done/],
    ] as const) {
      press(key);
      await screen(shows);
      press(key);
      assert.doesNotMatch(await screen(/q quit/), shows);
    }
  });

  test('puts the start back when r is pressed twice, and not when once', async t => {
    const { screen, press, save, edit } = await start(t);
    save(0, 'half done');
    await screen(/one is half done/);
    press('r');
    await screen(/r again throws away/);
    press('x');
    assert.doesNotMatch(await screen(/q quit/), /throws away/);
    assert.equal(readFileSync(edit(0), 'utf8'), 'half done');
    press('rr');
    await screen(/one is wrong/);
    assert.equal(readFileSync(edit(0), 'utf8'), 'wrong\n');
  });

  test('stays at an exercise that was asked for though it is green, until it is saved', async t => {
    const { screen, press } = await start(t, { edits: ['right', 'right'], goTo: 1 });
    await screen(/Exercise 1 of 3[\s\S]*one is right[\s\S]*It is green already/);
    press('\r'); // checks again, and passes over what is green
    await screen(/Exercise 3 of 3[\s\S]*three is wrong/);
  });

  test('takes up what was made green while it was away', async t => {
    const { screen } = await start(t, { edits: ['right', 'right'] });
    await screen(/Exercise 2 is done[\s\S]*Exercise 3 of 3[\s\S]*three is wrong/);
  });

  test('ends by itself when all are done', async t => {
    const { output, over } = await start(t, { edits: ['right', 'right', 'right'] });
    await over;
    assert.match(output(), /Exercise 3 is done[\s\S]*All 3 are done/);
  });

  for (const [name, key] of [
    ['q', 'q'],
    ['Ctrl-C', '\x03'],
    ['Ctrl-D', '\x04'],
  ] as const) {
    test(`ends on ${name}, with the terminal as it was`, async t => {
      const { screen, press, over, output, raw } = await start(t);
      await screen(/one is wrong/);
      press('\x1b[A'); // an arrow, which holds no key of ours
      press(key);
      await over;
      assert.deepEqual(raw, [true, false]);
      assert.match(
        output(),
        /Your place is kept: 1\. The task of one\. npm run learn goes on\.\n$/,
      );
    });
  }

  test('ends when its terminal is gone', async t => {
    const { screen, input, over, raw } = await start(t);
    await screen(/one is wrong/);
    input.end();
    await over;
    assert.deepEqual(raw, [true, false]);
  });

  test('gives up a check that runs when the file is saved again', async t => {
    const { screen, save } = await start(t, { edits: ['for ever'] });
    await screen(/Checking …/);
    save(0, 'no longer');
    assert.doesNotMatch(await screen(/one is no longer/), /not come to an end/);
  });

  test('draws again in the width that the terminal has come to have', async t => {
    const { screen, terminal } = await start(t);
    await screen(/one is wrong/);
    terminal.columns = 30;
    terminal.emit('resize');
    assert.match(await screen(/q quit/), /\n─{30}\n/);
  });
});

describe('a check', () => {
  test('that hangs is ended in time, with its children', async t => {
    const { course } = await newCourse(t, { edits: ['with a child'] });
    // time enough to start on a busy machine: it is to hang, not to be late
    const { green, text } = await runCheck(first(course), { limitMs: 6_000 });
    assert.ok(!green);
    assert.match(text, /stopped after 6 s[\s\S]*something in one\.ts goes on for ever/);
    const pid = Number(/child (\d+)/.exec(text)?.[1]);
    await gone(pid);
  });

  test('that loops without a pause is ended as well', async t => {
    const { course } = await newCourse(t, { edits: ['busy'] });
    const begun = performance.now();
    const { text } = await runCheck(first(course), { limitMs: 1_500 });
    assert.ok(performance.now() - begun < 15_000); // ten times the limit, on a busy machine
    assert.match(text, /not yet {2}the check did not come to an end/);
  });

  test('that prints without end fills no memory', async t => {
    const { course } = await newCourse(t, { edits: ['talkative'] });
    const { text } = await runCheck(first(course), { limitMs: 1_500 });
    assert.ok(text.length < 200_000, `${text.length} characters`);
  });
});

describe('without a terminal', () => {
  test('npm run learn checks once, keeps its place, and exits 0 or 1', async () => {
    const project = copyOfProject();
    const folder = join(project, 'exercises/01-strip-prefix');

    const red = await learn(project);
    assert.equal(red.code, 1);
    assert.match(
      red.stdout,
      /^Exercise 1 of 10: Write stripPrefix\nEdit exercises\/01-strip-prefix\/strip-prefix\.ts\n/,
    );
    assert.match(red.stdout, /not yet {2}stripPrefix\('\/mcpx\/sse', '\/mcp'\)/);

    writeFileSync(join(folder, 'strip-prefix.ts'), readFileSync(join(folder, 'solution.ts')));
    const green = await learn(project);
    assert.equal(green.code, 0);
    assert.match(green.stdout, /Done\. You wrote the heart[\s\S]*Next: 2\. Mount a second app\n$/);

    const next = await learn(project);
    assert.equal(next.code, 1);
    assert.match(next.stdout, /^Exercise 2 of 10/);

    const asked = await learn(project, '1');
    assert.equal(asked.code, 0);
    assert.match(asked.stdout, /^Exercise 1 of 10[\s\S]*Next: 2\./);
  });

  test('what is no exercise is answered with how to ask', async () => {
    const project = copyOfProject();
    for (const args of [['11'], ['strip-prefix'], ['1', '2']]) {
      const { code, stdout } = await learn(project, ...args);
      assert.equal(code, 2);
      assert.match(stdout, /npm run learn -- 3[\s\S]*10 {2}Expose an endpoint/);
    }
    assert.equal((await learn(project, '--help')).code, 0);
    assert.ok(!existsSync(join(project, 'exercises/.progress.json')));
  });
});

test('a place that can’t be read is the beginning', async t => {
  const { course } = await newCourse(t);
  for (const text of ['', '{', 'null', '[]', '{"done":7,"place":"99-gone"}']) {
    writeFileSync(join(course.at, '.progress.json'), text);
    assert.equal(readProgress(course).current()?.number, 1);
  }
});

test('a place survives exercises that are put before it', async t => {
  const { course } = await newCourse(t);
  readProgress(course).goTo(3);
  const [, , third] = course.exercises;
  assert.ok(third);
  const longer = {
    ...course,
    exercises: [...course.exercises.slice(0, 2), { ...third, number: 9 }],
  };
  assert.equal(readProgress(longer).current()?.number, 9);
});

test('a file that is away for a moment, or touched by nobody, is no save', async t => {
  const folder = newFolder(t);
  const file = join(folder, 'a.ts');
  writeFileSync(file, 'one');
  let saves = 0;
  const saved = new PassThrough();
  t.after(watchFile(file, () => saved.write(String(++saves))));
  writeFileSync(join(folder, 'b.ts'), 'another');
  rmSync(file);
  await wait(300); // longer than a save takes to be told
  assert.equal(saves, 0);
  writeFileSync(file, 'two');
  await once(saved, 'data');
  assert.equal(saves, 1);
});

test('a task is shown in the width of the terminal, its fences as they are', () => {
  const markdown = `# A task

Words that are *put* in \`lines\`, see [router.ts](../router.ts).

- one item that is long
- two

\`\`\`
a fence   of its own

with an empty line
\`\`\`
`;
  assert.equal(
    prose(markdown, { width: 20 }),
    `A task

Words that are put
in \`lines\`, see
router.ts.

- one item that is
  long
- two

    a fence   of its own

    with an empty line`,
  );
});

// The one test of a true terminal: script(1) makes one, with line and echo modes of its own.
test('on a terminal npm run learn takes keys, and leaves it as it was found', async t => {
  const project = copyOfProject();
  const folder = join(project, 'exercises/01-strip-prefix');
  const modes = /-?icanon|-?echo\b/g;
  const found = (await onTerminal(t, project, 'stty -a').ended).match(modes);
  assert.deepEqual(found, ['icanon', 'echo']);

  const terminal = onTerminal(t, project, learnThenShow(''));
  await terminal.printed(/not yet.*stripPrefix\('\/mcpx\/sse'/);
  terminal.type('h'); // no enter: keys are taken as they are pressed
  await terminal.printed(/Keep the first line/);
  writeFileSync(join(folder, 'strip-prefix.ts'), readFileSync(join(folder, 'solution.ts')));
  await terminal.printed(/Exercise 2 of 10[\s\S]*no app is mounted at \/shop/);
  terminal.type('q');
  const all = await terminal.ended;
  assert.match(all, /Your place is kept: 2\. Mount a second app[\s\S]*exit 0/);
  assert.deepEqual(all.slice(all.indexOf('exit 0')).match(modes), found);

  const again = onTerminal(t, project, learnThenShow('3'));
  await again.printed(/Exercise 3 of 10[\s\S]*fits less closely/);
  process.kill(Number(/pid (\d+)/.exec(again.output())?.[1]), 'SIGTERM');
  const ended = await again.ended;
  assert.match(ended, /Your place is kept: 3\./);
  assert.deepEqual(ended.slice(ended.indexOf('exit 0')).match(modes), found);
});

/** A shell command: the runner, then what it left of the terminal. */
function learnThenShow(args: string): string {
  const run = `exec "${process.execPath}" --import tsx exercises/learn.ts ${args}`;
  return `sh -c 'echo pid $$; ${run}'; echo "exit $?"; stty -a`;
}

// A made-up course: what a file says is what its check says of it.
const fastCheck = `
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
const text = readFileSync(process.argv[2], 'utf8').trim();
if (text === 'for ever') setInterval(() => {}, 1_000);
else if (text === 'busy') for (;;);
else if (text === 'talkative') for (;;) console.log('x'.repeat(1_000));
else if (text === 'with a child') {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1_000)']);
  console.log('child', child.pid);
} else {
  console.log(import.meta.url.match(/\\d-(\\w+)/)[1], 'is', text);
  process.exitCode = text === 'right' ? 0 : 1;
}
`;

interface CourseOptions {
  /** What the files to edit hold; the start, where there is none. */
  edits?: string[];
}

async function newCourse(t: TestContext, { edits = [] }: CourseOptions = {}) {
  const at = newFolder(t);
  for (const [i, name] of ['one', 'two', 'three'].entries()) {
    const folder = join(at, `0${i + 1}-${name}`);
    mkdirSync(folder);
    const put = (file: string, text: string) => writeFileSync(join(folder, file), text);
    put('task.md', `# The task of ${name}\n`);
    put('hint.md', `The hint of ${name}.\n`);
    put('after.md', `After ${name}.\n`);
    put('start.ts', '// Where it begins.\n\nwrong\n');
    put('solution.ts', 'right\n');
    put('check.ts', fastCheck);
    const edit = edits[i];
    if (edit !== undefined) put(`${name}.ts`, edit);
  }
  const course = readCourse(at);
  course.layOut();
  return { course };
}

interface StartOptions extends CourseOptions {
  goTo?: number;
}

/** A session on a made-up course and terminal. */
async function start(t: TestContext, { edits = [], goTo }: StartOptions = {}) {
  const { course } = await newCourse(t, { edits });
  const progress = readProgress(course);
  if (goTo !== undefined) progress.goTo(goTo);
  const raw: boolean[] = [];
  const input = Object.assign(new PassThrough(), { setRawMode: (mode: boolean) => raw.push(mode) });
  const terminal = Object.assign(new PassThrough({ encoding: 'utf8' }), { columns: 80 });
  let text = '';
  terminal.on('data', chunk => {
    text += chunk;
  });
  const session = new Session(course, progress, { input, output: terminal });
  t.after(session.end);
  const over = session.run({ stay: goTo !== undefined });
  const edit = (i: number) => course.exercises[i]?.edit ?? '';

  return {
    course,
    terminal,
    input,
    raw,
    over,
    edit,
    output: () => plain(text),
    press: (keys: string) => input.write(keys),
    save: (i: number, code: string) => writeFileSync(edit(i), code),
    /** The last screen, once it matches. */
    async screen(pattern: RegExp): Promise<string> {
      const last = () => plain(text.slice(text.lastIndexOf('\x1b[2J')));
      await new Promise(setImmediate); // what was typed has arrived
      while (!pattern.test(last())) await once(terminal, 'data', { signal: t.signal });
      return last();
    },
  };
}

function first({ exercises }: Course): Exercise {
  const [exercise] = exercises;
  assert.ok(exercise);
  return exercise;
}

function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-mount-learn-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Resolves once there is no such process. */
async function gone(pid: number): Promise<void> {
  assert.ok(pid > 0);
  while (isThere(pid)) await wait(20);
}

function isThere(pid: number): boolean {
  try {
    // one that was killed may wait for its parent to be told
    return process.kill(pid, 0) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

async function learn(cwd: string, ...args: string[]) {
  const child = spawn(process.execPath, ['--import', 'tsx', 'exercises/learn.ts', ...args], {
    cwd,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', chunk => {
    stdout += chunk;
  });
  const [code] = await once(child, 'close');
  return { code, stdout };
}

const lifeMs = 60_000; // more than a busy machine needs; what hangs fails its test

/** A shell command on a terminal of its own. */
function onTerminal(t: TestContext, cwd: string, command: string) {
  const [program, ...args] =
    process.platform === 'darwin'
      ? ['script', '-q', '/dev/null', 'sh', '-c', command]
      : ['script', '-qefc', command, '/dev/null'];
  const child: ChildProcess = spawn(program, args, { cwd, stdio: ['pipe', 'pipe', 'inherit'] });
  const overdue = setTimeout(() => child.kill(), lifeMs);
  t.after(() => {
    clearTimeout(overdue);
    child.kill();
  });
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', chunk => {
    text += chunk;
  });
  const ended = once(child, 'close').then(() => plain(text));
  return {
    ended,
    output: () => text,
    type: (keys: string) => child.stdin?.write(keys),
    async printed(pattern: RegExp): Promise<void> {
      while (!pattern.test(plain(text))) {
        const over = await Promise.race([child.stdout && once(child.stdout, 'data'), ended]);
        assert.notEqual(typeof over, 'string', `it ended, having printed ${over}`);
      }
    },
  };
}

/** As it reads, without colours. */
function plain(text: string): string {
  return stripVTControlCharacters(text).replaceAll('\r\n', '\n');
}
