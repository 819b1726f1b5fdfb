/** Folders for the time that a program runs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Folder {
  path: string;
  remove(): void;
}

/** Removed as this process exits, if it is not before. */
export function temporaryFolder(prefix: string): Folder {
  const path = mkdtempSync(join(tmpdir(), prefix));
  function remove(): void {
    process.off('exit', remove);
    // Who worked in it and was killed may write a last file in the meantime.
    rmSync(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
  process.on('exit', remove);
  return { path, remove };
}
