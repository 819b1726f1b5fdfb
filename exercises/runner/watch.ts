/** Tells of each save of one file, however the editor saves and whatever the disk is. */
import { type FSWatcher, statSync, watch } from 'node:fs';
import { dirname } from 'node:path';

const settleMs = 100; // an editor writes, renames and touches: one save, several events
const pollMs = 1_000; // where the system tells nothing: network drives, containers, full inotify

/**
 * Calls `onSave` after each save of `file`. The folder is watched, not the file: many editors write
 * a new file and rename it over the old, and a watch on the old one would go with it.
 *
 * @returns how to stop that
 */
export function watchFile(file: string, onSave: () => void): () => void {
  let known = stamp(file);
  let settling: NodeJS.Timeout | undefined;

  function look(): void {
    const now = stamp(file);
    if (now === undefined || now === known) return; // in the middle of a rename, or another's event
    known = now;
    onSave();
  }

  const watcher = watchFolder(dirname(file), () => {
    clearTimeout(settling);
    settling = setTimeout(look, settleMs);
  });
  const poll = setInterval(look, pollMs);
  return () => {
    watcher?.close();
    clearInterval(poll);
    clearTimeout(settling);
  };
}

function watchFolder(folder: string, onEvent: () => void): FSWatcher | undefined {
  try {
    return watch(folder, onEvent).on('error', () => {}); // then there is still the poll
  } catch {
    return undefined;
  }
}

/** Differs after each save; undefined where there is no such file. */
function stamp(file: string): string | undefined {
  const stats = statSync(file, { bigint: true, throwIfNoEntry: false });
  return stats && `${stats.mtimeNs} ${stats.size} ${stats.ino}`;
}
