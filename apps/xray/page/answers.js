/**
 * What came back on another connection: beside the request that asked for it, or, where there is
 * no room, in it. Frames that nobody asked for are rows of their own.
 *
 * @import { Exchange, Frame } from './types.d.ts'
 * @import { View } from './story.js'
 */
import { toggleDetail } from './detail.js';
import { button, el, say } from './dom.js';
import { page } from './page.js';
import { frameShown } from './steps.js';

/** @param {View} view */
export function drawAnswers(view) {
  const { exchange } = view.row;
  const away = exchange.calls.filter(({ to, frame }) => frame && to && to !== exchange);
  for (const { id, to, frame } of away)
    if (frame && to) drawFrame(view, boxOf(view, to, `Answer to JSON-RPC id ${id}`), to, frame);
  if (!exchange.isStream) return;
  const list = boxOf(view, exchange, 'First on this stream');
  for (const frame of shownOf(exchange)) drawFrame(view, list, exchange, frame);
}

const mostFrames = 4; // of a stream beside the answers: the endpoint, a retry, pings

/** @param {Exchange} exchange */
function shownOf({ frames }) {
  return frames.length <= mostFrames
    ? frames
    : [...frames.slice(0, 2), ...frames.slice(2 - mostFrames)];
}

/** @param {View} view */
export function drawTold(view) {
  const { told, exchange } = view.row;
  if (!told) return;
  view.element.classList.add('told');
  const what = told.rpc?.method ?? 'a message';
  drawFrame(view, boxOf(view, exchange, `Said unasked: ${what}`), exchange, told);
}

/**
 * One box a stream and title, with what joins it to the request on its left.
 * @param {View} view
 * @param {Exchange} stream
 * @param {string} title
 */
function boxOf(view, stream, title) {
  const known = view.came.get(title);
  if (known) return known;
  const list = el('ol', { class: 'frames' });
  const session = stream.session && page.shown.sessions.get(stream.session);
  const where = session ? `stream ${session.id}` : 'a stream';
  const head = el('p', { class: 'whence' }, el('b', {}, title), ` · ${where}`);
  const box = el('div', { class: 'box' }, head, list);
  if (session) box.style.setProperty('--hue', String(session.hue));
  view.right.append(box);
  view.came.set(title, list);
  return list;
}

/**
 * @param {View} view
 * @param {HTMLElement} list
 * @param {Exchange} exchange whose connection it came on
 * @param {Frame} frame
 */
export function drawFrame(view, list, exchange, frame) {
  const key = `frame ${frame.n}`;
  const known = view.came.get(key);
  const times = frame.times ? `   ×${frame.times}` : '';
  if (known) {
    if (times) say(known, frame.frame.trim() + times);
    return;
  }
  const text = el('span', {}, ...textOf(exchange, frame.frame.trim()));
  const shape = frame.rpc ? 'frame' : 'frame quiet';
  const open = button(shape, () => toggleDetail(view, open, frameShown(exchange, frame)), text);
  open.setAttribute('aria-expanded', 'false');
  open.tabIndex = -1;
  list.append(el('li', {}, open));
  view.came.set(key, text);
}

/**
 * In the endpoint event the prefix is marked: it is there because the app knows its rootPath.
 * @param {Exchange} exchange
 * @param {string} text
 */
function textOf({ rootPath }, text) {
  const [, before = '', rest] = /^(event: endpoint\ndata: )(.*)$/s.exec(text) ?? [];
  if (!rootPath || !rest?.startsWith(rootPath)) return [text];
  return [before, el('span', { class: 'prefix' }, rootPath), rest.slice(rootPath.length)];
}
