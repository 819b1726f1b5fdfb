/**
 * A node as server.ts has them, for the checks of the proxies: its list in memory, and what befalls a
 * database at hand.
 *
 *     an item named 'busy'    is refused with 503, each time
 *     an item named 'away'    from then on /readyz says 503, until one is named 'back'
 *
 * Flags as those of server.ts but --data and --explain; with STATELESS in the environment, without sessions.
 */
import { accessLog } from '../../apps/xray/log.ts';
import { listen, stopOnSignal } from '../../http/listen.ts';
import { banner, reportAndExit } from '../../program/startup.ts';
import { createApp } from '../../server.ts';
import { memoryStore, type Store, StoreFailure } from '../../store.ts';
import { servingOptions } from '../options.ts';

function ailingStore(): Store {
  const store = memoryStore();
  let isAway = false;
  return {
    ...store,
    async add(item) {
      if (item.name === 'busy') throw new StoreFailure('busy', 'Nothing was written: busy.', 1);
      if (item.name === 'away' || item.name === 'back') isAway = item.name === 'away';
      return store.add(item);
    },
    trouble: () => (isAway ? 'The database is away.' : undefined),
  };
}

async function main(): Promise<void> {
  const options = servingOptions({ keepsData: false });
  if (typeof options === 'string') return console.log(options);
  const { STATELESS } = process.env;
  const mcp = { ...options.mcp, ...(STATELESS && { stateless: true }) };
  const app = createApp(ailingStore(), { ...options, mcp });
  const running = await listen(app, options.hosts, options.port);
  stopOnSignal(running.stop);
  accessLog('json', line => process.stdout.write(line));
  console.log(banner(app.router, running, options));
}

await main().catch(reportAndExit);
