import { connectAgent } from '../checks/agent.ts';
import { seen } from '../checks/ask.ts';
import { check, passed, teach } from '../checks/check.ts';
import { startProgram } from '../checks/program.ts';

await check(async subject => {
  const program = await startProgram(subject);

  const moved = await connectAgent(`${program.origin}/mcp/sse`);
  if (!moved.client)
    teach({
      did: 'an agent connected to /mcp/sse',
      seen: `${moved.log.join(', ') || moved.failure}.`,
      so: 'the MCP server is not at /mcp.',
      look: 'at router.mount(…): its first argument is where the app is.',
    });
  passed(`an agent connected to /mcp/sse, and was told to post to ${moved.endpoint}`);

  const old = await connectAgent(`${program.origin}/sse`);
  if (old.client)
    teach({
      did: 'an agent connected to /sse',
      seen: `${old.log.join(', ')}: the MCP server is there as well.`,
      so: 'at / it still takes every path that no route takes.',
      look: 'for a second router.mount(…): the one at / has to go.',
    });
  passed('at /sse there is nothing any more');

  const said = await program.printed(/The client (found|failed): .*/, 5_000);
  if (!said?.includes('The client found:'))
    teach({
      did: 'the client in your file connected, and asked for the tools',
      seen: `it printed: ${program.output().trim() || 'nothing'}`,
      so: 'the server has moved to /mcp, and this client still goes where it was.',
      look: 'at new URL(…): the client has to be given the mount, and behind it the app’s own /sse.',
    });
  passed(said.trim());

  const items = await program.ask('/items/');
  if (items.status !== 200 || !items.body.includes('Apples'))
    teach({
      did: items.did,
      seen: `the client got ${seen(items)}.`,
      so: 'the endpoint beside the mount is no longer what it was.',
      look: 'at router.get(…): it needs no change.',
    });
  passed('GET /items/ is answered as before');
});
