/**
 * The rows of a trace, oldest first, and how many are kept.
 *
 * @import { Exchange, Row, Trace } from './types.d.ts'
 */

/** However long it runs and whatever comes: this much is kept, the oldest goes first. */
export const limits = {
  rows: 300,
  openStreams: 50, // of those, kept longer than what has ended
  frames: 200, // of one exchange
  steps: 60, // of one exchange beside its frames: a batch of calls may hold more
  waiting: 3_000, // steps while paused
  calls: 600,
  sessions: 60,
};

/** @param {Exchange} exchange */
export const keyOf = exchange => `e${exchange.id}`;

/**
 * @param {Trace} trace
 * @param {Row} row
 * @param {Set<string>} changed
 */
export function addRow(trace, row, changed) {
  trace.rows.set(row.key, row);
  changed.add(row.key);
  const open = [...trace.exchanges.values()].filter(isOpenStream);
  if (open.length > limits.openStreams && open[0]) forget(trace, keyOf(open[0]), changed);
  if (trace.rows.size > limits.rows) forget(trace, oldestToGo(trace), changed);
}

/** @param {Exchange} exchange */
export const isOpenStream = ({ isStream, answered }) => isStream && !answered;

/** @param {Trace} trace */
function oldestToGo(trace) {
  for (const { key, exchange, told } of trace.rows.values())
    if (told || !isOpenStream(exchange)) return key;
  return trace.rows.keys().next().value ?? '';
}

/**
 * @param {Trace} trace
 * @param {string} key
 * @param {Set<string>} changed
 */
export function forget(trace, key, changed) {
  const row = trace.rows.get(key);
  trace.rows.delete(key);
  changed.add(key);
  if (!row || row.told) return;
  trace.exchanges.delete(row.exchange.id);
  for (const call of row.exchange.calls) if (call.from === row.exchange) delete call.from;
}

/**
 * Equal requests in a row are one, counted.
 * @param {Trace} trace
 * @param {Exchange} exchange
 * @param {Set<string>} changed
 */
export function fold(trace, exchange, changed) {
  if (!isPlain(exchange)) return;
  const keys = [...trace.rows.keys()];
  const key = keys[keys.indexOf(keyOf(exchange)) - 1];
  const before = key === undefined ? undefined : trace.rows.get(key);
  if (!before || before.told || !isPlain(before.exchange)) return;
  if (sameness(before.exchange) !== sameness(exchange)) return;
  before.exchange.times += exchange.times;
  before.exchange.answered = exchange.answered;
  changed.add(before.key);
  forget(trace, keyOf(exchange), changed);
}

/** @param {Exchange} exchange */
function isPlain({ session, answered, frames }) {
  return session === undefined && answered !== undefined && frames.length === 0;
}

/** @param {Exchange} exchange */
function sameness({ request, answered, refused }) {
  const status = answered && 'status' in answered ? answered.status : 0;
  return `${request.method} ${request.target} ${status} ${refused?.by}`;
}
