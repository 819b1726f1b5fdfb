/** The flags of server.ts, for an example that serves the list in a way of its own. */
import { UsageError } from '../program/flags.ts';
import { type Options, parseOptions, usage } from '../program/options.ts';
import { version } from '../program/startup.ts';

/**
 * What this process was started with.
 *
 * @param keepsData whether `--data` is heeded
 * @returns the options, or what to print instead of serving
 * @throws UsageError naming the flag and the remedy: also for a flag that nobody here would heed
 */
export function servingOptions({ keepsData }: { keepsData: boolean }): Options | string {
  const options = parseOptions(process.argv.slice(2), process.env);
  if (options === 'help') return usage;
  if (options === 'version') return version;
  // It also lifts the ban on an open network, for who doesn't serve.
  if (options.explain) throw new UsageError('--explain: this only serves. Ask server.ts.');
  if (options.data !== undefined && !keepsData)
    throw new UsageError('--data, DATA_FILE: this keeps its list elsewhere. Leave them out.');
  return options;
}
