/**
 * What a hostile client can send whole: request lines, heads and bodies, each with the status it gets
 * and the reason why somebody sends it. Sent by attacks.test.ts, and explained in docs/security.md.
 */
import { call, type Headers, initialize, postHeaders } from './apps/mcp/wire.ts';

export const host = 'Host: localhost';

export function requestOf(line: string, ...fields: string[]): string {
  return `${[line, ...fields].join('\r\n')}\r\n\r\n`;
}

export function headOf(path: string, headers: Headers): string {
  const fields = Object.entries({ Host: 'localhost', ...postHeaders, ...headers });
  return requestOf(`POST ${path} HTTP/1.1`, ...fields.map(field => field.join(': ')));
}

export function postOf(path: string, body: string, headers: Headers = {}): string {
  return headOf(path, { 'Content-Length': String(body.length), ...headers }) + body;
}

export type RawRow = [attack: string, bytes: string, status: number | number[], reason: string];

export const targets: RawRow[] = [
  [
    'a foreign Host',
    requestOf('GET /items/ HTTP/1.1', 'Host: evil.example'),
    403,
    'a name rebound to this machine',
  ],
  [
    'a foreign Origin',
    requestOf('GET /items/ HTTP/1.1', host, 'Origin: https://evil.example'),
    403,
    'a page that reads local ports',
  ],
  [
    'a foreign Origin that posts',
    postOf('/mcp', JSON.stringify(initialize()), { Origin: 'null' }),
    403,
    'a page that calls tools',
  ],
  [
    'two Hosts',
    requestOf('GET /items/ HTTP/1.1', host, 'Host: evil.example'),
    400,
    'a proxy may read the other one',
  ],
  ['Host: [', requestOf('GET /items/ HTTP/1.1', 'Host: ['), 400, 'no URL can be built from it'],
  [
    'Host: [ to the messages',
    postOf('/mcp/messages?sessionId=x', '{}', { Host: '[' }),
    400,
    'the SDK builds a URL from it and dies',
  ],
  ['no Host', requestOf('GET /items/ HTTP/1.1'), 400, 'HTTP/1.1 asks for one'],
  ['GET //', requestOf('GET // HTTP/1.1', host), 404, 'new URL() throws on it'],
  [
    'GET //mcp/sse',
    requestOf('GET //mcp/sse HTTP/1.1', host),
    404,
    'new URL() reads mcp as the host',
  ],
  [
    'an absolute target elsewhere',
    requestOf('GET http://evil.example/mcp/sse HTTP/1.1', host),
    403,
    'its authority is the Host',
  ],
  [
    'an absolute target without a host',
    requestOf('GET http:///mcp/sse HTTP/1.1', host),
    400,
    'parsers differ on the authority',
  ],
  [
    'an absolute target of a malformed host',
    requestOf('GET http://[/ HTTP/1.1', host),
    400,
    'no URL can be built from it',
  ],
  [
    'dot segments',
    requestOf('GET /items/../mcp/sse HTTP/1.1', host),
    400,
    'a proxy guards one path and passes another',
  ],
  [
    'dot segments in disguise',
    requestOf('GET /items/%2e%2E/mcp/sse HTTP/1.1', host),
    400,
    'decoded before they are resolved',
  ],
  [
    'a single dot',
    requestOf('GET /mcp/./sse HTTP/1.1', host),
    400,
    'resolved by some, kept by others',
  ],
  ['/mcp%2fsse', requestOf('GET /mcp%2fsse HTTP/1.1', host), 400, 'one segment or two'],
  ['/mcp%5csse', requestOf('GET /mcp%5csse HTTP/1.1', host), 400, 'a slash to Windows'],
  ['/mcp\\sse', requestOf('GET /mcp\\sse HTTP/1.1', host), 400, 'a slash to browsers'],
  ['a NUL', requestOf('GET /mcp/sse%00.png HTTP/1.1', host), 400, 'the end of the path in C'],
  [
    'half an escape',
    requestOf('GET /items/%e0%a HTTP/1.1', host),
    400,
    'decodeURIComponent throws on it',
  ],
  [
    'bytes that are no UTF-8',
    requestOf('GET /items/%ff HTTP/1.1', host),
    400,
    'decodeURIComponent throws on them',
  ],
  ['another case', requestOf('GET /MCP/sse HTTP/1.1', host), 404, 'a guard compares bytes'],
  ['an asterisk', requestOf('OPTIONS * HTTP/1.1', host), 400, 'no path at all'],
  ['CONNECT', requestOf('CONNECT evil.example:443 HTTP/1.1', host), 400, 'an open proxy'],
  [
    'a path of 20,000 characters',
    requestOf(`GET /${'a'.repeat(20_000)} HTTP/1.1`, host),
    431,
    'Node’s own bound',
  ],
  [
    '20,000 characters of headers',
    requestOf('GET /items/ HTTP/1.1', host, `X: ${'y'.repeat(20_000)}`),
    431,
    'Node’s own bound',
  ],
  [
    '5,000 headers',
    requestOf('GET /items/ HTTP/1.1', host, ...Array(5_000).fill('X: y')),
    [200, 431],
    'Node 20 takes 2,000 and never shows the rest; later ones refuse',
  ],
  [
    'a Host behind 5,000 headers',
    requestOf('GET /items/ HTTP/1.1', ...Array(5_000).fill('X: y'), host),
    [400, 431],
    'what is never shown can’t let anybody in',
  ],
  ['a method nobody knows', requestOf('BREW /items/ HTTP/1.1', host), 400, 'Node’s own parser'],
  ['no HTTP', '\x16\x03\x01\x02\x00\x01\x00\r\n\r\n', 400, 'a TLS client at the wrong port'],
  [
    'HEAD on the SSE stream',
    requestOf('HEAD /mcp/sse HTTP/1.1', host, 'Connection: close'),
    200,
    'a link checker; opens nothing',
  ],
  [
    'HEAD on the Streamable endpoint',
    requestOf('HEAD /mcp HTTP/1.1', host, 'Connection: close'),
    405,
    'opens nothing',
  ],
  [
    'an Upgrade',
    requestOf('GET /mcp HTTP/1.1', host, 'Connection: Upgrade', 'Upgrade: websocket'),
    400,
    'taken as the GET that it is',
  ],
];

