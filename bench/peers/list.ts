/** This server; without the x-ray with a second port, where Streamable answers are JSON. */
import { listen } from '../../http/listen.ts';
import { createApp } from '../../server.ts';
import { memoryStore } from '../../store.ts';
import { host } from './host.ts';

const maxSessions = 10_000; // above what the memory benchmark opens

export async function shoppingList({ xray }: { xray: boolean }): Promise<void> {
  const stream = () => start(xray, false);
  // Two x-rays in a process see each other's requests, too: nobody runs it so.
  await host(xray ? { stream } : { stream, json: () => start(xray, true) });
}

async function start(xray: boolean, enableJsonResponse: boolean): Promise<number> {
  const app = createApp(memoryStore(), { xray, mcp: { maxSessions, enableJsonResponse } });
  return (await listen(app, ['127.0.0.1'], 0)).port;
}
