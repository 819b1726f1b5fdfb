/** Dead links: where a page points, relative to itself, that is not in the repository. */
import { dirname, join, normalize } from 'node:path';
import { anchorsOf, type Page, targetsOf } from './markdown.ts';

/**
 * What is wrong with the links of `page`, one line each. Links to other hosts are not followed:
 * the check needs no network. `pages` are all Markdown files, `files` all files.
 */
export function deadLinks(page: Page, pages: Map<string, Page>, files: Set<string>): string[] {
  return targetsOf(page).flatMap(target => {
    const fault = faultOf(target, page, pages, files);
    return fault === undefined ? [] : [`${page.file}: '${target}' ${fault}`];
  });
}

function faultOf(
  target: string,
  page: Page,
  pages: Map<string, Page>,
  files: Set<string>,
): string | undefined {
  const { file } = page;
  if (/^(?:https?|mailto):/.test(target)) return undefined;
  const [path = '', anchor] = target.split('#');
  if (path.startsWith('/')) return 'starts at a root that a clone does not have';
  const found = path === '' ? file : normalize(join(dirname(file), decodeURI(path)));
  const isHere = found === file || isThere(found.replace(/\/$/, ''), files);
  if (!isHere) return 'is not in the repository';
  if (anchor === undefined) return undefined;
  const there = found === file ? page : pages.get(found);
  if (!there) return 'names a place in a file that has no headings';
  return anchorsOf(there).has(anchor) ? undefined : 'names a heading that is not there';
}

function isThere(path: string, files: Set<string>): boolean {
  if (path === '.' || files.has(path)) return true;
  return [...files].some(file => file.startsWith(`${path}/`));
}
