/**
 * Traces as files: saved, dropped on the page, opened.
 *
 * @import { MountTree, WireStep } from '../wire-step.ts'
 * @import { Saved, Trace } from './types.d.ts'
 */
import { button, byId, el } from './dom.js';
import { loadSources, note, page, place } from './page.js';
import { markStuck } from './sessions.js';
import { redraw } from './story.js';
import { apply, newTrace } from './trace.js';
import { drawTree } from './tree.js';

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
  const steps = exchanges.flatMap(({ request, steps, frames }) => [request, ...steps, ...frames]);
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

async function save() {
  await loadSources();
  const text = JSON.stringify(saved(page.shown), null, 1);
  const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  el('a', { href: url, download: 'trace.json' }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000); // by then the browser has it
}

/** @param {string} name @param {string} text */
export function openTrace(name, text) {
  const content = readTrace(text);
  if (!content) return note(`${name} is not a trace that this page saved.`);
  page.shown = traceOf(content);
  drawTree();
  redraw();
  const back = button('button', backToLive, 'Back to live');
  note(`This is ${name}, not what happens now.`, ...(place.trace ? [] : [back]));
}

function backToLive() {
  page.shown = page.live;
  note('');
  drawTree();
  redraw();
  byId('pause').focus();
}

/** A file may come from anybody: what has not the shape of a step is left out. @param {string} text @returns {Saved | undefined} */
function readTrace(text) {
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

export function listenToFiles() {
  const input = byId('open', 'input');
  byId('export').addEventListener('click', save);
  input.addEventListener('change', async () => {
    const [file] = input.files ?? [];
    if (file) openTrace(file.name, await file.text());
    input.value = '';
  });
  const dropping = (/** @type {boolean} */ on) => document.body.classList.toggle('dropping', on);
  addEventListener('dragover', event => {
    event.preventDefault();
    dropping(true);
  });
  addEventListener('dragleave', ({ relatedTarget }) => !relatedTarget && dropping(false));
  addEventListener('drop', async event => {
    event.preventDefault();
    dropping(false);
    const [file] = event.dataTransfer?.files ?? [];
    if (file) openTrace(file.name, await file.text());
  });
}
