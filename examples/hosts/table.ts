/** The hosts, and what is to be seen at each: read by check.ts. */
import type { Reach } from './fetch.ts';

export interface Row {
  file: string;
  /** Rows of one host are checked together, and one of them in a smoke test. */
  host: string;
  /** Where the MCP app is; its endpoint event names `${mcp}/messages`. */
  mcp: string;
  /** The host's own endpoint beside, and what it answers to HEAD, POST and OPTIONS there. */
  plain: string;
  says: string;
  own: [head: number, post: number, options: number];
  /** Part of what the host says of a path that neither it nor the router knows. */
  unknown?: string;
  /** A route of the router's own, in a host that sets a status before. */
  ours?: string;
  reach?: Reach;
  tls?: boolean;
  unixSocket?: boolean;
  behind?: Behind;
  /** Another MCP app, over Streamable HTTP alone. */
  other?: string;
}

/** A proxy's configuration to put in front, and the prefix that it answers at. */
export interface Behind {
  config: string;
  prefix: string;
}

/** Of a router that has the whole server; a host's own ways stand in `rest`. */
function row(host: string, file: string, says: string, rest: Partial<Row> = {}): Row {
  return { host, file, says, mcp: '/mcp', plain: '/hello', own: [200, 405, 204], ...rest };
}

/** The plain host, behind a proxy. */
function proxied(config: string, prefix: string): Row {
  const host = config.startsWith('nginx') ? 'nginx' : 'Caddy';
  return row(host, 'http.ts', 'Hello from node:http', { behind: { config, prefix } });
}

const http2 = { reach: { http2: true } };
const tools = { mcp: '/tools/mcp' };
const app = { plain: '/app/hello' };

export const rows: Row[] = [
  row('node:http', 'http.ts', 'Hello from node:http'),
  row('node:https', 'https.ts', 'Hello from node:https', { tls: true }),
  row('node:http2', 'http2.ts', 'Hello from node:http2', { ...http2, tls: true }),
  row('node:http2', 'http2.ts', 'Hello from node:http2', http2),
  row('node:http2', 'http2.ts', 'Hello from node:http2', { tls: true }), // its HTTP/1.1
  row('Unix socket', 'unix-socket.ts', 'Hello from a socket', { unixSocket: true }),
  row('Express', 'express.ts', 'Hello from Express', {
    ...tools,
    own: [200, 404, 200],
    unknown: 'Cannot GET /nowhere',
  }),
  row('connect', 'connect.ts', 'Hello from connect', {
    ...tools,
    own: [200, 200, 200], // it has no methods
    unknown: 'Cannot GET /nowhere',
  }),
  row('Fastify', 'fastify-plugin.ts', 'Hello from Fastify', {
    ...tools,
    own: [200, 404, 404],
    unknown: 'Route GET:/nowhere not found',
  }),
  row('Fastify', 'fastify-hook.ts', 'Hello from Fastify', {
    own: [200, 404, 404],
    unknown: 'Route GET:/nowhere not found',
  }),
  row('Koa', 'koa.ts', 'Hello from Koa', {
    own: [200, 200, 200],
    unknown: 'Not Found',
    ours: '/version',
  }),
  row('Koa', 'koa-mount.ts', 'Hello from Koa', {
    ...tools,
    own: [200, 200, 200],
    unknown: 'Not Found',
    ours: '/tools/version',
  }),
  row('Hono', 'hono.ts', 'Hello from Hono', { own: [200, 404, 404], unknown: '404 Not Found' }),
  row('Next-style', 'next-style.ts', 'Hello from a page', {
    own: [200, 200, 200],
    unknown: 'No such page',
  }),
  ...['nginx/kept.conf', 'caddy/kept.Caddyfile'].map(config => proxied(config, '')),
  ...['nginx/stripped.conf', 'caddy/stripped.Caddyfile'].map(config => proxied(config, '/team/a')),
  row('under: Express', 'under-express.ts', 'Hello from Express at /app', {
    ...app,
    own: [200, 404, 200],
  }),
  row('under: Koa', 'under-koa.ts', 'Hello from Koa', { ...app, own: [200, 200, 200] }),
  row('under: Hono', 'under-hono.ts', 'Hello from Hono', { ...app, own: [200, 404, 404] }),
  row('under: Fastify', 'under-fastify.ts', 'Hello from Fastify', { ...app, own: [200, 404, 404] }),
  row('under: sirv', 'under-sirv.ts', 'Hello from a file', {
    plain: '/app/hello.txt',
    own: [200, 200, 200],
  }),
  row('under: polka', 'under-polka.ts', 'Hello from polka', { ...app, own: [404, 404, 404] }), // HEAD, too
  row('under: a router', 'under-router.ts', 'Hello from another router', {
    ...app,
    mcp: '/app/mcp',
  }),
  row("under: the SDK v2's handler", 'under-sdk-v2.ts', 'Hello from the router', { other: '/v2' }),
];
