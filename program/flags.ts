/** What a command line got wrong, in one line that names the flag and the remedy. */
import { isSlip } from '../http/near.ts';

/** A mistake of the operator's: one line, exit code 2. */
export class UsageError extends Error {}

/**
 * What `parse` (node:util's parseArgs) makes of `args`.
 *
 * @param names of the flags there are, without their dashes
 * @throws UsageError for flags that npm took, and for what parseArgs refuses
 */
export function readFlags<Parsed>(
  parse: () => Parsed,
  names: string[],
  args: string[],
  env: NodeJS.ProcessEnv,
): Parsed {
  refuseTaken(names, args, env);
  try {
    return parse();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const [reason = ''] = message.split(/\.?(?:\s*\n|\. |$)/, 1); // Node goes on over several lines
    throw new UsageError(`${reason}.${meant(reason, names)} See --help.`);
  }
}

function meant(reason: string, names: string[]): string {
  const unknown = /^Unknown option '--?([\w-]+)/.exec(reason)?.[1];
  const near = unknown && names.find(name => isSlip(unknown, name));
  return near ? ` Did you mean --${near}?` : '';
}

// 'npm start --mount /x' runs the script with '/x' alone, and npm_config_mount=true for it to see.
function refuseTaken(names: string[], args: string[], env: NodeJS.ProcessEnv): void {
  const script = env.npm_lifecycle_event;
  if (script === undefined) return;
  const taken = names.flatMap(name => takenByNpm(name, env) ?? []);
  if (taken.length === 0) return;
  const command = script === 'start' ? 'npm start' : `npm run ${script}`;
  const typed = [...taken, ...args].join(' ');
  throw new UsageError(
    `npm took ${taken[0]} for its own. Put -- before it: ${command} -- ${typed}`,
  );
}

// --mount=/x -> '/x'   --mount /x -> 'true'   --no-xray -> '', under the name without no-
function takenByNpm(name: string, env: NodeJS.ProcessEnv): string | undefined {
  const known = npmExpands[name] ?? name.replace(/^no-/, '');
  const value = env[`npm_config_${known.replaceAll('-', '_')}`];
  if (value === undefined || name.startsWith('no-') !== (value === '')) return undefined;
  return value === '' || value === 'true' ? `--${name}` : `--${name}=${value}`;
}

const npmExpands: Record<string, string> = { token: 'token-description' }; // up to npm 11, with a warning
