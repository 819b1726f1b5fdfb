/**
 * What is mounted where, and how often each place was passed: the server's count, so that it is
 * true whatever was drawn.
 *
 * @import { MountTree } from '../wire-step.ts'
 */
import { byId, el, say } from './dom.js';
import { page } from './page.js';

/** @type {Map<string, { node: HTMLElement, count: HTMLElement }>} */
const places = new Map();

export function drawTree() {
  places.clear();
  const { tree } = page.shown;
  byId('mounts').hidden = !tree;
  if (!tree) return byId('tree').replaceChildren();
  const names = ['node:http', '→', 'guard', '→', 'router'];
  const entry = el(
    'div',
    { class: 'branch' },
    ...names.map(name => el('span', { class: name === '→' ? 'muted' : 'part' }, name)),
  );
  byId('tree').replaceChildren(el('ul', {}, el('li', {}, entry, branches(tree))));
  drawCounts();
}

/** @param {MountTree} tree @returns {HTMLElement} */
function branches(tree) {
  /** @type {Map<string, HTMLElement>} */
  const paths = new Map();
  for (const { method, path } of tree.routes) {
    const line =
      paths.get(path) ?? el('div', { class: 'branch' }, el('span', { class: 'node' }, path));
    paths.set(path, line);
    line.append(
      placed(`${tree.rootPath} ${method} ${path}`, el('span', { class: 'method' }, method)),
    );
  }
  const mounts = tree.mounts.map(mount => {
    const name = el(
      'span',
      { class: 'node prefix' },
      mount.rootPath.slice(tree.rootPath.length) || '/',
    );
    return el(
      'li',
      {},
      el('div', { class: 'branch' }, placed(mount.rootPath, name)),
      branches(mount),
    );
  });
  return el('ul', {}, ...[...paths.values()].map(line => el('li', {}, line)), ...mounts);
}

/** @param {string} key @param {HTMLElement} node */
function placed(key, node) {
  const count = el('span', { class: 'count' });
  places.set(key, { node, count });
  return el('span', {}, node, count);
}

export function drawCounts() {
  for (const [key, { node, count }] of places) {
    const times = page.shown.counts[key];
    const text = times === undefined ? '' : ` ${times.toLocaleString('en')}`;
    if (count.textContent === text) continue;
    say(count, text);
    node.classList.remove('lit');
    void node.offsetWidth; // or the animation would not start again
    node.classList.add('lit');
  }
}
