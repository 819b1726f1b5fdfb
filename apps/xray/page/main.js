/**
 * The page: every request on its way through the mount. What arrives over the network is shown as
 * text only, never as markup.
 *
 * @import { Batch, ClosedStep, Hello, WireStep } from '../wire-step.ts'
 * @import { ServerEvent } from './connection.js'
 */
import { listenToCalls, nameCalls } from './calls.js';
import { byId, el, say } from './dom.js';
import { drawSessions, onFilter } from './filters.js';
import { listenToKeys } from './keys.js';
import { ask, authorization, onToken, page, place } from './page.js';
import { nothingPassed, showProxied } from './proxied.js';
import { limits } from './rows.js';
import { saved } from './saved.js';
import { markStuck } from './sessions.js';
import { alsoDraw, changed, redraw, schedule } from './story.js';
import { goLive, queueForStream, setConnection } from './tabs.js';
import { apply, isMcp, newTrace } from './trace.js';
import { listenToFiles, openTrace } from './trace-files.js';
import { drawCounts, drawTree } from './tree.js';

/** @type {(WireStep | ClosedStep)[] | undefined} steps that came while paused */
let waiting;
/** @type {{ take(state: unknown): void } | undefined} what the server put beside the requests */
let beside;
/** @type {unknown} */
let besideState;

/** What any event of the stream does to this page. @param {ServerEvent} event */
function take({ name, data }) {
  if (name === 'hello') takeHello(data);
  if (name === 'past') takePast(data.steps);
  if (name === 'steps') takeBatch(data);
  if (name === 'stuck') markStuck(page.live, data, changed);
  if (name === 'panel') {
    besideState = data;
    beside?.take(data);
  }
  schedule();
}

/** @param {Hello} hello */
function takeHello(hello) {
  const { live } = page;
  page.hello = hello;
  // The numbers of steps start anew with the server, and so does the picture.
  if (live.run !== undefined && live.run !== hello.run) clear();
  Object.assign(live, { run: hello.run, tree: hello.tree, counts: hello.counts });
  document.body.classList.toggle('off', !hello.xray);
  if (page.shown === live) drawTree();
  byId('node').hidden = hello.node === undefined;
  say(byId('node'), hello.node ?? '');
  showPlaces(hello);
  nameCalls();
}

/** @param {Hello} hello */
function showPlaces({ tree, proxied }) {
  const mcp = tree.mounts.find(isMcp)?.rootPath;
  link('connect', mcp === undefined ? undefined : mcp || '/');
  link('docs', tree.routes.find(({ path }) => path === '/docs')?.path);
  byId('to-panel').hidden = !place.panel;
  if (proxied) return showProxied(proxied);
  byId('legend').hidden = mcp === undefined;
  if (mcp === undefined) return;
  const prefix = (/** @type {string} */ text) => el('code', { class: 'prefix' }, text);
  byId('title').replaceChildren('How requests meet the mount at ', prefix(mcp || '/'));
  byId('legend').replaceChildren(
    'The router takes ',
    prefix(mcp || 'nothing'),
    ' off and the app behind it sees only ',
    el('code', { class: 'rest' }, 'the rest'),
    '; over SSE a POST gets a mere receipt, 202, and its answer comes on the stream that the client holds open: another connection.',
  );
}

/** @param {string} id @param {string | undefined} path */
function link(id, path) {
  const anchor = byId(id, 'a');
  anchor.hidden = path === undefined;
  if (path !== undefined) anchor.href = place.root + path;
}

/** What is kept as the stream begins, or begins again; the rest ended unseen. @param {(WireStep | ClosedStep)[]} steps */
function takePast(steps) {
  const known = new Set(steps.map(step => ('exchange' in step ? step.exchange : 0)));
  for (const exchange of page.live.exchanges.values())
    if (!exchange.answered && !known.has(exchange.id)) {
      exchange.answered = { unseen: true, n: exchange.lastN };
      changed.add(`e${exchange.id}`);
    }
  for (const step of steps) apply(page.live, step, changed);
}

/** @param {Batch} batch */
function takeBatch({ steps, skipped, counts }) {
  const { live } = page;
  Object.assign(live, { counts });
  for (const [key, times] of Object.entries(skipped))
    live.skipped[key] = (live.skipped[key] ?? 0) + times;
  if (!waiting) for (const step of steps) apply(live, step, changed);
  else {
    waiting.push(...steps);
    waiting.splice(0, Math.max(0, waiting.length - limits.waiting));
    showPaused();
  }
  schedule(Object.keys(skipped).length > 0);
}

