/** Markdown as plain text for a terminal: the little of it that the exercises use. */

export interface Paper {
  /** Columns. */
  width: number;
  bold?: (text: string) => string;
}

const plainly = (text: string) => text;

/** Paragraphs and list items are wrapped; fences are indented and tables are left as they are. */
export function prose(markdown: string, { width, bold = plainly }: Paper): string {
  const parts = markdown.trim().split(/^```\w*\n(.*?)\n```$/ms); // text, fence, text, …
  const texts = parts.flatMap((part, i) =>
    i % 2 === 1
      ? part.replaceAll(/^(?=.)/gm, '    ')
      : blocksOf(part).map(block => blockAsText(block, width, bold)),
  );
  return texts.join('\n\n');
}

function blocksOf(text: string): string[] {
  return text.split(/\n{2,}/).filter(block => block.trim() !== '');
}

function blockAsText(block: string, width: number, bold: (text: string) => string): string {
  if (block.trim().startsWith('|')) return block.trim();
  if (block.startsWith('#')) return bold(block.replace(/^#+ /, ''));
  const items = withoutMarks(block.trim()).split(/\n(?=- |\d+\. )/);
  return items.map(item => wrap(item, width, /^(?:- |\d+\. )?/.exec(item)?.[0].length)).join('\n');
}

// *app* -> app   [router.ts](../../router.ts) -> router.ts   [RFC](https://…) -> RFC (https://…)
function withoutMarks(text: string): string {
  return text
    .replaceAll(/(\*{1,2})(\S[^*]*)\1/g, '$2')
    .replaceAll(/\[([^\]]+)\]\((https?:[^)]+)\)/g, '$1 ($2)')
    .replaceAll(/\[([^\]]+)\]\([^)]+\)/g, '$1');
}

/** Breaks at spaces, so that no line is wider than `width`; the second and later are indented. */
export function wrap(text: string, width: number, indent = 0): string {
  const lines = [''];
  for (const word of text.split(/\s+/)) {
    const line = lines.at(-1) ?? '';
    if (line.trim() !== '' && line.length + 1 + word.length > width)
      lines.push(' '.repeat(indent) + word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.join('\n');
}
