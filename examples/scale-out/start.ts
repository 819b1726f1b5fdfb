/**
 * Everything that serves from several processes, here and now, in the foreground:
 *
 *     npm ci && npm run scale-out          here; PORT=… for other ports than 3000 to 3003
 *
 * A PostgreSQL in a temporary folder, three nodes, and nginx in front. Ctrl-C takes all of it down.
 */
import { existsSync } from 'node:fs';
import { stopOnSignal } from '../../http/listen.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { Missing, programOf } from './installed.ts';
import { portsFrom } from './proxies.ts';

const firstPort = Number(process.env.PORT || 3000);

async function main(): Promise<void> {
  if (!existsSync(new URL('node_modules/pg', import.meta.url)))
    throw new Missing('The client of PostgreSQL is not installed: npm ci, in examples/scale-out.');
  programOf('nginx', 'nginx-light'); // or it says so, before anything is started
  const starting = startCluster({ ports: portsFrom(firstPort) });
  stopOnSignal(async () => {
    console.log('Taking it down.');
    await (await starting).stop();
  });
  stopOnHangUp();
  console.log(told(await starting));
}

/** The terminal was closed: all is taken down as at Ctrl-C, and nobody reads what is said of it. */
function stopOnHangUp(): void {
  process.on('SIGHUP', () => {
    for (const output of [process.stdout, process.stderr]) output.on('error', () => {});
    process.kill(process.pid, 'SIGTERM');
  });
}

function told({ origin, nodes }: Cluster): string {
  const each = Object.values(nodes).map(node => `  node ${node.name}  ${node.origin}/`);
  return `Three nodes on one PostgreSQL, behind nginx:  ${origin}/
${each.join('\n')}

Open a node's page in one window and another's in a second: a change on one is on the other at once.
Each says its name at the top. Then, in another terminal:

  timeout 1 curl -sN ${origin}/mcp/sse     the endpoint names a node, mostly another each time
  npm run client -- ${origin}/mcp/sse      a client, which comes back to its node (at the top of the repository)
  kill -9 ${nodes.a.program.child.pid}     the end of node a: its clients go on with another

Ctrl-C takes all of it down.`;
}

await main().catch(error => {
  console.error(error instanceof Missing ? error.message : error);
  process.exit(1);
});
