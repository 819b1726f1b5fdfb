import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRouter, type Router, stripPrefix } from '../../router.ts';
import { memoryStore } from '../../store.ts';
import { shoppingServer } from '../../tools.ts';
import { connectAgent } from '../checks/agent.ts';
import { serve } from '../checks/ask.ts';
import { atEnd, check, passed, teach } from '../checks/check.ts';

type SseApp = (createMcpServer: () => ReturnType<typeof shoppingServer>) => Router;

await check(async subject => {
  const sseApp = await subject.load<SseApp>('sseApp');
  const store = memoryStore();
  const app = () => sseApp(() => shoppingServer(store));
  const origin = await serve(
    createRouter().mount('/mcp', app()).mount('/tools', createRouter().mount('/mcp', app())),
  );
  await mustWork(`${origin}/mcp/sse`, 'without a proxy');
  await mustWork(`${origin}/tools/mcp/sse`, 'without a proxy');
  for (const prefix of ['/team/a', '/b']) {
    const proxy = await stripping(prefix, origin);
    await mustWork(`${proxy}${prefix}/mcp/sse`, `through a proxy that strips ${prefix}`);
    await mustWork(`${proxy}${prefix}/tools/mcp/sse`, `through a proxy that strips ${prefix}`);
  }
});

async function mustWork(url: string, how: string): Promise<void> {
  const { pathname } = new URL(url);
  const agent = await connectAgent(url);
  if (!agent.client)
    teach({
      did: `an agent connected to ${pathname}, ${how}`,
      seen: `${agent.log.join(', ') || agent.failure}.`,
      so: `the stream told it to post to a path that comes out as ${agent.endpoint ?? 'none at all'}. For this agent the right one is ${pathname.replace(/sse$/, 'messages')}.`,
      look: "at endpointFor: with a '/' in front it names a path of the server’s, and only the client knows what the proxy adds. What would name its neighbour?",
    });
  const { tools } = await agent.client.listTools();
  passed(`${pathname}, ${how}: posts went to ${agent.endpoint}, ${tools.length} tools found`);
}

/** A proxy that takes `prefix` off, tells nobody, and knows no other path. */
async function stripping(prefix: string, origin: string): Promise<string> {
  const proxy = createServer((req, res) => {
    const path = stripPrefix(req.url ?? '', prefix);
    if (path === undefined) return res.writeHead(404).end(`This proxy knows ${prefix} alone.\n`);
    const onward = request(origin + path, { method: req.method, headers: req.headers }, answer => {
      res.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(res);
    });
    onward.on('error', () => res.destroy());
    res.on('close', () => onward.destroy()); // a client that leaves closes its stream
    return req.pipe(onward);
  });
  await new Promise<void>(done => proxy.listen(0, '127.0.0.1', done));
  atEnd(() => {
    proxy.close();
    proxy.closeAllConnections();
  });
  const { port } = proxy.address() as AddressInfo; // it listens on TCP
  return `http://127.0.0.1:${port}`;
}
