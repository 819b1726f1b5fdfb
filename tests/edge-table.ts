/** The mount's edge cases: what each request line comes to below `addEdgeRoutes`, and why. */
import type { App, Handler, Router } from '../router.ts';

/** What a request comes to: `rootPath + url` for an app, the route, or the refusal. */
export type Edge = [request: string, outcome: string, reason: string];

export const items = 'GET, HEAD, OPTIONS, POST';
export const edges: Edge[] = [
  ['GET /mcp', '/mcp + /', 'the bare mount is entered as /, without a redirect'],
  ['POST /mcp', '/mcp + /', 'a redirected POST would lose its body'],
  ['GET /mcp/', '/mcp + /', 'one slash after the mount is the same place'],
  ['GET /mcp?x=1', '/mcp + /?x=1', 'a query ends the segment'],
  ['GET /mcp/?x=1', '/mcp + /?x=1', 'and is kept'],
  ['GET /mcp/sse?x=1', '/mcp + /sse?x=1', 'the picture of the contract'],
  ['GET /mcp/sse/', '/mcp + /sse/', 'a slash at the end is for the app to judge'],
  ['GET /mcp//sse', '/mcp + //sse', 'slashes are never merged'],
  ['GET /mcp/mcp', '/mcp + /mcp', 'a prefix comes off once'],
  ['GET /mcp?/../sse', '/mcp + /?/../sse', 'the path is cut at the first question mark'],
  ['GET /mcp/x?a=\\%2f%', '/mcp + /x?a=\\%2f%', 'a query is for the app to read'],
  ['GET /mcp/a%20b', '/mcp + /a%20b', 'an escape that has one reading passes as it was sent'],
  ['GET /mcp/caf%C3%A9', '/mcp + /caf%C3%A9', 'so does UTF-8'],
  ['GET /mcp/a%3Fb', '/mcp + /a%3Fb', 'an escaped question mark is no query'],
  ['GET /mcp/.well-known', '/mcp + /.well-known', 'a name may start with a dot'],
  ['GET /mcp/...', '/mcp + /...', 'three dots are a name'],
  ['PURGE /mcp/x', '/mcp + /x', 'a mounted app takes every method'],
  ['OPTIONS /mcp', '/mcp + /', 'and answers OPTIONS itself'],
  ['GET /mcp/deep/x', '/mcp/deep + /x', 'the longest prefix wins'],
  ['GET /mcp/deeper', '/mcp + /deeper', 'only where it ends at a segment'],
  ['GET /tools/mcp/sse', '/tools/mcp + /sse', 'a prefix may have several segments'],
  ['GET /tools', '404', 'the way to a mount is not the mount'],
  ['GET /tools/mcpx', '404', 'its last segment is whole as well'],

  ['GET /mcpx', '404', 'a prefix ends at a segment'],
  ['GET /mcp.json', '404', 'a dot does not end a segment'],
  ['GET /mcp;v=1', '404', 'a semicolon does not end one'],
  ['GET /mcp%3Fx', '404', 'an escaped question mark does not end one'],
  ['GET /MCP', '404', 'upper and lower case differ'],
  ['GET /%6dcp', '404', 'a path is compared before it is decoded'],
  ['GET //mcp', '404', 'the first segment is empty'],
  ['GET //mcp/sse', '404', 'new URL() would read a host here'],
  ['GET /', '404', 'nothing is mounted at the root'],
  ['GET //', '404', 'new URL() would throw here'],

  ['GET /mcp/../items', '400', 'dot segments leave the mount for who folds them'],
  ['GET /items/../mcp', '400', 'or reach it'],
  ['GET /mcp/..', '400', 'at the end too'],
  ['GET /mcp/.', '400', 'one dot too'],
  ['GET /./mcp', '400', 'in front too'],
  ['GET /mcp/%2e%2E/items', '400', 'an escaped dot is a dot for who decodes first'],
  ['GET /mcp/.%2e', '400', 'half escaped too'],
  ['GET /mcp%2fsse', '400', 'one segment or two'],
  ['GET /mcp%2Fsse', '400', 'in either case of the hex digits'],
  ['GET /mcp%5csse', '400', 'an escaped backslash, which Windows reads as a slash'],
  ['GET /mcp\\sse', '400', 'a backslash, which new URL() reads as a slash'],
  ['GET /mcp/%00', '400', 'C strings end here'],
  ['GET /mcp/%', '400', 'a lone percent sign'],
  ['GET /mcp/%4', '400', 'one hex digit'],
  ['GET /mcp/%zz', '400', 'no hex digits'],
  ['GET /mcp/%ff', '400', 'not UTF-8'],
  ['GET /mcp#x', '400', 'a fragment is not sent'],
  ['GET /mcp/\x01', '400', 'a control'],
  ['GET /mcp\t/sse', '400', 'a tab, which new URL() drops'],
  ['GET /mcp/ sse', '400', 'a space ends the target'],
  ['GET /mcp/\x7f', '400', 'DEL'],
  ['GET /mcp/caf\xe9', '400', 'a byte that is Latin-1 or half of UTF-8'],
  ['GET ', '400', 'no target'],
  ['OPTIONS *', '400', 'the server as a whole is nowhere'],
  ['GET mcp/sse', '400', 'no leading slash'],
  ['CONNECT example.org:443', '400', 'this is no proxy'],

  ['GET http://example.org/mcp/sse?x', '/mcp + /sse?x', 'an absolute form is its path'],
  ['GET HTTPS://example.org:8443/mcp', '/mcp + /', 'schemes have no case'],
  ['GET http://[::1]:3000/mcp', '/mcp + /', 'IPv6 in brackets'],
  ['GET http://example.org//mcp', '404', 'the path is read byte for byte'],
  ['GET http://example.org?/mcp', '404', 'an absolute form without a path means /'],
  ['GET http://example.org', '404', 'even without a query'],
  ['GET http://example.org/x/../mcp', '400', 'dot segments there too'],
  ['GET http:///mcp', '400', 'no authority'],
  ['GET http://user@example.org/mcp', '400', 'userinfo, behind which hosts are hidden'],
  ['GET http://a\\b/mcp', '400', 'an authority that is none'],
  ['GET ftp://example.org/mcp', '400', 'a scheme that is not ours'],

  ['GET /items/', 'GET /items/ {}', 'a route answers its path'],
  ['GET /items', 'GET /items/ {}', 'with and without the last slash'],
  ['GET /items?x', 'GET /items/ {}', 'whatever the query'],
  ['GET /items//', '404', 'two slashes are another path'],
  ['GET /Items', '404', 'upper and lower case differ'],
  ['GET /%69tems', '404', 'a path is compared before it is decoded'],
  ['POST /items', 'POST /items {}', 'each method has its handler'],
  ['HEAD /items', 'GET /items/ {}', 'HEAD follows GET'],
  ['OPTIONS /items', `204 ${items}`, 'OPTIONS names the methods'],
  ['DELETE /items/', `405 ${items}`, 'another method on a known path is told which'],
  ['PURGE /items', `405 ${items}`, 'also one that no route has'],
  ['HEAD /orders', '405 OPTIONS, POST', 'without a GET there is no HEAD'],
  ['OPTIONS /nowhere', '404', 'an unknown path has no methods'],
  ['GET /items/7', 'GET /items/:id {"id":"7"}', 'a param is one segment'],
  ['GET /items/7/', 'GET /items/:id {"id":"7"}', 'with and without the last slash'],
  ['GET /items/7?id=8', 'GET /items/:id {"id":"7"}', 'whatever the query'],
  ['GET /items/7/8', '404', 'never two segments'],
  ['GET /items/a%20b%C3%A9', 'GET /items/:id {"id":"a b\xe9"}', 'a param is decoded'],
  ['GET /items/%2541', 'GET /items/:id {"id":"%41"}', 'once'],
  ['GET /items/a+b', 'GET /items/:id {"id":"a+b"}', 'a plus is a plus in a path'],
  ['GET /items/:id', 'GET /items/:id {"id":":id"}', 'a colon means nothing in a request'],
  ['GET /items/__proto__', 'GET /items/:id {"id":"__proto__"}', 'no name is special'],
  ['GET /items/%', '400', 'a param that does not decode'],
  ['GET /items/%ff', '400', 'nor to UTF-8'],
  ['GET /items/a%2fb', '400', 'a param never holds a slash'],
  ['POST /items/7', '405 GET, HEAD, OPTIONS, PATCH', 'params have methods too'],
  ['GET /items/new', 'GET /items/new {}', 'a fixed segment goes before a param'],
  ['PATCH /items/new', 'PATCH /items/:id {"id":"new"}', 'unless it lacks the method'],
  ['DELETE /items/new', '405 GET, HEAD, OPTIONS, PATCH', 'the methods of both'],
  ['GET /lists/a/items/b', 'GET /lists/:list/items/:item {"list":"a","item":"b"}', 'in order'],
  ['GET /lists/today/done', 'GET /lists/today/done {}', 'fixed all the way'],
  [
    'GET /lists/today/items/1',
    'GET /lists/:list/items/:item {"list":"today","item":"1"}',
    'a fixed segment that leads nowhere gives way to the param',
  ],
  [
    'GET /lists/today/x',
    'GET /lists/:list/:entry {"list":"today","entry":"x"}',
    'and takes none of the params that were tried on the way',
  ],
  ['GET /protos/x', 'GET /protos/:__proto__ {"__proto__":"x"}', 'nor is any name of a param'],
  ['GET /lists/mcp/items/1', '/lists/mcp + /items/1', 'a mount goes before a param'],
];

/** What the table speaks of beside `/mcp` and `/items/`, which a server has already. */
export function addEdgeRoutes(router: Router, took: (route: string) => Handler, probe: App): void {
  router
    .get('/items/new', took('GET /items/new'))
    .post('/orders', took('POST /orders'))
    .get('/lists/today/done', took('GET /lists/today/done'))
    .get('/lists/:list/items/:item', took('GET /lists/:list/items/:item'))
    .get('/lists/today/:day/log', took('GET /lists/today/:day/log'))
    .get('/lists/:list/:entry', took('GET /lists/:list/:entry'))
    .get('/protos/:__proto__', took('GET /protos/:__proto__'))
    .mount('/mcp/deep', probe)
    .mount('/tools/mcp', probe)
    .mount('/lists/mcp', probe);
}
