/** The mounts and routes of an app as a tree, to be drawn, and how often each was passed. */
import type { App, Entry } from '../../http/app.ts';
import { routerIn } from '../../http/near.ts';
import type { EntryCounts } from './passed.ts';
import type { Counts, MountTree } from './wire-step.ts';

export function treeOf(app: App, rootPath = ''): MountTree {
  const tree: MountTree = { rootPath, routes: [], mounts: [] };
  for (const entry of routerIn(app)?.list() ?? []) {
    if (entry.kind === 'mount') tree.mounts.push(treeOf(entry.app, rootPath + entry.prefix));
    else tree.routes.push({ method: entry.method, path: entry.path });
  }
  return tree;
}

/** `passed` by what was passed, as the page names it: `'/mcp'`, `'/mcp POST /messages'`. */
export function countsOf(app: App, passed: EntryCounts, rootPath = ''): Counts {
  const counts: Counts = {};
  for (const entry of routerIn(app)?.list() ?? []) {
    const count = passed.get(entry);
    if (count) counts[nameOf(entry, rootPath)] = count.times;
    if (entry.kind === 'mount')
      Object.assign(counts, countsOf(entry.app, passed, rootPath + entry.prefix));
  }
  return counts;
}

function nameOf(entry: Entry, rootPath: string): string {
  if (entry.kind === 'mount') return rootPath + entry.prefix;
  return `${rootPath} ${entry.method} ${entry.path}`;
}
