/**
 * A trace as plain JSON and back. What a file holds is looked at: it may come from anybody. Pure.
 *
 * @import { MountTree, WireStep } from '../wire-step.ts'
 * @import { Saved, Trace } from './types.d.ts'
 */
import { markStuck } from './sessions.js';
import { apply, newTrace } from './trace.js';

const format = 'mcp-mount trace 2';

/** All that is shown, as plain JSON; of no use to anyone who wants in. @param {Trace} trace @returns {Saved} */
export function saved(trace) {
  const {
    tree = { rootPath: '', routes: [], mounts: [] },
    sources,
    skipped,
    counts,
    closed,
  } = trace;
  const exchanges = [...trace.exchanges.values()];
  const frames = [...trace.rows.values()].flatMap(({ told }) => told ?? []);
  const answers = [...trace.calls.values()].flatMap(({ from, to, frame }) =>
    frame && from && from !== to ? [frame] : [],
  );
  const steps = exchanges.flatMap(({ request, times, steps, frames }) => [
    ...steps,
    ...frames,
    times > 1 ? { ...request, times } : request, // in place of the one among its steps
  ]);
  const unique = new Map([...steps, ...frames, ...answers].map(step => [step.n, step]));
  const stuck = [...trace.sessions.values()].flatMap(({ stuck }) => stuck ?? []);
  return {
    format,
    tree,
    sources,
    skipped,
    counts,
    stuck,
    steps: [...unique.values(), ...closed].sort((a, b) => a.n - b.n),
  };
}

/** @param {Saved} content @returns {Trace} */
export function traceOf({ tree, sources, skipped, counts, steps, stuck }) {
  const trace = { ...newTrace(), tree, sources, skipped, counts };
  for (const step of steps) apply(trace, step);
  for (const mark of stuck) markStuck(trace, mark);
  return trace;
}

/** What has not the shape of a step is left out. @param {string} text @returns {Saved | undefined} */
export function readTrace(text) {
  try {
    const content = JSON.parse(text);
    if (content.format !== format || !isTree(content.tree)) return undefined;
    const { skipped = {}, counts = {} } = content;
    const steps = content.steps.filter(isStep);
    return { ...content, skipped, counts, steps, stuck: (content.stuck ?? []).filter(isStuck) };
  } catch {
    return undefined;
  }
}

/** @type {Record<string, Record<string, string>>} */
const shapes = {
  request: { method: 'string', target: 'string', headers: 'object' },
  matched: { by: 'string', name: 'string', rootPath: 'string', url: 'string' },
  refused: { by: 'string', status: 'number', detail: 'string' },
  opened: { session: 'string', transport: 'string' },
  stream: {},
  message: { session: 'string', rpc: 'object', text: 'string' },
  frame: { frame: 'string' },
  relayed: { upstream: 'string', status: 'number', ms: 'number' },
  bypassed: { detail: 'string' },
  answered: { status: 'number', ms: 'number' },
};

/** @param {any} step whatever the file holds @returns {step is WireStep} */
function isStep(step) {
  if (step?.kind === 'closed')
    return typeof step.session === 'string' && typeof step.n === 'number';
  const shape = Object.hasOwn(shapes, step?.kind) ? shapes[step.kind] : undefined;
  if (
    shape === undefined ||
    !fits(step, { exchange: 'number', n: 'number', at: 'number', ...shape })
  )
    return false;
  return step.kind !== 'matched' || ['mount', 'route', 'options', 'refused'].includes(step.by);
}

/** @param {any} value @param {Record<string, string>} shape */
function fits(value, shape) {
  return Object.entries(shape).every(
    ([name, type]) => value[name] !== null && typeof value[name] === type,
  );
}

/** @param {any} tree whatever the file holds @returns {tree is MountTree} */
function isTree(tree) {
  if (!fits(tree, { rootPath: 'string', routes: 'object', mounts: 'object' })) return false;
  const isRoute = (/** @type {unknown} */ route) =>
    fits(route, { method: 'string', path: 'string' });
  return tree.routes.every(isRoute) && tree.mounts.every(isTree);
}

/** @param {any} mark whatever the file holds */
function isStuck(mark) {
  return typeof mark?.session === 'string' && Array.isArray(mark.causes);
}
