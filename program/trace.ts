/**
 * Serves the x-ray's page for a trace that it saved, and nothing else:
 *
 *     npm run trace -- FILE        http://localhost:3000/, or PORT
 */
import { accessSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { xray } from '../apps/xray/app.ts';
import { hostGuard } from '../guard.ts';
import type { App } from '../http/app.ts';
import { listen, stopOnSignal } from '../http/listen.ts';
import { createRouter } from '../router.ts';
import { UsageError } from './flags.ts';
import { loopbacks } from './options.ts';
import { isRun, reportAndExit } from './startup.ts';

/** The page, with the trace in `file` on it. */
export function traceApp(file: URL): App {
  const router = createRouter();
  return hostGuard(router.mount('/', xray(router, { record: false, trace: file })));
}

async function main([file, ...rest]: string[], { PORT }: NodeJS.ProcessEnv): Promise<void> {
  if (file === undefined || rest.length > 0)
    throw new UsageError('Name the file of one trace: npm run trace -- docs/trace.json');
  try {
    accessSync(file);
  } catch {
    throw new UsageError(`${file} can’t be read. Save a trace on the page: Export.`);
  }
  const running = await listen(traceApp(pathToFileURL(file)), loopbacks, Number(PORT || 3000));
  stopOnSignal(running.stop);
  console.log(`${file}, as it was: http://localhost:${running.port}/`);
}

if (isRun(fileURLToPath(import.meta.url)))
  await main(process.argv.slice(2), process.env).catch(reportAndExit);
