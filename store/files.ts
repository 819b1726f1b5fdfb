/**
 * Whether open files are still what their paths lead to. A file that was deleted, or that another
 * one was renamed over, takes writes like any other; they are gone with whoever holds it open.
 */
import { statSync } from 'node:fs';

/**
 * @param paths of files that are open; those that are not there are left out
 * @returns tells what happened to the first that is not the file it was, for the operator:
 *   `'/data/list.db was deleted, moved or replaced'`; undefined while all are
 */
export function watchFiles(paths: string[]): () => string | undefined {
  const opened = [...new Set(paths)].map(path => ({ path, known: identity(path) }));
  const watched = opened.filter(({ known }) => known !== undefined);
  return () => {
    const lost = watched.find(({ path, known }) => identity(path) !== known);
    return lost && `${lost.path} was deleted, moved or replaced`;
  };
}

/** Tells two files apart, whatever their names. */
function identity(path: string): string | undefined {
  const found = lookAt(path);
  return found && `${found.dev}:${found.ino}`;
}

export function isEmpty(path: string): boolean {
  return lookAt(path)?.size === 0n;
}

// A path that can't be looked at leads nowhere, whatever the reason.
function lookAt(path: string) {
  try {
    return statSync(path, { bigint: true }); // some file systems number beyond a double
  } catch {
    return undefined;
  }
}
