/**
 * Sessions of a trace: each by its shortened id, with a colour of its own.
 *
 * @import { ClosedStep, Stuck } from '../wire-step.ts'
 * @import { Exchange, Session, Trace } from './types.d.ts'
 */
import { keyOf, limits } from './rows.js';

// Neighbours differ; none is the prefix's purple, the rest's teal, or the red of what is refused.
const hues = [215, 32, 330, 95, 195, 55];

/**
 * @param {Trace} trace
 * @param {string} id
 * @returns {Session}
 */
export function sessionOf(trace, id) {
  const known = trace.sessions.get(id);
  if (known) return known;
  const session = { id, hue: hues[trace.sessionsSeen++ % hues.length] ?? 0 };
  keepLatest(trace.sessions, id, session, limits.sessions);
  return session;
}

/**
 * @param {Trace} trace
 * @param {Exchange} exchange
 * @param {string} id
 */
export function join(trace, exchange, id) {
  exchange.session = id;
  sessionOf(trace, id);
}

/**
 * @param {Trace} trace
 * @param {ClosedStep} step
 */
export function closeSession(trace, step) {
  const session = trace.sessions.get(step.session);
  if (!session || session.isClosed) return;
  session.isClosed = true;
  trace.closed.push(step);
  if (trace.closed.length > limits.sessions) trace.closed.shift();
}

/**
 * @param {Trace} trace
 * @param {Stuck} stuck
 * @param {Set<string>} [changed]
 */
export function markStuck(trace, stuck, changed = new Set()) {
  sessionOf(trace, stuck.session).stuck = stuck;
  touchSession(trace, stuck.session, changed);
}

/**
 * @param {Trace} trace
 * @param {Session} session
 * @param {Set<string>} changed
 */
export function unstick(trace, session, changed) {
  session.stuck = undefined;
  touchSession(trace, session.id, changed);
}

/**
 * @param {Trace} trace
 * @param {string} id
 * @param {Set<string>} changed
 */
function touchSession(trace, id, changed) {
  for (const exchange of trace.exchanges.values())
    if (exchange.session === id) changed.add(keyOf(exchange));
}

/**
 * As the last of a map that holds so many.
 * @template Key, Value
 * @param {Map<Key, Value>} map
 * @param {Key} key
 * @param {Value} value
 * @param {number} most
 */
export function keepLatest(map, key, value, most) {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= most) return;
    map.delete(oldest);
  }
}
