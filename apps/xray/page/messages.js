/**
 * Messages and frames: which call an answer belongs to, on whichever connection it came.
 *
 * @import { Rpc } from '../wire-step.ts'
 * @import { Exchange, Frame, Join, Step, Trace } from './types.d.ts'
 */
import { addRow, keyOf, limits } from './rows.js';
import { keepLatest, sessionOf, unstick } from './sessions.js';

/**
 * @param {Trace} trace
 * @param {Exchange} exchange
 * @param {Step<'message'>} step
 * @param {Set<string>} changed
 */
export function takeMessage(trace, exchange, step, changed) {
  const { session, rpc, text } = step;
  const known = sessionOf(trace, session);
  if (known.stuck) unstick(trace, known, changed);
  if (rpc.method === 'initialize') known.client = clientIn(text) ?? known.client;
  if (rpc.id === undefined || rpc.method === undefined) return;
  const call = callOf(trace, session, rpc, 'client');
  call.from = exchange;
  call.call = step;
  if (exchange.calls.length < limits.steps) exchange.calls.push(call);
}

/**
 * An answer belongs to the call it answers, on whichever connection it came. What is said unasked
 * is a row of its own; what only keeps or opens the stream stays with the stream.
 * @param {Trace} trace
 * @param {Exchange} exchange
 * @param {Frame} frame
 * @param {Set<string>} changed
 */
export function takeFrame(trace, exchange, frame, changed) {
  const { session, rpc } = frame;
  if (rpc && rpc.method === undefined && rpc.id !== undefined && session !== undefined) {
    const call = callOf(trace, session, rpc, 'client');
    call.to = exchange;
    call.frame = frame;
    if (call.from) changed.add(keyOf(call.from));
    if (call.from && call.from !== exchange) return;
  }
  if (rpc && exchange.isStream)
    return addRow(trace, { key: `f${frame.n}`, order: frame.n, exchange, told: frame }, changed);
  addFrame(exchange, frame);
}

/**
 * The first stays, since it names the endpoint; of equal pings one stays, counted.
 * @param {Exchange} exchange
 * @param {Frame} frame
 */
function addFrame(exchange, frame) {
  const last = exchange.frames.at(-1);
  if (last && last.frame === frame.frame && frame.frame.startsWith(':')) {
    last.times = (last.times ?? 1) + (frame.times ?? 1);
    return;
  }
  exchange.frames.push(frame);
  if (exchange.frames.length <= limits.frames) return;
  exchange.frames.splice(1, 1);
  exchange.dropped++;
}

/**
 * A call and its answer have the session and the JSON-RPC id in common, and who asked.
 * @param {Trace} trace
 * @param {string} session
 * @param {Rpc} rpc
 * @param {'client' | 'server'} asker
 * @returns {Join}
 */
function callOf(trace, session, { id = '' }, asker) {
  const key = `${session} ${asker} ${typeof id} ${id}`;
  const known = trace.calls.get(key);
  // An id is used again once it is answered: that is another call.
  const call = known && !(known.frame && known.from) ? known : { session, id };
  keepLatest(trace.calls, key, call, limits.calls);
  return call;
}

/** @param {string} text */
function clientIn(text) {
  return /"clientInfo":\{[^}]*"name":"([^"\\]{1,60})"/.exec(text)?.[1];
}
