/**
 * Starts one of the agents, from the project's folder or from this one:
 *
 *     npm ci --prefix examples/agent                 once
 *     npm run agent -- --offline                     agent.ts, with a scripted model
 *     npm run agent -- streamable --offline          streamable.ts
 *     npm run agent -- two-servers --offline         two-servers.ts
 *     npm run agent -- shop                          shop.ts: the server that two-servers.ts needs
 *
 * Without --offline a model thinks: OpenAI's, with OPENAI_API_KEY, or the one at OPENAI_BASE_URL,
 * which may be on this machine. Node 20 warns as it installs `openai`, and runs it.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const names = ['agent', 'streamable', 'two-servers', 'shop'];
const offlineFlag = '--offline';

async function main(args: string[]): Promise<void> {
  const [name = 'agent', ...more] = args.filter(arg => arg !== offlineFlag);
  if (!names.includes(name) || more.length > 0)
    throw new Error(`Name one of ${names.join(', ')}, with ${offlineFlag} or without.`);
  const needsSdk = name !== 'shop';
  if (
    needsSdk &&
    !existsSync(fileURLToPath(new URL('node_modules/@openai/agents', import.meta.url)))
  )
    throw new Error('Install the OpenAI Agents SDK first: npm ci --prefix examples/agent');
  await import(`./${name}.ts`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
