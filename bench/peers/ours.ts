/** This server, as `npm start` serves it, with a second port where Streamable answers are JSON. */
import { listen } from '../../http/listen.ts';
import { createApp } from '../../server.ts';
import { memoryStore } from '../../store.ts';
import { host } from './host.ts';

const maxSessions = 10_000; // above what the memory benchmark opens

async function start(enableJsonResponse: boolean): Promise<number> {
  const app = createApp(memoryStore(), { mcp: { maxSessions, enableJsonResponse } });
  return (await listen(app, ['127.0.0.1'], 0)).port;
}

await host({ stream: () => start(false), json: () => start(true) });
