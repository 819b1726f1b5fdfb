/**
 * The rows on the page, newest first: on the left what was asked, on the right what came back on a
 * stream that is open. Drawn at most once a frame, and only what changed.
 *
 * @import { Row } from './types.d.ts'
 */
import { drawAnswers, drawTold } from './answers.js';
import { drawCard, newCard } from './card.js';
import { byId, el } from './dom.js';
import { isWanted } from './filters.js';
import { keepTabStop } from './keys.js';
import { drawLanes, forgetLane } from './lanes.js';
import { page } from './page.js';

/** @typedef {ReturnType<typeof newView>} View */

/** @type {Map<string, View>} */
const views = new Map();
/** @type {Set<string>} */
export const changed = new Set();
let isScheduled = false;
let isCrowded = false;

/** @type {(() => void)[]} */
const others = [];

/** @param {() => void} draw is called with each drawing */
export function alsoDraw(draw) {
  others.push(draw);
}

const crowdedMs = 400; // between drawings while more comes than is shown: leaves the machine alone

/** @param {boolean} [crowded] */
export function schedule(crowded = false) {
  isCrowded = crowded;
  if (isScheduled) return;
  isScheduled = true;
  if (isCrowded) setTimeout(() => requestAnimationFrame(draw), crowdedMs);
  else requestAnimationFrame(draw);
}

function draw() {
  isScheduled = false;
  for (const key of changed) drawRow(key);
  changed.clear();
  for (const other of others) other();
  drawLanes(views.values());
  keepTabStop(byId('story'));
}

/** Everything anew: another trace, another filter. */
export function redraw() {
  for (const { element } of views.values()) element.remove();
  views.clear();
  changed.clear();
  for (const key of page.shown.rows.keys()) changed.add(key);
  schedule();
}

/** @param {string} key */
function drawRow(key) {
  const row = page.shown.rows.get(key);
  const view = views.get(key);
  if (!row || !isWanted(row)) {
    view?.element.remove();
    views.delete(key);
    if (!row && view) forgetLane(view.row.exchange);
    return;
  }
  const drawn = view ?? insert(row);
  const session = row.exchange.session && page.shown.sessions.get(row.exchange.session);
  if (session) drawn.element.style.setProperty('--hue', String(session.hue));
  drawn.element.classList.toggle('has-session', Boolean(session));
  if (row.told) return drawTold(drawn);
  drawCard(drawn);
  drawAnswers(drawn);
}

/** @param {Row} row */
function insert(row) {
  const view = newView(row);
  views.set(row.key, view);
  const older = [...views.values()].filter(one => one.row.order < row.order);
  const next = older.reduce(
    (/** @type {View | undefined} */ best, one) =>
      best && best.row.order > one.row.order ? best : one,
    undefined,
  );
  byId('story').insertBefore(view.element, next?.element ?? null);
  return view;
}

/** @param {Row} row */
function newView(row) {
  const left = el('div', { class: 'asked' });
  const lanes = el('div', { class: 'lanes', 'aria-hidden': 'true' });
  const right = el('div', { class: 'came' });
  const detail = el('div', { class: 'detail' });
  const element = el('li', { class: 'row', 'data-key': row.key }, left, lanes, right, detail);
  const card = row.told ? undefined : newCard(row.exchange, left);
  return { row, element, left, lanes, right, detail, card, came: new Map(), done: 0 };
}
