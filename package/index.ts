/** `mcp-mount`: all of it, in one import. Each part alone: `mcp-mount/router`, `/guard`, `/mcp`, `/serve`. */
export * from './guard.ts';
export * from './mcp.ts';
export * from './router.ts';
export * from './serve.ts';
