/**
 * What the page says where it stands before another server: whose requests are shown, how clients
 * come by here, and what is changed on the way.
 *
 * @import { Proxied } from '../wire-step.ts'
 */
import { byId, el } from './dom.js';
import { place } from './page.js';

/** @param {Proxied} proxied */
export function showProxied({ upstream, path }) {
  byId('title').replaceChildren('What passes to ', code(upstream));
  byId('legend').hidden = false;
  byId('legend').replaceChildren(
    'Give clients ',
    code(here(path)),
    ' in the place of ',
    code(upstream + path),
    `. Nothing is held back, and nothing changed but Host, which names the upstream, and what is each connection’s own (RFC 9110, 7.6.1). A foreign Host or Origin is refused here, since the upstream sees another Host and can’t judge.`,
  );
  byId('try').hidden = true; // what is harmless there nobody here knows
  byId('hint').hidden = true;
}

/** @param {Proxied} proxied */
export function nothingPassed({ path }) {
  return `Nothing has passed yet. Give a client this URL: ${here(path)}`;
}

/** @param {string} path */
function here(path) {
  return location.origin + place.root + path;
}

/** @param {string} text */
function code(text) {
  return el('code', { class: 'rest' }, text);
}
