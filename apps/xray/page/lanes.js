/**
 * The streams that were open while a row happened, as lines that run beside the rows, each in the
 * colour of its session. They are drawn within the rows, so nothing need be measured.
 *
 * @import { Exchange } from './types.d.ts'
 * @import { View } from './story.js'
 */
import { el } from './dom.js';
import { page } from './page.js';

const mostLanes = 4;

/** @type {Map<Exchange, number>} */
const lanes = new Map();

/** @param {Exchange} exchange */
export function forgetLane(exchange) {
  lanes.delete(exchange);
}

/** @param {Iterable<View>} views */
export function drawLanes(views) {
  const streams = [...page.shown.exchanges.values()].filter(({ isStream }) => isStream);
  for (const stream of streams)
    if (!lanes.has(stream)) lanes.set(stream, freeLane(streams, stream));
  for (const view of views) drawIn(view, streams);
}

/** @param {Exchange[]} streams @param {Exchange} stream */
function freeLane(streams, stream) {
  const taken = new Set(
    streams
      .filter(other => other !== stream && isOpenAt(other, stream.request.n))
      .map(other => lanes.get(other)),
  );
  for (let lane = 0; lane < mostLanes; lane++) if (!taken.has(lane)) return lane;
  return mostLanes - 1;
}

/** @param {Exchange} stream @param {number} order */
function isOpenAt({ request, answered }, order) {
  return request.n <= order && (!answered || answered.n > order);
}

/** @param {View} view @param {Exchange[]} streams */
function drawIn({ row, lanes: place }, streams) {
  const open = streams.filter(stream => isOpenAt(stream, row.order));
  const answering = new Set(row.told ? [row.exchange] : row.exchange.calls.map(({ to }) => to));
  const marks = open.map(stream => {
    const starts = stream === row.exchange && !row.told;
    const shape = `lane${starts ? ' starts' : ''}${answering.has(stream) ? ' answers' : ''}`;
    return { shape, lane: lanes.get(stream) ?? 0, hue: hueOf(stream) };
  });
  const known = JSON.stringify(marks);
  if (place.dataset.known === known) return;
  place.dataset.known = known;
  place.replaceChildren(...marks.map(laneOf));
}

/** @param {{ shape: string, lane: number, hue: number }} mark */
function laneOf({ shape, lane, hue }) {
  const line = el('i', { class: shape });
  line.style.setProperty('--lane', String(lane));
  line.style.setProperty('--hue', String(hue));
  return line;
}

/** @param {Exchange} stream */
function hueOf({ session }) {
  return (session && page.shown.sessions.get(session)?.hue) || 0;
}
