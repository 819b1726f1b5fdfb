// Where exercise 1 begins. npm run learn copies it to strip-prefix.ts: that is the file to edit.

/** What is left of `url` below `prefix`, or undefined where the prefix does not fit. */
export function stripPrefix(url: string, prefix: string): string | undefined {
  if (!url.startsWith(prefix)) return undefined;
  return url.slice(prefix.length);
}
