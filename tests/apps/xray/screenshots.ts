/**
 * The pictures of the page that the README shows, and a trace to open without a server:
 *
 *     npx tsx tests/apps/xray/screenshots.ts
 *
 * Real agents over both transports, a person on the page, and requests that are refused.
 */
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Browser, Page } from 'playwright-core';
import { createApp } from '../../../server.ts';
import { memoryStore } from '../../../store.ts';
import { findBrowser, launchBrowser, noBrowser } from '../../browser.ts';
import { portOf, sendRaw, stopServer } from '../../support.ts';

interface Shot {
  name: string;
  width: number;
  height: number;
  colorScheme: 'light' | 'dark';
  /** Whether the trace of this one is kept. */
  keepTrace?: true;
}

const shots: Shot[] = [
  { name: 'page-light', width: 1280, height: 800, colorScheme: 'light', keepTrace: true },
  { name: 'page-dark', width: 1280, height: 800, colorScheme: 'dark' },
  { name: 'page-phone', width: 390, height: 844, colorScheme: 'light' },
];

async function main(): Promise<void> {
  const path = findBrowser();
  if (path === undefined) throw new Error(noBrowser);
  const browser = await launchBrowser(path);
  for (const shot of shots) await take(browser, shot);
  await browser.close();
}

async function take(browser: Browser, { name, width, height, ...shot }: Shot): Promise<void> {
  const app = createApp(memoryStore(), { xray: true });
  const server = createServer(app);
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  const port = portOf(server);
  const { colorScheme } = shot;
  const page = await browser.newPage({ viewport: { width, height }, colorScheme });
  await page.goto(`http://localhost:${port}/`);
  await page.locator('#connection[data-state=live]').waitFor();
  const agents = await play(page, port);
  await page.screenshot({ path: docs(`${name}.png`), animations: 'disabled' });
  if (shot.keepTrace) await keepTrace(page);
  for (const agent of agents) await agent.close();
  await page.close();
  await app.close?.();
  await stopServer(server);
}

/** What is to be seen in the picture. */
async function play(page: Page, port: number): Promise<Client[]> {
  const mcp = new URL(`http://localhost:${port}/mcp`);
  const planner = new Client({ name: 'planner', version: '1' });
  // its optional sessionId does not fit exactOptionalPropertyTypes
  await planner.connect(new StreamableHTTPClientTransport(mcp) as never);
  await planner.callTool({ name: 'get_items', arguments: {} });
  await sendRaw(port, 'GET /items/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n');

  const shopper = new Client({ name: 'shopper', version: '1' });
  await shopper.connect(new SSEClientTransport(new URL(`${mcp}/sse`)));
  await shopper.subscribeResource({ uri: 'shopping://items' });
  if (!(await page.locator('#add').isVisible())) await page.locator('#panel summary').click();
  await page.getByRole('checkbox', { name: 'Bread' }).uncheck();
  await page.evaluate('scrollTo(0, 0)');
  await fetch(`http://localhost:${port}/mcpx`);
  await shopper.callTool({ name: 'add_item', arguments: { name: 'Oat milk', quantity: 2 } });
  await shopper.callTool({ name: 'update_item', arguments: { id: 4, purchased: true } });
  await planner.callTool({ name: 'remove_item', arguments: { id: 3 } });
  await page.getByRole('button', { name: 'Make an SSE call' }).click();
  await page.getByText('on the open stream').nth(3).waitFor();
  await page.mouse.move(0, 0);
  await page.waitForTimeout(1_500); // what flashes has calmed down
  return [planner, shopper];
}

async function keepTrace(page: Page): Promise<void> {
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#export')]);
  const stream = await download.createReadStream();
  await writeFile(docs('trace.json'), stream);
}

function docs(name: string): string {
  return new URL(`../../../docs/${name}`, import.meta.url).pathname;
}

await main();
