#!/usr/bin/env node
/** `npx mcp-mount check URL`, `npx mcp-mount xray URL`. */
import { check } from '../check/main.ts';
import { isSlip } from '../http/near.ts';
import { xray } from '../proxy/main.ts';

const usage = `Usage: mcp-mount COMMAND URL [options]

  check URL   what is wrong with a running MCP server, of any make, as it shows from outside
  xray URL    what passes between clients and a running MCP server, of any make, on a page

mcp-mount COMMAND --help says more.`;

const commands = { check, xray };

async function main([name, ...rest]: string[]): Promise<number> {
  if (name === 'check' || name === 'xray') return commands[name](rest);
  if (name === '--help' || name === '-h') {
    console.log(usage);
    return 0;
  }
  console.error(name === undefined ? usage : unknown(name));
  return 2;
}

function unknown(name: string): string {
  const near = Object.keys(commands).find(command => isSlip(name, command));
  const meant = near === undefined ? 'There is check and xray.' : `Did you mean ${near}?`;
  return `'${name}' is no command. ${meant} See --help.`;
}

process.exitCode = await main(process.argv.slice(2));
