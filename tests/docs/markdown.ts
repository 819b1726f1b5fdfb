/** What the tests need to know of a Markdown file: its fences, its links, its anchors, its prose. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Page {
  /** From the repository's root: 'docs/lesson/README.md'. */
  file: string;
  fences: Fence[];
  /** All but fences and HTML comments. */
  prose: string;
}

/** ```` ```diff a.ts b.ts ```` has the kind 'diff' and the words ['a.ts', 'b.ts']. */
export interface Fence {
  file: string;
  /** Of the line that opens it, from 1. */
  line: number;
  kind: string;
  words: string[];
  text: string;
}

/** Files of the repository, also those not yet committed; none that git ignores. */
export function repositoryFiles(): string[] {
  const args = ['ls-files', '-co', '--exclude-standard'];
  const listed = execFileSync('git', args, { cwd: root, encoding: 'utf8' });
  return listed.split('\n').filter(Boolean);
}

export function markdownFiles(under = ''): string[] {
  return repositoryFiles().filter(file => file.startsWith(under) && file.endsWith('.md'));
}

export function readPage(file: string): Page {
  return parsePage(file, readFileSync(join(root, file), 'utf8'));
}

/** @throws on a fence that does not end */
export function parsePage(file: string, source: string): Page {
  const fences: Fence[] = [];
  const prose: string[] = [];
  const lines = source.split('\n');
  for (let at = 0; at < lines.length; at++) {
    const [, ticks, info = ''] = /^\s*(`{3,}|~{3,})(.*)$/.exec(lines[at] ?? '') ?? [];
    if (ticks === undefined) {
      prose.push(lines[at] ?? '');
      continue;
    }
    const end = lines.findIndex((line, i) => i > at && line.trim() === ticks);
    if (end === -1) throw new Error(`${file}:${at + 1}: this fence does not end.`);
    const [kind = '', ...words] = info.trim().split(/\s+/);
    const text = lines.slice(at + 1, end).map(line => `${line}\n`);
    fences.push({ file, line: at + 1, kind, words, text: text.join('') });
    at = end;
  }
  return { file, fences, prose: prose.join('\n').replaceAll(/<!--[\s\S]*?-->/g, '') };
}

/** Where links and images point, as written. */
export function targetsOf({ prose }: Page): string[] {
  const text = prose.replaceAll(/`[^`\n]*`/g, '``');
  const found = [
    ...text.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g),
    ...text.matchAll(/^\[[^\]]+\]:\s*(\S+)/gm),
    ...text.matchAll(/\b(?:href|src|srcset)="([^"]*)"/g),
    ...text.matchAll(/<(https?:[^>\s]+)>/g),
  ];
  return found.map(([, target = '']) => target);
}

/** What a link can name after '#', as GitHub makes it of headings. */
export function anchorsOf({ prose }: Page): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of prose.matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const slug = slugOf(heading);
    let anchor = slug;
    for (let twin = 1; anchors.has(anchor); twin++) anchor = `${slug}-${twin}`;
    anchors.add(anchor);
  }
  for (const [, id = ''] of prose.matchAll(/\b(?:id|name)="([^"]+)"/g)) anchors.add(id);
  return anchors;
}

// '## What `/mcp` is, and why' -> 'what-mcp-is-and-why'
function slugOf(heading: string): string {
  const text = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll(/<[^>]+>/g, '');
  return text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\p{M} _-]/gu, '')
    .replaceAll(' ', '-');
}

/** The words a reader reads: no fences, no tags, no link targets. */
export function wordsOf({ prose }: Page): string[] {
  const text = prose
    .replaceAll(/!\[[^\]]*\]\([^)]*\)/g, ' ')
    .replaceAll(/\]\([^)]*\)/g, ' ')
    .replaceAll(/<[^>\n]+>/g, ' ');
  return text.split(/\s+/).filter(word => /[\p{L}\p{N}]/u.test(word));
}
