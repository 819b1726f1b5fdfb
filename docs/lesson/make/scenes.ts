/** What is played for each figure: which programs run, and what a client sends to them. */

export interface Scene {
  /** The figure's file, without '.svg'. */
  name: string;
  /** What is seen, for those who do not see it. */
  title: string;
  acts: Act[];
}

export interface Act {
  /** Of docs/lesson. */
  program: string;
  args?: string[];
  /** Written above, where a figure has two acts. */
  heading?: string;
  /** What the chapter calls the part that was cut off: 'rootPath' unless told. */
  cutLabel?: string;
  steps: Step[];
}

export type Step = Request | { stop: 'SIGTERM' };

export interface Request {
  method: 'GET' | 'POST';
  /** undefined: where the endpoint event said. */
  path?: string;
  headers?: Record<string, string>;
  body?: string;
  /** Said beside the request: who sends it, or what is odd about it. */
  note?: string;
}

export const tokens = { ann: 'ann-1f9c', bob: 'bob-77e0' };

const milk = {
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'add_item', arguments: { name: 'Milk' } },
};

function get(path: string, more: Partial<Request> = {}): Request {
  return { method: 'GET', path, ...more };
}

/** A call of the tool, sent where the endpoint event said. */
function callTool(more: Partial<Request> = {}): Request {
  const { headers, ...rest } = more;
  const body = JSON.stringify(milk);
  return {
    method: 'POST',
    body,
    headers: { 'Content-Type': 'application/json', ...headers },
    ...rest,
  };
}

function by(name: 'ann' | 'bob'): Partial<Request> {
  const note = `${name[0]?.toUpperCase()}${name.slice(1)}’s token`;
  return { note, headers: { Authorization: `Bearer ${tokens[name]}` } };
}

export const scenes: Scene[] = [
  {
    name: '1-an-endpoint',
    title: 'A client asks for /items/ and gets the list; it asks for /nothing and gets a 404.',
    acts: [{ program: '1-an-endpoint', steps: [get('/items/'), get('/nothing')] }],
  },
  {
    name: '2-a-prefix',
    title: '/shop/milk is cut: the shop sees /milk. /shopping is not cut, and nothing answers it.',
    acts: [
      { program: '2-a-prefix', cutLabel: 'prefix', steps: [get('/shop/milk'), get('/shopping')] },
    ],
  },
  {
    name: '3-root-path',
    title:
      '/town/shop/milk is cut twice: rootPath has grown to /town/shop, and the shop sees /milk.',
    acts: [{ program: '3-root-path', steps: [get('/town/shop/milk'), get('/town/shop')] }],
  },
  {
    name: '4-mcp-at-the-root',
    title:
      'GET /sse opens a stream, whose first event names a path. A POST to it is answered 202; the answer to the call comes on the stream.',
    acts: [{ program: '4-mcp-at-the-root', steps: [get('/sse'), callTool()] }],
  },
  {
    name: '5-mcp-at-a-prefix',
    title:
      'Mounted at /mcp, the program of chapter 4 tells the client to post to /messages, where nothing answers. That of chapter 5 says /mcp/messages, and the call is answered.',
    acts: [
      {
        program: '4-mcp-at-the-root',
        args: ['/mcp'],
        heading: 'The program of chapter 4, at /mcp',
        steps: [get('/mcp/sse'), callTool()],
      },
      {
        program: '5-mcp-at-a-prefix',
        heading: 'The program of chapter 5',
        steps: [get('/mcp/sse'), callTool()],
      },
    ],
  },
  {
    name: '6-who-may-come-in',
    title:
      'A foreign Host is refused with 403, a request without a token with 401. Ann opens a session; Bob posts to it and gets 404, Ann gets 202 and her answer.',
    acts: [
      {
        program: '6-who-may-come-in',
        steps: [
          get('/items/', { headers: { Host: 'evil.example' }, note: 'Host: evil.example' }),
          get('/mcp/sse', { note: 'no token' }),
          get('/mcp/sse', by('ann')),
          callTool(by('bob')),
          callTool(by('ann')),
        ],
      },
    ],
  },
  {
    name: '7-stopping',
    title: 'A stream is open. The server is told to stop, ends the stream, and its process ends.',
    acts: [{ program: '7-stopping', steps: [get('/mcp/sse', by('ann')), { stop: 'SIGTERM' }] }],
  },
];
