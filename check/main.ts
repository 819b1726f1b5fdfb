/**
 * `mcp-mount check URL`: what is wrong with a running MCP server, of any make, as it shows from
 * outside. Asks as its clients would, and as a hostile web page would; changes nothing.
 */
import { type Child, startServer } from './child.ts';
import { discover } from './discover.ts';
import { look } from './look.ts';
import { type Options, parseOptions, UsageError, usage } from './options.ts';
import { themes } from './probes.ts';
import { linesOf, type Report, reportOf, withoutControls, withoutSecrets } from './report.ts';
import { Trouble } from './trouble.ts';
import { Visit } from './visit.ts';

/** Where it is told, and how long is waited; the terminal's and the defaults unless told. */
export interface CheckIo {
  print(line: string): void;
  printError(line: string): void;
  colour: boolean;
  /** ms a stream may be silent where `--patient` is given. */
  idleMs?: number;
}

/** @returns the exit code: 0 no fault, 1 a fault or no server to look at, 2 a mistake in `args` */
export async function check(args: string[], io: CheckIo = terminal()): Promise<number> {
  try {
    const options = parseOptions(args);
    if (options === 'help') {
      io.print(usage);
      return 0;
    }
    return await checked({ ...options, ...(io.idleMs && { idleMs: io.idleMs }) }, io);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    io.printError(error.message);
    return 2;
  }
}

function terminal(): CheckIo {
  return {
    print: line => console.log(line),
    printError: line => console.error(line),
    colour: process.stdout.isTTY && !process.env.NO_COLOR,
  };
}

async function checked(options: Options, io: CheckIo): Promise<number> {
  const { print, printError, colour } = io;
  try {
    const report = await reportAt(options);
    if (options.json) print(JSON.stringify(report, null, 2));
    else for (const line of linesOf(report, colour)) print(line);
    return report.counts.fault === 0 ? 0 : 1;
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    const trouble = withoutSecrets(options, error.message);
    const url = withoutSecrets(options, options.url.href);
    if (options.json) print(JSON.stringify({ url, trouble }));
    else printError(withoutControls(trouble));
    return 1;
  }
}

async function reportAt(options: Options): Promise<Report> {
  const { url, start } = options;
  const child = start === undefined ? undefined : await startServer(start, url);
  const release = child && killedOnExit(child);
  try {
    return await reportOn(options, child);
  } finally {
    child?.kill();
    release?.();
  }
}

// Ctrl-C does not reach what was started: it has a process group of its own.
function killedOnExit(child: Child): () => void {
  const onSignal = () => {
    child.kill();
    process.exit(130);
  };
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  return () => void process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
}

const firstPatienceMs = 5_000; // a server's first answer may have to load what later ones need
const leastPatienceMs = 2_000; // an answer takes a millisecond; a busy machine may make that hundreds
const mostPatienceMs = 8_000; // clients have given up by then

async function reportOn(options: Options, child: Child | undefined): Promise<Report> {
  const begun = performance.now();
  const server = { origin: new URL(options.url.origin), token: options.token };
  const visit = new Visit({ ...server, patienceMs: firstPatienceMs });
  try {
    const found = { ...(await discover(visit, options)), ...(child && { child }) };
    const patienceMs = Math.min(Math.max(leastPatienceMs, 4 * found.openMs), mostPatienceMs);
    const findings = await look(themes, found, { ...server, patienceMs });
    return reportOf(found, findings, performance.now() - begun);
  } finally {
    await visit.end();
  }
}
