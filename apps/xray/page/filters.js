/**
 * Which rows are shown: of one session, of one kind, of one path.
 *
 * @import { Exchange, Row } from './types.d.ts'
 */
import { byId, el } from './dom.js';
import { page } from './page.js';
import { transportNames } from './steps.js';
import { isMcp } from './trace.js';

/** @param {Row} row */
export function isWanted({ exchange }) {
  const session = byId('session', 'select').value;
  if (session !== '' && session !== (exchange.session ?? 'none')) return false;
  const path = byId('path', 'input').value.trim();
  if (path !== '' && !exchange.request.target.includes(path)) return false;
  return isOfKind(exchange, byId('kind', 'select').value);
}

/** @param {Exchange} exchange @param {string} kind */
function isOfKind({ place, session, refused, bypassed, answered }, kind) {
  const speaksMcp = isMcp(place) || session !== undefined; // behind a proxy no place says so
  if (kind === 'mcp') return speaksMcp;
  if (kind === 'web') return !speaksMcp;
  if (kind !== 'bad') return true;
  return (
    refused !== undefined ||
    bypassed.length > 0 ||
    (answered !== undefined && 'status' in answered && answered.status >= 400)
  );
}

let drawn = '';

export function drawSessions() {
  const select = byId('session', 'select');
  const options = [
    ['', 'all'],
    ['none', 'none: plain web'],
    ...[...page.shown.sessions.values()].map(({ id, transport = '', client }) => [
      id,
      [id, transportNames[transport], client].filter(Boolean).join(' · '),
    ]),
  ];
  const text = JSON.stringify(options);
  if (text === drawn) return;
  drawn = text;
  const chosen = select.value;
  select.replaceChildren(
    ...options.map(([value = '', words = '']) => el('option', { value }, words)),
  );
  select.value = options.some(([value]) => value === chosen) ? chosen : '';
}

/** @param {() => void} redraw */
export function onFilter(redraw) {
  for (const id of ['session', 'kind']) byId(id, 'select').addEventListener('change', redraw);
  byId('path', 'input').addEventListener('input', redraw);
}
