/** What went wrong in the learner's code, from what Node and tsx print of it. Pure. */
import type { Lesson } from './check.ts';

/**
 * @param printed an error as it is printed, or all that a program printed
 * @param name the learner's file, `'second-app.ts'`
 */
export function explainTrouble(printed: string, name: string): Lesson {
  return (
    notTypeScript(printed, name) ??
    portTaken(printed, name) ??
    wrongImport(printed, name) ??
    answeredTwice(printed, name) ??
    thrown(printed, name)
  );
}

function notTypeScript(printed: string, name: string): Lesson | undefined {
  const [, line, reason] = /:(\d+):\d+: ERROR: (.*)/.exec(printed) ?? [];
  if (reason === undefined) return undefined;
  return {
    did: `the check read ${name}`,
    seen: `line ${line}: ${reason}`,
    so: 'it can’t be read as TypeScript, so nothing of it has run.',
    look: `at line ${line} and the one before it: a bracket, a quote or a comma is missing or too many.`,
  };
}

function portTaken(printed: string, name: string): Lesson | undefined {
  const port = /EADDRINUSE.*?(\d+)\s*$/m.exec(printed)?.[1];
  if (port === undefined) return undefined;
  return {
    did: `the check started ${name}`,
    seen: `it wants port ${port}, and another program holds that: EADDRINUSE.`,
    so: 'it ended before it could answer anybody.',
    look: 'at listen(…): the check names a free port in PORT, so listen on Number(process.env.PORT ?? 3000).',
  };
}

function wrongImport(printed: string, name: string): Lesson | undefined {
  const missing =
    /Cannot find (?:module|package) '([^']+)'/.exec(printed)?.[1] ??
    /does not provide an export named '([^']+)'/.exec(printed)?.[1];
  if (missing === undefined) return undefined;
  return {
    did: `the check read ${name}`,
    seen: `an import asks for ${missing.split(/[\\/]/).at(-1)}, and there is no such thing.`,
    so: 'nothing of the file has run.',
    look: 'at its imports: a file is named with its ending, ./like-this.ts, and a name as it is exported.',
  };
}

function answeredTwice(printed: string, name: string): Lesson | undefined {
  const code = /ERR_STREAM_WRITE_AFTER_END|ERR_HTTP_HEADERS_SENT/.exec(printed)?.[0];
  if (code === undefined) return undefined;
  const at = lineIn(printed, name);
  return {
    did: `the check ran ${name}`,
    seen: `one request was answered twice: ${code}${at ? `, in line ${at}` : ''}.`,
    so: 'the first answer was fine, and then the code went on to the next one, which ended the program.',
    look: 'at where the first answer is given: after it a return is missing.',
  };
}

function lineIn(printed: string, name: string): string | undefined {
  return new RegExp(`${name.replaceAll('.', '\\.')}:(\\d+)`).exec(printed)?.[1];
}

function thrown(printed: string, name: string): Lesson {
  const what = /^\s*(?:Uncaught )?((?:\w*Error|\w*Exception)\b.*)/m.exec(printed)?.[1];
  const line = lineIn(printed, name);
  return {
    did: `the check ran ${name}`,
    seen: what ?? (printed.trim().slice(0, 300) || 'it ended, and printed nothing.'),
    so: 'your code threw this, and nothing caught it, so the program is over.',
    look: line ? `at line ${line} of ${name}.` : `at what you changed last in ${name}.`,
  };
}
