/**
 * Serves the list with one classic mistake in it, and says what to try and what is seen then:
 *
 *     npm run break                        which there are
 *     npm run break -- NAME                on http://localhost:3000, or PORT
 *     npm run break -- NAME --mended       the same without the mistake
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { accessLog } from '../apps/xray/log.ts';
import { watchHandshakes } from '../apps/xray/watchdog.ts';
import { listen, stopOnSignal } from '../http/listen.ts';
import { isSlip } from '../http/near.ts';
import { readFlags, UsageError } from '../program/flags.ts';
import { loopbacks } from '../program/options.ts';
import { hasColours, isRun, reportAndExit, stuckLine } from '../program/startup.ts';
import type { Break, Served } from './break.ts';
import { breaks } from './breaks.ts';
import { linesOf, listLines } from './show.ts';
import { realList } from './wiring.ts';

async function main(args: string[], env: NodeJS.ProcessEnv): Promise<void> {
  const flags = { mended: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const; // typed by its words
  const parse = () => parseArgs({ args, options: flags, allowPositionals: true });
  const { values, positionals } = readFlags(parse, Object.keys(flags), args, env);
  const [name, ...rest] = positionals;
  if (values.help || name === undefined) return console.log(listLines(breaks).join('\n'));
  if (rest.length > 0) throw new UsageError(`Name one break, and not ${positionals.join(' ')}.`);
  const shown = breakOf(name);
  const mended = values.mended ?? false;
  const running = await serve(mended ? mendedOf(shown) : shown.broken(), Number(env.PORT || 3000));
  stopOnSignal(running.stop);
  console.log(linesOf(shown, running.port, mended).join('\n'));
  tellAll();
}

/** @throws UsageError that names what is near */
function breakOf(name: string): Break {
  const found = breaks.find(other => other.name === name);
  if (found) return found;
  const near = breaks.find(other => other.name.includes(name) || isSlip(name, other.name));
  const meant = near ? `Did you mean ${near.name}?` : 'Without a name, npm run break lists them.';
  throw new UsageError(`There is no break ${name}. ${meant}`);
}

function mendedOf({ mended }: Break): Served {
  return mended?.() ?? { app: realList() };
}

function serve(served: Served, port: number) {
  return served.serve?.(port) ?? listen(served.app, served.hosts ?? loopbacks, port);
}

/** As `npm start` on a terminal. */
function tellAll(): void {
  const colour = hasColours(process.stdout);
  accessLog('text', line => process.stdout.write(line), { colour });
  watchHandshakes(stuck => console.error(stuckLine(stuck)));
}

if (isRun(fileURLToPath(import.meta.url)))
  await main(process.argv.slice(2), process.env).catch(reportAndExit);
