/** Running the gallery as a person would: the program, the commands, the page, the checker. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import type { Browser } from 'playwright-core';
import type { Report } from '../../check/report.ts';
import { freePort } from '../../docs/lesson/make/free-port.ts';
import type { Break, Served } from '../../gallery/break.ts';
import { withPort } from '../../gallery/show.ts';
import { listen } from '../../http/listen.ts';
import { hasIpv6, hasOtherAddress, report } from '../check/support.ts';
import { root } from './markdown.ts';

export const atOnce = 4; // breaks side by side: most of their time is waiting
const waitMs = 60_000; // for a line: a start from cold and a machine that does other things
const idleMs = 2_000; // a minute, for tests

/** For a machine that lacks what a break is about. */
export function needsOf({ name }: Break): { skip?: string } {
  if (name === 'open-to-the-network' && !hasOtherAddress())
    return { skip: 'this machine has no address but loopback' };
  return name === 'one-loopback' && !hasIpv6() ? { skip: 'this machine has no ::1' } : {};
}

/** In this process, until the test ends. Returns its port. */
export async function serve(t: TestContext, { app, hosts = ['127.0.0.1', '::1'] }: Served) {
  const { port, stop } = await listen(app, hosts, 0);
  t.after(stop);
  return port;
}

// What a command prints

/** What the command prints when it is typed, with the server on `port`. */
export async function typed(command: string, port: number): Promise<string> {
  const line = withPort(command, port).replaceAll(
    'npm run -s client --',
    `'${process.execPath}' --import tsx examples/client.ts`,
  );
  const child = spawn('bash', ['-c', `exec 2>&1\n${line}`], { cwd: root });
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', chunk => {
    printed += chunk;
  });
  await once(child, 'close');
  return asWritten(printed, port).trim();
}

export function asWritten(text: string, port: number): string {
  return text.replaceAll(`:${port}`, ':3000');
}

export function patternOf(text: string): RegExp {
  return new RegExp(`^${sourceOf(text)}$`);
}

/** `…` is anything; a space may be any number of them, also none: a page has none between elements. */
function sourceOf(text: string): string {
  const parts = text.split('…').map(part => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return parts.join('[\\s\\S]*').replaceAll(/\s+/g, '\\s*');
}

export function quotesIn(text: string): RegExp[] {
  return [...text.matchAll(/“([^”]+)”/g)].map(([, quote = '']) => new RegExp(sourceOf(quote)));
}

// The program

interface Program {
  port: number;
  /** Resolves once that is in what it has printed. */
  prints(pattern: RegExp): Promise<void>;
  /** What it has printed since it was served. */
  printed(): string;
}

export async function started(
  t: TestContext,
  { name }: Break,
  ...flags: string[]
): Promise<Program> {
  const args = ['--import', 'tsx', 'gallery/run.ts', name, ...flags];
  const child = spawn(process.execPath, args, { cwd: root, env: { ...process.env, PORT: '0' } });
  t.after(() => ended(child));
  const own = listening(child);
  await own.until(/What comes in:/);
  const [, port] = /x-ray is on http:\/\/localhost:(\d+)/.exec(own.printed()) ?? [];
  const from = own.printed().length;
  return {
    port: Number(port),
    prints: pattern => own.until(pattern, from),
    printed: () => own.printed().slice(from),
  };
}

async function ended(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

function listening(child: ChildProcess) {
  let printed = '';
  let onprint = () => {};
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', chunk => {
      printed += chunk;
      onprint();
    });
  async function until(pattern: RegExp, from = 0): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((done, fail) => {
      const late = () => fail(new Error(`no ${pattern} in:\n${printed.slice(from)}`));
      timer = setTimeout(late, waitMs);
      onprint = () => {
        if (pattern.test(printed.slice(from))) done();
      };
      onprint();
    }).finally(() => clearTimeout(timer));
  }
  return { until, printed: () => printed };
}

// The x-ray

/** Whether the page shows what stands in quotes, as a person sees it. */
export async function seenOnPage(
  browser: Browser,
  port: number,
  { xray, page: path = '/' }: Break,
): Promise<void> {
  const page = await browser.newPage();
  try {
    await page.goto(`http://127.0.0.1:${port}${path}`);
    for (const quote of quotesIn(xray)) await page.evaluate(seen(quote));
  } finally {
    await page.close();
  }
}

/** For the page: resolves once its story holds that, and throws with the story where it never does. */
function seen(pattern: RegExp): string {
  return `new Promise((done, fail) => {
    const story = document.querySelector('#story');
    const observer = new MutationObserver(look);
    const late = () => fail(new Error(${JSON.stringify(`no ${pattern} in: `)} + story.innerText));
    setTimeout(late, ${waitMs});
    observer.observe(story, { subtree: true, childList: true, characterData: true });
    function look() {
      if (${pattern}.test(story.innerText)) done(observer.disconnect());
    }
    look();
  })`;
}

// The checker

export async function checked(args: string, port: number): Promise<Report> {
  const at = args.includes('--start') ? (await freePort()) - 1 : port; // it is on 3001
  return report(wordsOf(withPort(args, at)), { idleMs });
}

// "--start 'a b'" -> ['--start', 'a b']
function wordsOf(line: string): string[] {
  return (line.match(/'[^']*'|\S+/g) ?? []).map(word => word.replaceAll("'", ''));
}
