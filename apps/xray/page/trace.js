/**
 * What is known of the requests: the model, without a document. Steps go in, in the order in which
 * they happened; out come rows, in which a call and its answer are one.
 *
 * @import { ClosedStep, MountTree, WireStep } from '../wire-step.ts'
 * @import { Exchange, Request, Step, Trace } from './types.d.ts'
 */
import { takeFrame, takeMessage } from './messages.js';
import { addRow, fold, keyOf, limits } from './rows.js';
import { closeSession, join, sessionOf } from './sessions.js';

/** @returns {Trace} */
export function newTrace() {
  return {
    exchanges: new Map(),
    rows: new Map(),
    sessions: new Map(),
    calls: new Map(),
    sessionsSeen: 0,
    skipped: {},
    counts: {},
    closed: [],
  };
}

/**
 * Adds a step, and says which rows it changed. One that comes twice, with a stream that begins
 * again, counts once.
 * @param {Trace} trace
 * @param {WireStep | ClosedStep} step
 * @param {Set<string>} [changed] keys of rows
 */
export function apply(trace, step, changed = new Set()) {
  if (step.kind === 'closed') return closeSession(trace, step);
  if (step.kind === 'request' && !trace.exchanges.has(step.exchange)) add(trace, step, changed);
  const exchange = trace.exchanges.get(step.exchange);
  if (!exchange || step.n <= exchange.lastN) return;
  exchange.lastN = step.n;
  if ('session' in step && step.session !== undefined) join(trace, exchange, step.session);
  if (step.kind !== 'frame' && (exchange.steps.length < limits.steps || step.kind === 'answered'))
    exchange.steps.push(step);
  changed.add(keyOf(exchange));
  take(trace, exchange, step, changed);
}

/**
 * @param {Trace} trace
 * @param {Exchange} exchange
 * @param {WireStep} step
 * @param {Set<string>} changed
 */
function take(trace, exchange, step, changed) {
  if (step.kind === 'matched') takeMatch(trace, exchange, step);
  if (step.kind === 'refused') exchange.refused = { ...step, at: step.by };
  if (step.kind === 'relayed') exchange.relayed = step;
  if (step.kind === 'bypassed') exchange.bypassed.push(step.detail);
  if (step.kind === 'opened') sessionOf(trace, step.session).transport = step.transport;
  if (step.kind === 'stream') takeStream(trace, exchange);
  if (step.kind === 'message') takeMessage(trace, exchange, step, changed);
  if (step.kind === 'frame') takeFrame(trace, exchange, step, changed);
  if (step.kind === 'answered') {
    exchange.answered = step;
    fold(trace, exchange, changed);
  }
}

/**
 * @param {Trace} trace
 * @param {Request} request
 * @param {Set<string>} changed
 */
function add(trace, request, changed) {
  /** @type {Exchange} */
  const exchange = {
    id: request.exchange,
    request,
    steps: [],
    frames: [],
    calls: [],
    prefixes: [],
    rootPath: '',
    isStream: false,
    bypassed: [],
    times: request.times ?? 1,
    dropped: 0,
    lastN: 0,
    place: trace.tree,
  };
  trace.exchanges.set(exchange.id, exchange);
  addRow(trace, { key: keyOf(exchange), order: request.n, exchange }, changed);
}

/**
 * @param {Trace} trace
 * @param {Exchange} exchange
 * @param {Step<'matched'>} step
 */
function takeMatch(trace, exchange, step) {
  exchange.rest = step.url;
  if (step.by === 'mount') {
    exchange.rootPath = step.rootPath;
    if (step.name !== '/') exchange.prefixes.push(step.name);
    exchange.place = placeBelow(exchange.place ?? trace.tree, step.name);
  }
  if (step.by === 'route') exchange.route = step.name;
  if (step.by === 'refused')
    exchange.refused = {
      by: 'router',
      status: step.status ?? 0,
      detail: step.detail ?? '',
      at: 'router',
    };
}

/**
 * What lies outside the tree counts as its root.
 * @param {MountTree | undefined} here
 * @param {string} name
 */
function placeBelow(here, name) {
  if (!here) return undefined;
  const path = here.rootPath + (name === '/' ? '' : name);
  return here.mounts.find(({ rootPath }) => rootPath === path) ?? here;
}

/** @param {MountTree | undefined} place */
export const isMcp = place => place?.routes.some(({ path }) => path === '/sse') ?? false;

/**
 * @param {Trace} trace
 * @param {Exchange} exchange
 */
function takeStream(trace, exchange) {
  exchange.isStream = exchange.request.method === 'GET';
  if (exchange.isStream && exchange.route?.endsWith('/sse') && exchange.session)
    sessionOf(trace, exchange.session).transport = 'sse';
}
