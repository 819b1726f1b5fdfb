import { check, passed, type Subject, teach } from '../checks/check.ts';

type StripPrefix = (url: string, prefix: string) => string | undefined;

interface Row {
  url: string;
  result: string | undefined;
  /** What goes wrong where another result is given. */
  so: string;
  look: string;
}

const atSlice = 'at what is left after slice(prefix.length).';
const atFirst =
  "at the first character of what is left. Three things may stand there: '/', '?', nothing.";
const atStart = 'at how the prefix is looked for: it counts at the start of the url, and once.';

/** In the order in which one runs into them. */
const rows: Row[] = [
  {
    url: '/mcp/sse',
    result: '/sse',
    so: 'the app at /mcp has a page /sse, and would never be asked for it.',
    look: atSlice,
  },
  {
    url: '/items/7',
    result: undefined,
    so: 'a request for somebody else would reach the app at /mcp.',
    look: 'at the first line: a url that does not start with the prefix is not for this app.',
  },
  {
    url: '/mcpx/sse',
    result: undefined,
    so: '/mcpx is another name, which only begins like /mcp. The app at /mcp would answer for it, and a guard on /mcpx would never be asked.',
    look: atFirst,
  },
  {
    url: '/mcp.json',
    result: undefined,
    so: '/mcp.json is another name too: a file beside the mount, not below it.',
    look: atFirst,
  },
  {
    url: '/mcp',
    result: '/',
    so: "this is the app's own front page. A path always starts with '/', and apps rely on it.",
    look: 'at the case where nothing is left.',
  },
  {
    url: '/mcp?x=1',
    result: '/?x=1',
    so: "the path is /mcp, and all of it is the prefix; what follows '?' is the query, which the app is to have.",
    look: "at the case where what is left starts with '?'.",
  },
  {
    url: '/mcp/',
    result: '/',
    so: "this is the app's front page, written with a slash.",
    look: atSlice,
  },
  {
    url: '/mcp/sse?from=/mcp',
    result: '/sse?from=/mcp',
    so: "a second /mcp further on is the app's own business.",
    look: atStart,
  },
  {
    url: '/mcp/mcp/sse',
    result: '/mcp/sse',
    so: 'an app may have a /mcp of its own: only one prefix is taken off.',
    look: atStart,
  },
  {
    url: '/team/mcp/sse',
    result: undefined,
    so: "the prefix stands in the middle of this one, so it is somebody else's.",
    look: atStart,
  },
  {
    url: '/MCP/sse',
    result: undefined,
    so: 'upper and lower case differ in a path (RFC 3986).',
    look: 'at anything that changes the url before it is compared.',
  },
  {
    url: '/mcp//sse',
    result: '//sse',
    so: 'an app has to see what was sent: whoever tidies a path sees another one than the next program does.',
    look: atSlice,
  },
];

await check(async (subject: Subject) => {
  const stripPrefix = await subject.load<StripPrefix>('stripPrefix');
  for (const { url, result, so, look } of rows) {
    const did = `stripPrefix('${url}', '/mcp')`;
    const given = stripPrefix(url, '/mcp');
    if (given !== result)
      teach({ did, seen: `it gave ${quoted(given)}, not ${quoted(result)}.`, so, look });
    passed(`${did} is ${quoted(result)}`);
  }
});

function quoted(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}
