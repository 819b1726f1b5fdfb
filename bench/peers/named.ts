/** This server twice in one process: with a node's name, and without one. */
import { listen } from '../../http/listen.ts';
import { createApp } from '../../server.ts';
import { memoryStore } from '../../store.ts';
import { host } from './host.ts';

async function start(node?: string): Promise<number> {
  const app = createApp(memoryStore(), { mcp: { node } });
  return (await listen(app, ['127.0.0.1'], 0)).port;
}

await host({ bare: () => start(), named: () => start('node-1') });
