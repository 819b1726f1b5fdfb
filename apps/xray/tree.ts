/** The mounts and routes of an app as a tree, to be drawn. */

import type { App } from '../../http/app.ts';
import { routerIn } from '../../http/near.ts';

export interface MountTree {
  /** Where it is mounted, seen from the outside; '' for the root. */
  rootPath: string;
  routes: { method: string; path: string }[];
  mounts: MountTree[];
}

export function treeOf(app: App, rootPath = ''): MountTree {
  const tree: MountTree = { rootPath, routes: [], mounts: [] };
  for (const entry of routerIn(app)?.list() ?? []) {
    if (entry.kind === 'mount') tree.mounts.push(treeOf(entry.app, rootPath + entry.prefix));
    else tree.routes.push({ method: entry.method, path: entry.path });
  }
  return tree;
}
