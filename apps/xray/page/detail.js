/**
 * What a click on a step opens: the words, the data, the source lines that did it.
 *
 * @import { Shown } from './types.d.ts'
 * @import { View } from './story.js'
 */
import { el } from './dom.js';
import { loadSources, page } from './page.js';

/**
 * One at a time in a row.
 * @param {View} view
 * @param {HTMLElement} step
 * @param {Shown} shown
 */
export function toggleDetail(view, step, { tell, data, sources }) {
  const wasOpen = step.getAttribute('aria-expanded') === 'true';
  for (const open of view.element.querySelectorAll('[aria-expanded="true"]'))
    open.setAttribute('aria-expanded', 'false');
  view.detail.replaceChildren();
  if (wasOpen) return;
  step.setAttribute('aria-expanded', 'true');
  const panel = el('div', { class: 'panel' }, el('p', {}, tell));
  if (data) panel.append(el('pre', { class: 'raw', tabindex: 0 }, data));
  view.detail.append(panel);
  panel.scrollIntoView({ block: 'nearest' });
  addSources(panel, sources).catch(() => {}); // without them the step still says what it did
}

/**
 * @param {HTMLElement} panel
 * @param {string[]} kinds
 */
async function addSources(panel, kinds) {
  await loadSources();
  for (const kind of kinds) {
    const source = page.shown.sources?.[kind];
    if (typeof source?.text === 'string') panel.append(sourceOf(source));
  }
  panel.scrollIntoView({ block: 'nearest' });
}

/** @param {{ file: string, line: number, text: string }} source */
function sourceOf({ file, line, text }) {
  const code = el('code');
  for (const [i, content] of text.split('\n').entries())
    code.append(el('span', { class: 'number' }, String(line + i)), `${content}\n`);
  return el(
    'figure',
    {},
    el('figcaption', {}, `${file}:${line}`),
    el('pre', { tabindex: 0 }, code),
  );
}
