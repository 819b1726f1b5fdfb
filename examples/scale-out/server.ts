/**
 * The server of this repository, with its list in PostgreSQL: one node of several.
 *
 *     DATABASE_URL=postgres://… node --import tsx examples/scale-out/server.ts --node a --port 3001
 *
 * Flags as those of server.ts but --data and --explain. MAX_ITEMS raises the bound of the list.
 */
import { accessLog } from '../../apps/xray/log.ts';
import { listen, stopOnSignal } from '../../http/listen.ts';
import { UsageError } from '../../program/flags.ts';
import { banner, reportAndExit } from '../../program/startup.ts';
import { createApp } from '../../server.ts';
import { servingOptions } from '../options.ts';
import { postgresStore } from './postgres-store.ts';

async function main(): Promise<void> {
  const options = servingOptions({ keepsData: false });
  if (typeof options === 'string') return console.log(options);
  const store = await postgresStore(databaseUrl(), maxItems());
  const app = createApp(store, options);
  const running = await listen(app, options.hosts, options.port);
  stopOnSignal(async () => {
    await running.stop();
    await store.close();
  });
  if (options.log !== 'off') accessLog(options.log, line => process.stdout.write(line));
  console.log(banner(app.router, running, options));
}

function databaseUrl(): string {
  const url = process.env.DATABASE_URL;
  if (url && /^postgres(?:ql)?:\/\//.test(url)) return url;
  throw new UsageError('DATABASE_URL names no database. Give postgres://user:password@host/name.');
}

function maxItems(): { maxItems?: number } {
  const { MAX_ITEMS: text } = process.env;
  if (!text) return {};
  if (/^[1-9]\d{0,8}$/.test(text)) return { maxItems: Number(text) };
  throw new UsageError(`MAX_ITEMS: '${text}' is not a count. Give a whole number.`);
}

await main().catch(reportAndExit);
