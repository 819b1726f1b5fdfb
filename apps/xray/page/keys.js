/** The keyboard: one tab stop in the rows, at the newest; arrows go from step to step and row to row. */
import { byId } from './dom.js';

const stops = '.step:not(.ghost), .frame';

/** @param {Element} row @returns {HTMLElement[]} */
function stopsIn(row) {
  return [.../** @type {NodeListOf<HTMLElement>} */ (row.querySelectorAll(stops))];
}

/** While nobody is among the rows Tab enters at the newest. @param {HTMLElement} story */
export function keepTabStop(story) {
  if (story.contains(document.activeElement) && document.activeElement !== story) return;
  const first = story.querySelector(stops);
  if (first instanceof HTMLElement) makeTabStop(story, first);
}

/** @param {HTMLElement} story @param {HTMLElement} stop */
function makeTabStop(story, stop) {
  if (stop.tabIndex === 0) return;
  for (const old of story.querySelectorAll('[data-tab]')) {
    old.setAttribute('tabindex', '-1');
    old.removeAttribute('data-tab');
  }
  stop.tabIndex = 0;
  stop.dataset.tab = '';
}

/** @param {KeyboardEvent} event */
function move(event) {
  const stop = event.target instanceof HTMLElement ? event.target : undefined;
  const row = stop?.closest('.row');
  if (!stop?.matches(stops) || !row) return;
  const next = {
    ArrowLeft: beside(row, stop, -1),
    ArrowRight: beside(row, stop, 1),
    ArrowUp: first(row.previousElementSibling),
    ArrowDown: first(row.nextElementSibling),
  }[event.key];
  if (!event.key.startsWith('Arrow')) return;
  event.preventDefault();
  next?.focus();
}

/** @param {Element} row @param {HTMLElement} stop @param {number} by */
function beside(row, stop, by) {
  const all = stopsIn(row);
  return all[all.indexOf(stop) + by];
}

/** @param {Element | null} row */
function first(row) {
  return row ? stopsIn(row)[0] : undefined;
}

export function listenToKeys() {
  const story = byId('story');
  story.addEventListener('keydown', move);
  story.addEventListener('focusin', ({ target }) => {
    if (target instanceof HTMLElement && target.matches(stops)) makeTabStop(story, target);
  });
}
