/**
 * Why ours answers as it does where the original answers otherwise, by the request as it is with MCP
 * at `/mcp`. A request that is not here is answered alike. Two texts: one for each mount.
 */
export const reasons: Record<string, string | { mcp?: string; root?: string }> = {
  'GET /items': {
    mcp: 'One path, with and without the slash at its end. Nothing is redirected: behind a proxy a redirect names a place that is not there, and a POST may lose its body on the way.',
    root: 'There no route is called so, and the mount at `/` takes the request. Here the route’s path is one path, with and without its slash.',
  },
  'HEAD /items/': {
    mcp: 'HEAD follows GET (RFC 9110, 9.3.2).',
    root: 'HEAD follows GET, so the route has it. There it has not, and the mount at `/` takes the request.',
  },
  'OPTIONS /items/': {
    mcp: 'OPTIONS is answered with what the path takes.',
  },
  'POST /items/': {
    mcp: 'The original’s web door reads alone, and MCP adds. Here both doors add.',
    root: 'There a method that a route lacks is the mount’s at `/`, as here; but here the route has it.',
  },
  'DELETE /items/': {
    mcp: 'Both refuse. `Allow` names what is answered here: POST adds, HEAD follows GET, OPTIONS tells.',
  },
  'GET /mcp': {
    mcp: 'No redirect: the bare mount reaches the app as `/`. What answers there is Streamable HTTP, which `sse_app()` has not; a GET of it has to name a session.',
    root: 'Streamable HTTP answers at the mount itself, which `sse_app()` has not; a GET of it has to name a session.',
  },
  'GET /mcp/': 'The same place as `/mcp`, with the same answer.',
  'GET /mcp/sse': {
    mcp: 'The TypeScript SDK calls it `sessionId`, and the path needs no slash at its end; a client posts to what it is told. `retry` has it back in a second after a restart, and `no-transform` keeps compressors from holding events back.',
    root: 'The same differences as at `/mcp`; both know where they are mounted.',
  },
  'GET /mcp/sse/': {
    mcp: 'One path with `/mcp/sse`. Nothing is redirected.',
    root: 'One path with `/sse`. Nothing is redirected.',
  },
  'GET /mcp/sse?x=1': 'As without the query: the path ends at the first `?`.',
  'HEAD /mcp/sse': 'The head is the one that the stream has. Here HEAD opens no session.',
  'POST /mcp/sse':
    'Both say 405, by which clients choose their transport. OPTIONS is answered here, so `Allow` names it.',
  'GET /mcp/messages': 'Nothing is redirected. The path is known, and takes POST.',
  'GET /mcp/messages/': 'Both refuse; OPTIONS is answered here, so `Allow` names it.',
  'POST /mcp/messages': 'Nothing is redirected. It names no session, so there is none.',
  'POST /mcp/messages/':
    'It names no session, so there is none: 404, on which clients start anew. On 400 they give up.',
  'POST /mcp/messages/?session_id=nonsense':
    'Ids are looked up, not parsed: one that nobody has is unknown, whatever it looks like.',
  'POST /mcp/messages?sessionId=00000000-0000-4000-8000-000000000000':
    'Nothing is redirected; the session is unknown.',
  'GET /%6dcp/sse': {
    mcp: 'A prefix is compared byte for byte, before anything is decoded: a path has one spelling, and a guard in front can’t be walked round with another.',
  },
  'GET /mcp/%73se': 'A path is compared before it is decoded, below a mount too.',
  'GET /mcp/../items/':
    'Parsers differ on dot segments, so a guard and what is behind it may see two paths: refused before anything is matched.',
  'GET /items/../mcp/sse': 'The same the other way round: refused, whichever app it would reach.',
  'GET /mcp/sse, X-Forwarded-Prefix: /team/a':
    'A proxy took a prefix off, so no path from the root is right outside. The endpoint is named relative to the stream’s own URL; the header’s value is not used.',
  'GET /mcp/sse, Host: evil.example':
    'Both refuse. 403 is what the TypeScript SDK’s own check answers, and the detail says which option lets the name in.',
  'GET /items/, Host: evil.example':
    'The guard stands in front of everything: what the MCP app holds, the web endpoint beside it shows as well.',
  'GET /items/, Origin: http://evil.example':
    'The guard stands in front of everything, as with Host.',
  'GET /docs':
    'The page is made here, of `/openapi.json`, and loads nothing from other hosts. It has the MCP tools beside the routes.',
  'GET /openapi.json': 'More routes, their schemas, and the MCP tools.',
};
