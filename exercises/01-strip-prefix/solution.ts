/** What is left of `url` below `prefix`, or undefined where the prefix does not fit. */
export function stripPrefix(url: string, prefix: string): string | undefined {
  if (!url.startsWith(prefix)) return undefined;
  const rest = url.slice(prefix.length);
  // The prefix was all of the path: what is left is '/', with the query if there is one.
  if (rest === '' || rest[0] === '?') return `/${rest}`;
  // Anything but a '/' here belongs to the same name: '/mcpx' is not '/mcp'.
  return rest[0] === '/' ? rest : undefined;
}
