/**
 * What it costs the SDK to find that a tool call is no result: by zod's safeParse as it comes, and
 * as apps/mcp/sdk-guards.ts has it. In one process, one after the other.
 *
 *     npm run bench:guards
 */
import { getHeapSpaceStatistics } from 'node:v8';
import { JSONRPCResultResponseSchema } from '@modelcontextprotocol/sdk/types.js';
import { hurrySdkGuards } from '../apps/mcp/sdk-guards.ts';
import { median } from './stats.ts';

const rounds = 60;
const warmUps = 10;
const calls = 5_000;
const call = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'get_items', arguments: {} },
});

const asItComes = JSONRPCResultResponseSchema.safeParse;
hurrySdkGuards();
const guards = { zod: asItComes, hurried: JSONRPCResultResponseSchema.safeParse };

for (const [name, guard] of Object.entries(guards)) report(name, guard);

function report(name: string, guard: typeof asItComes): void {
  const micros: number[] = [];
  const kept: number[] = [];
  for (let round = -warmUps; round < rounds; round++) {
    const { cpu, oldBytes } = measure(guard);
    if (round < 0) continue;
    micros.push(cpu / calls);
    kept.push(oldBytes / calls);
  }
  const bytes = Math.round(median(kept));
  console.log(
    `${name}: ${median(micros).toFixed(2)} µs, ${bytes} bytes kept until a major collection`,
  );
}

/** µs of CPU, collections included, and bytes by which the old space has grown. */
function measure(guard: typeof asItComes): { cpu: number; oldBytes: number } {
  const cpuBefore = process.cpuUsage();
  const oldBefore = oldSpace();
  for (let i = 0; i < calls; i++)
    if (guard(JSON.parse(call)).success) throw new Error('A call is no result.');
  const { user, system } = process.cpuUsage(cpuBefore);
  return { cpu: user + system, oldBytes: oldSpace() - oldBefore };
}

function oldSpace(): number {
  const space = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space');
  return space?.space_used_size ?? Number.NaN;
}