/** Forgets what is over, or all. @param {boolean} [keepOpen] */
function clear(keepOpen = false) {
  const { live } = page;
  const open = keepOpen
    ? saved(live).steps.filter(
        step => !('exchange' in step) || !live.exchanges.get(step.exchange)?.answered,
      )
    : [];
  const { run, tree, sources, counts } = live;
  Object.assign(live, newTrace(), { run, tree, sources, counts });
  for (const step of open) apply(live, step, changed);
  redraw();
}

function togglePause() {
  const steps = waiting;
  waiting = steps ? undefined : [];
  for (const step of steps ?? []) apply(page.live, step, changed);
  showPaused();
  schedule();
}

function showPaused() {
  const button = byId('pause', 'button');
  button.setAttribute('aria-pressed', String(waiting !== undefined));
  const requests = waiting?.filter(({ kind }) => kind === 'request').length ?? 0;
  say(button, waiting ? `Paused${requests > 0 ? ` (${requests})` : ''}` : 'Pause');
}

function drawRush() {
  const all = Object.entries(page.shown.skipped).sort(([, a], [, b]) => b - a);
  const sum = all.reduce((total, [, times]) => total + times, 0);
  byId('rush').hidden = sum === 0;
  const most = all.slice(0, 3).map(([key, times]) => `${key} ×${times.toLocaleString('en')}`);
  say(
    byId('rush'),
    sum === 0
      ? ''
      : `${sum.toLocaleString('en')} more came too fast to be drawn; they are counted: ${most.join(', ')}${all.length > 3 ? ' …' : ''}`,
  );
}

function drawEmpty() {
  const isEmpty = byId('story').childElementCount === 0;
  byId('empty').hidden = !isEmpty;
  if (!isEmpty) return;
  const { hello, shown } = page;
  const hasRows = shown.rows.size > 0;
  say(
    byId('empty'),
    hasRows ? 'Nothing that passed fits this choice of session, kind and path.' : emptyWords(hello),
  );
}

/** @param {Hello | undefined} hello */
function emptyWords(hello) {
  if (hello && !hello.xray) return hello.why ?? 'The x-ray is switched off on this server.';
  if (hello?.proxied) return nothingPassed(hello.proxied);
  return `Nothing has passed yet. Press “Make an SSE call”, run npm run client in a terminal, or give a client this URL: ${location.origin}${place.root}${page.live.tree?.mounts.find(isMcp)?.rootPath ?? ''}`;
}

async function loadPanel() {
  if (!place.panel) return;
  const { mount } = await import(`${place.own}/${place.panel}`);
  const box = byId('panel', 'details');
  box.hidden = false;
  box.open = matchMedia('(min-width: 72rem)').matches;
  beside = mount(byId('panel-body'), {
    root: place.root,
    ask,
    title: (/** @type {string} */ text) => say(byId('panel-title'), text),
  });
  if (besideState !== undefined) beside?.take(besideState);
}

/** For a tab that comes later. @returns {ServerEvent[] | undefined} */
function state() {
  if (!page.hello) return undefined;
  const trace = saved(page.live);
  const steps = [...trace.steps, ...(waiting ?? [])]; // a pause is this tab's own
  const { skipped, counts, stuck } = trace;
  return [
    { name: 'hello', data: page.hello },
    { name: 'past', data: { steps } },
    { name: 'steps', data: { steps: [], skipped, counts } },
    ...stuck.map(data => ({ name: 'stuck', data })),
    ...(besideState === undefined ? [] : [{ name: 'panel', data: besideState }]),
  ];
}

async function showFile() {
  setConnection('file', 'A saved trace');
  const response = await fetch(`${place.own}/${place.trace}`, { headers: authorization() });
  openTrace('trace.json', await response.text());
}

for (const draw of [drawSessions, drawRush, drawEmpty, drawCounts]) alsoDraw(draw);
listenToKeys();
listenToFiles();
listenToCalls();
onFilter(redraw);
onToken(queueForStream);
byId('pause').addEventListener('click', togglePause);
byId('clear').addEventListener('click', () => clear(true));
await loadPanel();
drawEmpty();
if (place.trace) await showFile();
else goLive({ take, state });
