import type { App } from '../../router.ts';
import { memoryStore, type Store } from '../../store.ts';
import { connectAgent } from '../checks/agent.ts';
import { ask, seen, serve } from '../checks/ask.ts';
import { check, passed, teach } from '../checks/check.ts';

const token = 'the-secret-of-this-exercise';

await check(async subject => {
  const createApp = await subject.load<(store: Store, token: string) => App>('createApp');
  const origin = await serve(createApp(memoryStore(), token));

  const items = await ask(origin, '/items/');
  if (items.status === 401)
    teach({
      did: `${items.did}, without a token`,
      seen: `the client got ${seen(items)}.`,
      so: 'the list is for everybody, and the guard stands before it too.',
      look: 'at what bearer(…) is put around: it asks for a token on every path of what it holds.',
    });
  if (items.status !== 200 || !items.body.includes('Apples'))
    teach({
      did: `${items.did}, without a token`,
      seen: `the client got ${seen(items)}.`,
      so: 'the endpoint is no longer what it was.',
      look: 'at router.get(…): it needs no change.',
    });
  passed('GET /items/ is answered without a token');

  for (const path of ['/mcp/sse', '/mcp', '/mcp?x=1', '/mcp/messages', '/mcp/nothing/here'])
    for (const method of ['GET', 'POST']) await mustAsk(origin, method, path);
  passed('/mcp and all below it asks for a token');

  const stranger = await connectAgent(`${origin}/mcp/sse`, { Authorization: 'Bearer a-guess' });
  if (stranger.client)
    teach({
      did: 'an agent connected to /mcp/sse with the token “a-guess”',
      seen: `${stranger.log.join(', ')}: it is in.`,
      so: 'any token will do, so it might as well be none.',
      look: 'at verify: staticTokens([token]) knows the token that createApp was given.',
    });
  passed('a token that is a guess is refused');

  const agent = await connectAgent(`${origin}/mcp/sse`, { Authorization: `Bearer ${token}` });
  if (!agent.client)
    teach({
      did: 'an agent connected to /mcp/sse with the token',
      seen: `${agent.log.join(', ') || agent.failure}.`,
      so: 'who has the token is kept out as well.',
      look: 'at staticTokens([…]): it has to hold the token that createApp was given, and the app has to be mounted at /mcp.',
    });
  const { tools } = await agent.client.listTools();
  passed(`an agent with the token connected, and found ${tools.length} tools`);
});

async function mustAsk(origin: string, method: string, path: string): Promise<void> {
  // HEAD is GET without the stream, which would never end
  const answer = await ask(origin, path, { method: method === 'GET' ? 'HEAD' : method });
  if (answer.status === 401) return;
  teach({
    did: `${method} ${path}, without a token`,
    seen: `the client got ${seen(answer)}.`,
    so: 'no guard asked who that was. Who gets this far may call the tools, or find out what is there.',
    look: 'at what is mounted at /mcp: it has to be the guard, with the app inside.',
  });
}
