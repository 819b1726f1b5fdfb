/**
 * One request: its path, cut where the prefix comes off; its steps; what became of it.
 *
 * @import { Exchange, Join, Shown } from './types.d.ts'
 * @import { View } from './story.js'
 */
import { drawFrame } from './answers.js';
import { toggleDetail } from './detail.js';
import { button, clock, duration, el, say } from './dom.js';
import { page } from './page.js';
import { stepsOf, transportNames } from './steps.js';

/**
 * @param {Exchange} exchange
 * @param {HTMLElement} place
 */
export function newCard({ request: { method, target } }, place) {
  const path = el('span', { class: 'path' });
  const badge = el('span', { class: 'badge', hidden: true });
  const times = el('span', { class: 'times', hidden: true });
  const outcome = el('span', { class: 'outcome' });
  const head = el(
    'h2',
    { class: 'head', title: `${method} ${target}` },
    path,
    badge,
    times,
    outcome,
  );
  const way = el('div', {
    class: 'way',
    role: 'group',
    'aria-label': `The way of ${method} ${target}`,
  });
  const [calls, why, stuck, own] = [
    el('div'),
    el('p', { class: 'why' }),
    el('div'),
    el('ol', { class: 'own' }),
  ];
  place.append(el('article', { class: 'card' }, head, way, calls, why, stuck, own));
  return { path, badge, times, outcome, way, calls, why, stuck, own, lines: new Map() };
}

/** @param {View} view */
export function drawCard(view) {
  const { card, row } = view;
  const { exchange } = row;
  if (!card) return;
  const { refused, bypassed } = exchange;
  const isBad = refused !== undefined || bypassed.length > 0 || statusOf(exchange) >= 400;
  view.element.classList.toggle('bad', isBad);
  drawPath(card.path, exchange);
  for (; view.done < exchange.steps.length; view.done++) {
    const step = exchange.steps[view.done];
    if (step) for (const shown of stepsOf(exchange, step)) card.way.append(stepButton(view, shown));
  }
  drawBadge(card.badge, exchange);
  card.times.hidden = exchange.times < 2;
  say(card.times, `×${exchange.times}`);
  card.outcome.replaceChildren(...outcomeOf(exchange));
  drawCalls(view, card);
  say(card.why, [refused?.detail ?? [], bypassed].flat().join(' '));
  drawStuck(card.stuck, exchange);
  drawOwn(view, card.own);
}

/** @param {Exchange} exchange */
function statusOf({ answered }) {
  return answered && 'status' in answered ? answered.status : 0;
}

/**
 * '/mcp' | '/messages' | '?sessionId=…': only the query is ever shortened.
 * @param {HTMLElement} place
 * @param {Exchange} exchange
 */
function drawPath(place, { request, prefixes, rest }) {
  const known = JSON.stringify([prefixes, rest]);
  if (place.dataset.known === known) return;
  place.dataset.known = known;
  const whole = prefixes.length > 0 && rest !== undefined ? rest : request.target;
  const [, path = '', query = ''] = /^([^?]*)(.*)$/s.exec(whole) ?? [];
  place.replaceChildren(
    el('span', { class: 'verb' }, request.method),
    ...prefixes.flatMap(prefix => [
      el('span', { class: 'prefix', 'data-part': 'rootPath' }, prefix),
      el(
        'span',
        { class: 'cut', title: 'here the router takes the prefix off' },
        el('span', { class: 'unseen' }, ' cut off, and left is '),
      ),
    ]),
    el('span', { class: prefixes.length > 0 ? 'rest' : 'uncut', 'data-part': 'url' }, path),
    ...(query ? [el('span', { class: 'query' }, query)] : []),
  );
}

/** @param {View} view @param {Shown} shown */
function stepButton(view, shown) {
  const { what, value, spoken, kind } = shown;
  const parts = [
    el('span', { class: 'what' }, what),
    el('span', { class: 'value', ...(spoken && { 'aria-label': spoken, role: 'img' }) }, value),
  ];
  if (kind === 'ghost') return el('span', { class: 'step ghost' }, ...parts);
  const step = button(`step ${kind ?? ''}`, () => toggleDetail(view, step, shown), ...parts);
  step.setAttribute('aria-expanded', 'false');
  step.tabIndex = -1;
  return step;
}

/** @param {HTMLElement} badge @param {Exchange} exchange */
function drawBadge(badge, exchange) {
  const text = transportOf(exchange);
  badge.hidden = text === undefined;
  say(badge, text ?? '');
}

/** @param {Exchange} exchange */
function transportOf({ session, isStream, route }) {
  if (session === undefined) return undefined;
  const transport = page.shown.sessions.get(session)?.transport;
  if (transport !== undefined) return transportNames[transport];
  if (route === 'POST /messages' || (isStream && route === 'GET /sse')) return transportNames.sse;
  return route?.endsWith(' /') ? transportNames.streamable : undefined;
}

/** @param {Exchange} exchange */
function outcomeOf({ answered, isStream, request }) {
  if (!answered) return [isStream ? `open since ${clock(request.at)}` : 'under way'];
  if (!('status' in answered)) return ['ended unseen'];
  const { status, ms, whole } = answered;
  if (isStream && status === 200) return [`closed after ${duration(ms)}`];
  const code = el('span', { class: status < 400 ? 'status' : 'status bad' }, String(status));
  return [code, ` ${whole ? '' : 'cut off '}${duration(ms)}`];
}

/**
 * A line for each call in it: what it is called by, and where its answer is.
 * @param {View} view
 * @param {NonNullable<View['card']>} card
 */
function drawCalls({ row: { exchange } }, card) {
  for (const call of exchange.calls) {
    const words = card.lines.get(call) ?? newLine(call);
    if (!card.lines.has(call)) card.calls.append(words.parentElement);
    card.lines.set(call, words);
    say(words, answerWords(exchange, call));
  }
}

/** @param {Join} call */
function newLine({ id }) {
  const words = el('span', { class: 'muted' });
  el('p', { class: 'call' }, el('span', { class: 'chip' }, `JSON-RPC id ${id}`), words);
  return words;
}

/** @param {Exchange} exchange @param {Join} join */
function answerWords(exchange, { to, call, frame }) {
  if (!to || !frame) return exchange.answered ? 'no answer seen' : 'waits for its answer';
  const after = call ? ` after ${duration(Math.max(0, frame.at - call.at))}` : '';
  return to === exchange
    ? `answered on this connection${after}`
    : `answered on the open stream${after}`;
}

/** @param {HTMLElement} place @param {Exchange} exchange */
function drawStuck(place, { isStream, answered, session }) {
  const known = session === undefined ? undefined : page.shown.sessions.get(session);
  const stuck = isStream && !answered ? known?.stuck : undefined;
  if (!stuck === (place.childElementCount === 0)) return;
  place.replaceChildren();
  if (!stuck) return;
  const causes = stuck.causes.map(cause => el('li', {}, cause));
  const said = 'Stuck? The stream is open, but no message came within seconds. Likely:';
  place.append(el('div', { class: 'stuck' }, said, el('ul', {}, ...causes)));
}

/** What came back on the request's own connection; a stream's stands on the right. @param {View} view @param {HTMLElement} list */
function drawOwn(view, list) {
  const { exchange } = view.row;
  if (exchange.isStream) return;
  for (const frame of exchange.frames) drawFrame(view, list, exchange, frame);
}
