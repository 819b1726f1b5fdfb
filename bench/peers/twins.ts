/**
 * Copies of this server's sources in one process, each on its port: for a paired benchmark.
 *
 *     twins.ts NAME DIRECTORY NAME DIRECTORY
 */
import { pathToFileURL } from 'node:url';
import type { createApp } from '../../server.ts';
import type { memoryStore } from '../../store.ts';
import { bare, host } from './host.ts';

async function start(directory: string): Promise<number> {
  const from = (file: string) => import(`${pathToFileURL(directory)}/${file}`);
  // each directory holds copies of the very files the types are taken from
  const server = (await from('server.ts')) as { createApp: typeof createApp };
  const store = (await from('store.ts')) as { memoryStore: typeof memoryStore };
  return bare(server.createApp(store.memoryStore()));
}

const [firstName = '', first = '', secondName = '', second = ''] = process.argv.slice(2);
await host({ [firstName]: () => start(first), [secondName]: () => start(second) });
