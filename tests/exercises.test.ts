/**
 * The exercises: each start fails for the reason that its task names, each solution passes, and
 * the usual wrong ways are told for what they are. In a copy, so that who runs the tests keeps
 * what they wrote.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Exercise, readCourse, reset } from '../exercises/runner/course.ts';
import { runCheck } from '../exercises/runner/run-check.ts';
import { copyOfProject, oneLine } from './exercises.ts';
import { serve } from './support.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const course = readCourse(join(copyOfProject(), 'exercises'));

/** What each start is told first: the reason that its task names. */
const reasons: Record<string, RegExp> = {
  '01-strip-prefix': /not yet stripPrefix\('\/mcpx\/sse', '\/mcp'\) seen: it gave 'x\/sse'/,
  '02-second-app': /not yet GET \/shop\/apples seen: .* 404 and .* no app is mounted at \/shop/,
  '03-any-order': /not yet GET \/shop\/orders\/7 .* a mount that fits less closely came before/,
  '04-new-url': /not yet an agent connected to \/mcp\/sse seen: GET \/mcp\/sse -> 404/,
  '05-endpoint-event':
    /seen: GET \/mcp\/sse -> 200, POST \/messages -> 404\. .* its \/messages is \/mcp\/messages/,
  '06-two-servers': /not yet an agent connected to \/shop\/sse seen: GET \/shop\/sse -> 404/,
  '07-token-guard': /not yet GET \/items\/, without a token seen: the client got 401/,
  '08-behind-proxy':
    /not yet an agent connected to \/team\/a\/mcp\/sse, through a proxy .* POST \/mcp\/messages -> 404/,
  '09-stopping': /not yet SIGTERM.* still runs\. Of 2 streams 2 are open.* server\.close\(\) waits/,
  '10-one-schema': /not yet an agent asked for the tools .* there is no tool add_item yet/,
};

/** Wrong ways that learners take, as changes to the solution, and what they are told. */
const wrongWays: [folder: string, what: string, from: string | RegExp, to: string, told: RegExp][] =
  [
    [
      '01-strip-prefix',
      'taking every prefix off',
      /return rest\[0\].*/,
      "return url.replaceAll(prefix, '');",
      /'\/mcpx\/sse'/,
    ],
    [
      '01-strip-prefix',
      'leaving nothing',
      "rest === '' || ",
      '',
      /stripPrefix\('\/mcp', '\/mcp'\) seen: it gave undefined, not '\/'/,
    ],
    ['01-strip-prefix', 'forgetting the query', " || rest[0] === '?'", '', /'\/mcp\?x=1'/],
    [
      '02-second-app',
      'a return forgotten',
      /(shop\(req, res\);)\n\s*return;/,
      '$1',
      /answered twice: ERR_\w+, in line \d+\. .* a return is missing/,
    ],
    ['02-second-app', 'the prefix left on', 'req.url = belowShop;', '', /sees its own prefix/],
    [
      '02-second-app',
      'a prefix that is no segment',
      "stripPrefix(url, '/shop')",
      "url.startsWith('/shop') ? url.slice(5) || '/' : undefined",
      /GET \/shop\?page=2/,
    ],
    [
      '03-any-order',
      'sorting the list of the caller',
      '[...mounts]',
      'mounts',
      /Call it on a copy/,
    ],
    [
      '03-any-order',
      'sorting the wrong way round',
      'b.prefix.length - a.prefix.length',
      'a.prefix.length - b.prefix.length',
      /fits less closely/,
    ],
    [
      '04-new-url',
      'the mount moved, and the client not',
      '/mcp/sse`',
      '/sse`',
      /The client failed: .*404.* the server has moved to \/mcp/,
    ],
    [
      '04-new-url',
      'both mounts kept',
      "router.mount('/mcp'",
      "router.mount('/', mcp);\nrouter.mount('/mcp'",
      /the one at \/ has to go/,
    ],
    [
      '05-endpoint-event',
      'the mount written into the app',
      /rootPath\(req\)\}/,
      "'/mcp'}",
      /mounted at \/tools\/mcp .* POST \/mcp\/messages -> 404/,
    ],
    [
      '06-two-servers',
      'asking each time',
      'known.get(client) ?? ',
      '',
      /asked for their tools \d+ times/,
    ],
    [
      '06-two-servers',
      'the first server for all',
      'names.includes(name)',
      'names.length > 0',
      /servers were called: list add_item\./,
    ],
    [
      '07-token-guard',
      'no guard',
      /bearer\((mcp), .*\]\) \}\)/,
      '$1',
      /GET \/mcp\/sse, without a token .* no guard asked/,
    ],
    [
      '07-token-guard',
      'any token',
      'staticTokens([token])',
      "token => ({ token, clientId: '', scopes: [] })",
      /any token will do/,
    ],
    [
      '08-behind-proxy',
      'the prefix of one proxy',
      "'relative:messages'",
      "'/team/a/mcp/messages'",
      /mcp\/sse, without a proxy/,
    ],
    [
      '09-stopping',
      'leaving at once',
      'server.close(() => process.exit(0));',
      'process.exit(0);',
      /GET \/slow.* the program ended too early/,
    ],
    ['09-stopping', 'cutting the streams', 'stream.end()', 'stream.destroy()', /2 were cut/],
    [
      '10-one-schema',
      'another schema',
      'inputSchema: newItemSchema',
      'inputSchema: newItemSchema.extend({ quantity: newItemSchema.shape.quantity.describe("n") })',
      /two sets of rules/,
    ],
    [
      '10-one-schema',
      'another store',
      'await store.add(wanted)',
      '{ id: 4, ...wanted }',
      /see two lists/,
    ],
  ];

