/** Traces as files: saved, dropped on the page, opened. */
import { button, byId, el } from './dom.js';
import { loadSources, note, page, place } from './page.js';
import { readTrace, saved, traceOf } from './saved.js';
import { redraw } from './story.js';
import { drawTree } from './tree.js';

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