const deep = 100_000;
const arrays = '['.repeat(deep) + ']'.repeat(deep);
const objects = `${'{"a":'.repeat(deep)}1${'}'.repeat(deep)}`;
export const ping = JSON.stringify(call(1, 'ping'));

export type BodyRow = [
  attack: string,
  body: string,
  headers: Headers,
  status: number,
  reason: string,
];

/** Each is sent to every door that takes JSON. */
export const bodies: BodyRow[] = [
  ['half an object', '{"jsonrpc":"2.0",', {}, 400, 'a syntax error is the client’s'],
  ['nothing', '', {}, 400, 'an empty body is no JSON'],
  [
    'a form',
    'name=Milk',
    { 'Content-Type': 'application/x-www-form-urlencoded' },
    415,
    'any page can post one, without a preflight',
  ],
  [
    'JSON as plain text',
    ping,
    { 'Content-Type': 'text/plain' },
    415,
    'any page can post it, without a preflight',
  ],
  [
    'JSON as a file',
    ping,
    { 'Content-Type': 'multipart/form-data; boundary=x' },
    415,
    'any page can post it, without a preflight',
  ],
  [
    'JSON as a parameter',
    ping,
    { 'Content-Type': 'text/plain; application/json' },
    415,
    'only the type counts',
  ],
  ['no type', ping, { 'Content-Type': '' }, 415, 'nothing is guessed'],
  ['100,000 arrays in each other', arrays, {}, 400, 'whoever walks them has no stack left'],
  ['30,000 arrays', '['.repeat(30_000) + ']'.repeat(30_000), {}, 400, 'few enough bytes for all'],
  ['100,000 objects in each other', objects, {}, 400, 'whoever walks them has no stack left'],
  [
    '65 levels, one beyond the limit',
    `${'['.repeat(65)}${']'.repeat(65)}`,
    {},
    400,
    'the bound holds exactly',
  ],
  [
    'bytes that are no UTF-8',
    '{"name":"\xff\xfe"}',
    {},
    400,
    'decoders replace them, and two names become one',
  ],
  ['a truncated character', '{"name":"\xe2\x82"}', {}, 400, 'decoders replace it'],
  ['UTF-16', '{\0"\0a\0"\0:\x001\0}\0', {}, 400, 'JSON is UTF-8'],
  [
    'a compressed body',
    '\x1f\x8b\x08\0\0\0\0\0',
    { 'Content-Encoding': 'gzip' },
    415,
    'nothing is inflated, so nothing explodes',
  ],
  [
    'two lengths',
    ping,
    { 'Transfer-Encoding': 'chunked' },
    400,
    'request smuggling; Node’s own parser',
  ],
  ['a negative length', ping, { 'Content-Length': '-1' }, 400, 'Node’s own parser'],
  [
    'a length beyond all numbers',
    ping,
    { 'Content-Length': '9'.repeat(40) },
    400,
    'Node’s own parser',
  ],
];
