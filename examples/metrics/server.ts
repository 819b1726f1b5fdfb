/**
 * The server with its flags but --explain, and beside it, on a port of its own, what Prometheus reads:
 *
 *     npm ci --prefix examples/metrics
 *     npx tsx examples/metrics/server.ts      http://localhost:9464/metrics, or METRICS_PORT
 *
 * On another port, so that no proxy passes it on by mistake, and no token is needed to read it.
 */
import { accessLog } from '../../apps/xray/log.ts';
import { hostGuard, listen, stopOnSignal } from '../../package/index.ts';
import { loopbacks } from '../../program/options.ts';
import { reportAndExit } from '../../program/startup.ts';
import { createApp } from '../../server.ts';
import { memoryStore, sqliteStore } from '../../store.ts';
import { servingOptions } from '../options.ts';
import { metrics } from './metrics.ts';

async function main(): Promise<void> {
  const options = servingOptions({ keepsData: true });
  if (typeof options === 'string') return console.log(options);
  const metricsPort = Number(process.env.METRICS_PORT ?? 9464);
  const store = options.data === undefined ? memoryStore() : await sqliteStore(options.data);
  const running = await listen(createApp(store, options), options.hosts, options.port);
  const scraped = await listen(hostGuard(metrics()), loopbacks, metricsPort);
  stopOnSignal(async () => {
    await running.stop();
    await scraped.stop(); // last, so that the stopping can be seen
    await store.close();
  });
  if (options.log !== 'off') accessLog(options.log, line => process.stdout.write(line));
  console.log(`http://localhost:${running.port}, http://localhost:${scraped.port}/metrics`);
}

await main().catch(reportAndExit);
