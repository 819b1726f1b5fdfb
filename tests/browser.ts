/** A real Chromium for the pages' tests: finding it, starting it, and what axe says of a page. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import axe from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';

const names = ['chromium', 'chromium-browser', 'google-chrome'];

/** Path of a browser on this machine: CHROMIUM, or the first that PATH has. */
export function findBrowser(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const folders = (env.PATH ?? '').split(delimiter);
  const found = names.flatMap(name => folders.map(folder => join(folder, name)));
  return [env.CHROMIUM, ...found].find(path => path !== undefined && isExecutable(path));
}

export const noBrowser = `no browser found: install ${names.join(' or ')}, or name one in CHROMIUM`;

/** One for all tests of a process: starting it takes a second. Whoever asks first names it. */
export function launchBrowser(executablePath: string): Promise<Browser> {
  browser ??= chromium.launch({ executablePath, args: flags });
  return browser;
}

let browser: Promise<Browser> | undefined;

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