/** What a file may do that is no answer at all, in place of the second exercise's solution. */
const troubles: [what: string, code: string, told: RegExp][] = [
  ['a bracket too few', 'export const a = [1, 2;\n', /second-app\.ts seen: line 1: Expected "\]"/],
  [
    'an error as it starts',
    'const a: string[] = [];\na.b.c();\n',
    /TypeError: Cannot read .* line 2 of/,
  ],
  [
    'nothing that listens',
    'console.log("hello");\n',
    /it ended, having printed: hello .* none of it listens/,
  ],
  ['an import of nothing', "import './nowhere.ts';\n", /an import asks for nowhere\.ts/],
  ['a handler that throws', serverSaying('null.x'), /TypeError: Cannot read .* line 2 of/],
  ['a handler that is silent', serverSaying(''), /GET \/hello\/you seen: no answer/],
];

describe('each exercise', { concurrency: 2 }, () => {
  test('has a reason in this file', () => {
    assert.deepEqual(
      course.exercises.map(({ folder }) => folder),
      Object.keys(reasons),
    );
  });

  for (const exercise of course.exercises) {
    test(`${exercise.folder}: the start fails for the reason its task names`, async () => {
      const { green, text } = await runCheck(exercise, { file: exercise.start });
      assert.match(oneLine(text), reasons[exercise.folder] ?? /no reason/);
      assert.ok(!green);
    });

    test(`${exercise.folder}: the solution passes`, async () => {
      const { green, text } = await runCheck(exercise, { file: exercise.solution });
      assert.doesNotMatch(text, /not yet/);
      assert.ok(green, text);
    });

    test(`${exercise.folder}: its texts are short, and their links lead somewhere`, () => {
      const texts = (['task', 'hint', 'after'] as const).map(exercise.read);
      const [task = '', hint = '', next = ''] = texts;
      assert.ok(
        words(task) <= 200 && words(hint) <= 80 && words(next) <= 100,
        texts.map(words).join(),
      );
      const folder = join(root, 'exercises', exercise.folder);
      for (const [, link = ''] of texts.join('\n').matchAll(/\]\(([^)]+)\)/g))
        assert.ok(existsSync(join(folder, link)), link);
      assert.match(task, /^# /);
      assert.match(next, /\]\(/); // something to read
    });

    test(`${exercise.folder}: the file to edit is the start, without the line about it`, () => {
      const [about = '', empty, ...lines] = readFileSync(exercise.start, 'utf8').split('\n');
      const name = basename(exercise.edit);
      assert.match(
        about,
        new RegExp(`^// Where exercise ${exercise.number} begins\\..* to ${name}:`),
      );
      assert.equal(empty, '');
      reset(exercise);
      assert.equal(readFileSync(exercise.edit, 'utf8'), lines.join('\n'));
    });
  }

  for (const [folder, what, from, to, told] of wrongWays) {
    test(`${folder}: ${what} is told for what it is`, async () => {
      const exercise = exerciseIn(folder);
      const solution = readFileSync(exercise.solution, 'utf8');
      const wrong = solution.replace(from, to);
      assert.notEqual(wrong, solution);
      const { green, text } = await runCheck(exercise, { file: attempt(exercise, wrong) });
      assert.match(oneLine(text), told);
      assert.ok(!green);
    });
  }

  for (const [what, code, told] of troubles) {
    test(`tells ${what} in words`, async () => {
      const exercise = exerciseIn('02-second-app');
      const { green, text } = await runCheck(exercise, { file: attempt(exercise, code) });
      assert.match(oneLine(text), told);
      assert.doesNotMatch(text, /node:internal|node_modules/);
      assert.ok(!green);
    });
  }

  test('tells a port that is taken in words', async t => {
    const { port } = new URL(await serve(t, () => {}));
    const exercise = exerciseIn('02-second-app');
    const code = serverSaying('').replace('Number(process.env.PORT)', port);
    const { text } = await runCheck(exercise, { file: attempt(exercise, code) });
    const told = new RegExp(`it wants port ${port}, and another program holds that`);
    assert.match(oneLine(text), told);
  });

  test('tells an export that is gone in words', async () => {
    const exercise = exerciseIn('01-strip-prefix');
    const { text } = await runCheck(exercise, { file: attempt(exercise, 'export {};\n') });
    assert.match(oneLine(text), /asked .* for stripPrefix seen: the file exports no function/);
  });
});

function exerciseIn(folder: string): Exercise {
  const exercise = course.exercises.find(exercise => exercise.folder === folder);
  assert.ok(exercise, folder);
  return exercise;
}

let attempts = 0;

/** A file with this code, where the one to edit is. */
function attempt({ edit }: Exercise, code: string): string {
  const file = join(dirname(edit), `attempt-${++attempts}-${basename(edit)}`);
  writeFileSync(file, code);
  return file;
}

/** A program that does this with each request. */
function serverSaying(code: string): string {
  return `import { createServer } from 'node:http';
createServer((req, res) => { ${code} }).listen(Number(process.env.PORT), '127.0.0.1');
`;
}

function words(text: string): number {
  return text.split(/\s+/).length;
}
