/**
 * What every part of the page shares: where the server is, and the trace that is shown.
 *
 * @import { Trace } from './types.d.ts'
 */
import { byId } from './dom.js';
import { newTrace } from './trace.js';

const { root = '', own = '', panel = '', trace = '' } = document.documentElement.dataset;

/** Paths: of the router that is looked at, of the x-ray's own app, of what the server adds. */
export const place = { root, own, panel, trace };

/** @type {{ live: Trace, shown: Trace, hello?: import('../wire-step.ts').Hello }} */
export const page = { live: newTrace(), shown: newTrace() };
page.shown = page.live;

const tokenKey = 'mcp-mount token';

/** @returns {Record<string, string>} */
export function authorization() {
  const token = sessionStorage.getItem(tokenKey);
  return token ? { Authorization: `Bearer ${token}` } : {};
}

/**
 * Resolves to what the server sent; rejects with what its refusal says to do.
 * @param {string} method
 * @param {string} path from the root of the origin
 * @param {unknown} [body]
 */
export async function ask(method, path, body) {
  const headers = {
    ...authorization(),
    ...(body !== undefined && { 'Content-Type': 'application/json' }),
  };
  const init = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) };
  const response = await fetch(path, init).catch(() => undefined);
  if (!response) throw new Error('The server does not answer. Is it running?');
  if (response.status === 401) askForToken();
  if (!response.ok) throw new Error(await detailOf(response));
  return response.status === 204 ? undefined : response.json();
}

/** RFC 9457 @param {Response} response @returns {Promise<string>} */
export async function detailOf(response) {
  const problem = await response.json().catch(() => ({}));
  return problem.detail ?? `The server answered ${response.status}.`;
}

export function askForToken() {
  byId('token').hidden = false;
}

/** @param {() => void} go what to do once there is one */
export function onToken(go) {
  byId('token').addEventListener('submit', event => {
    event.preventDefault();
    const secret = byId('secret', 'input');
    sessionStorage.setItem(tokenKey, secret.value.trim());
    secret.value = '';
    byId('token').hidden = true;
    go();
  });
}

/**
 * @param {string} text '' hides it
 * @param {...Node} more
 */
export function note(text, ...more) {
  byId('note').hidden = text === '';
  byId('note').replaceChildren(text, ...more);
}

export async function loadSources() {
  if (page.shown !== page.live) return;
  page.live.sources ??= await ask('GET', `${place.own}/sources`).catch(() => undefined);
}
