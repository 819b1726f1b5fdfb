/** Calls from the page, so that there is something to see: over both transports, and one that misses. */
import { eventsIn } from './connection.js';
import { byId, say } from './dom.js';
import { authorization, page, place } from './page.js';
import { isMcp } from './trace.js';

const version = '2025-06-18';
const lookMs = 2_500; // the stream stays open so long after its answer, to be looked at
const patienceMs = 10_000;

const initialize = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: version,
    capabilities: {},
    clientInfo: { name: 'this page', version: '1' },
  },
};
const initialized = { jsonrpc: '2.0', method: 'notifications/initialized' };

function call() {
  const tool = page.hello?.tool;
  return tool
    ? { jsonrpc: '2.0', id: 2, method: 'tools/call', params: tool }
    : { jsonrpc: '2.0', id: 2, method: 'tools/list' };
}

/** Path of the MCP app. */
function mcp() {
  return place.root + (page.live.tree?.mounts.find(isMcp)?.rootPath ?? '/mcp');
}

/** @param {string} url @param {unknown} message @param {Record<string, string>} [headers] */
async function post(url, message, headers = {}) {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      'Mcp-Protocol-Version': version,
      ...authorization(),
      ...headers,
    },
    body: JSON.stringify(message),
  });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response;
}

/** The stream first: it says where to post, and every answer comes on it. */
async function callOverSse() {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), patienceMs);
  const headers = { Accept: 'text/event-stream', ...authorization() };
  const response = await fetch(`${mcp()}/sse`, { headers, signal: stop.signal });
  if (!response.ok || !response.body) throw new Error(`${mcp()}/sse answered ${response.status}`);
  const events = eventsIn(response.body);
  const next = async () => (await events.next()).value?.data ?? '';
  try {
    const endpoint = new URL(await next(), response.url).href;
    for (const message of [initialize, call()]) {
      await post(endpoint, message);
      await next();
      if (message === initialize) await post(endpoint, initialized);
    }
    await new Promise(done => setTimeout(done, lookMs));
  } finally {
    clearTimeout(timer);
    stop.abort();
  }
}

/** Each answer comes on the connection that asked. */
async function callOverHttp() {
  const url = mcp() || '/';
  const first = await post(url, initialize);
  const session = { 'Mcp-Session-Id': first.headers.get('Mcp-Session-Id') ?? '' };
  await first.text();
  await post(url, initialized, session);
  await (await post(url, call(), session)).text();
  await fetch(url, { method: 'DELETE', headers: { ...authorization(), ...session } });
}

/** It begins like the mount, but is another segment. */
async function askNear() {
  await fetch(`${mcp()}${mcp() === place.root ? '/' : ''}x`, { headers: authorization() });
}

/** @param {string} id @param {() => Promise<void>} go */
function onClick(id, go) {
  const button = byId(id, 'button');
  button.addEventListener('click', async () => {
    button.disabled = true;
    say(byId('try-said'), '');
    const end = await go().then(
      () => '',
      error => `That failed: ${error.message}`,
    );
    say(byId('try-said'), end);
    button.disabled = false;
  });
}

/** What no page can send: a line to copy. */
function foreign() {
  const origin = location.origin.replace(/^http:\/\//, '');
  return `curl -H 'Host: evil.example' ${origin}${place.root}${firstPath()}`;
}

function firstPath() {
  const route = page.live.tree?.routes.find(
    ({ method, path }) => method === 'GET' && path !== '/' && !path.includes(':'),
  );
  return route?.path ?? '/';
}

export function nameCalls() {
  say(byId('ask-near'), `Ask ${mcp()}${mcp() === place.root ? '/' : ''}x`);
  const code = byId('foreign').querySelector('code');
  if (code) say(code, foreign());
}

export function listenToCalls() {
  onClick('call-sse', callOverSse);
  onClick('call-http', callOverHttp);
  onClick('ask-near', askNear);
  byId('foreign')
    .querySelector('button')
    ?.addEventListener('click', async () => {
      await navigator.clipboard?.writeText(foreign());
      say(byId('try-said'), 'Copied. Run it in a terminal.');
    });
}
