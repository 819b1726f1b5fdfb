/** A real Chromium for the pages' tests: finding it, starting it, and what axe says of a page. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { TestContext } from 'node:test';
import axe from 'axe-core';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

const names = ['chromium', 'chromium-browser', 'google-chrome'];

/** Path of a browser on this machine: CHROMIUM, or the first that PATH has. */
export function findBrowser(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const folders = (env.PATH ?? '').split(delimiter);
  const found = names.flatMap(name => folders.map(folder => join(folder, name)));
  return [env.CHROMIUM, ...found].find(path => path !== undefined && isExecutable(path));
}

export const noBrowser = `no browser found: install ${names.join(' or ')}, or name one in CHROMIUM`;

export function launchBrowser(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: flags });
}

/**
 * A blank tab, until the test ends. All tests of a process share a browser, its profile and its
 * tabs: each costs as much to make as a page to open. What a page keeps is its origin's, and each
 * test has a port, so an origin, of its own. A file that opens one ends with closeBrowser.
 */
export async function newTab(t: TestContext): Promise<Page> {
  profile ??= newProfile();
  const page = blank.pop() ?? (await (await profile).newPage());
  t.after(() => giveBack(page));
  return page;
}

/** Tabs that were given back, as they were new. */
const blank: Page[] = [];

async function giveBack(page: Page): Promise<void> {
  if (page.isClosed()) return;
  for (const event of ['pageerror', 'request']) page.removeAllListeners(event);
  await page.goto('about:blank');
  await page.setViewportSize(viewport);
  await page.emulateMedia({ colorScheme: 'light' });
  blank.push(page);
}

export async function closeBrowser(): Promise<void> {
  await (await profile)?.browser()?.close();
}

/** What a page is told of its reader's taste. */
export type Look = NonNullable<Parameters<Page['emulateMedia']>[0]>;

let profile: Promise<BrowserContext> | undefined;
const viewport = { width: 1280, height: 720 };

async function newProfile(): Promise<BrowserContext> {
  const browser = await launchBrowser(findBrowser() ?? '');
  const context = await browser.newContext({ viewport, reducedMotion: 'reduce' });
  context.setDefaultTimeout(15_000); // much for a busy machine, little beside a page that hangs
  return context;
}

// No sandbox: tests often run as root in a container. The rest keeps it off the network.
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** What axe finds wrong with a page, a line each. */
export async function findings(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const results = await page.evaluate("axe.run({ resultTypes: ['violations'] })");
  const { violations } = results as axe.AxeResults; // what it resolves to
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(node => node.html).join(' ')}`);
}
