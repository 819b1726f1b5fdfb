/**
 * One stream for all tabs: browsers allow six connections to an origin, and each stream holds one.
 * The tab that holds the lock reads and passes on; when it goes, the next one has the lock.
 */
import { stayConnected } from './connection.js';
import { byId, say } from './dom.js';
import { askForToken, place } from './page.js';

const canShare = 'locks' in navigator && 'BroadcastChannel' in window;
const shared = `mcp-mount ${place.own}`;
const channel = canShare ? new BroadcastChannel(shared) : undefined;
const self = crypto.getRandomValues(new Uint32Array(2)).join('-');

/** @type {'joining' | 'leading' | 'following'} */
let role = 'joining';
let queued = false;
let connection = { state: 'starting', text: 'Starting' };

/** @type {{ take: (event: import('./connection.js').ServerEvent) => void, state: () => object | undefined }} */
let reader = { take() {}, state: () => undefined };

/**
 * `state` gives the events that bring another tab to where this one is.
 * @param {typeof reader} given
 */
export function goLive(given) {
  reader = given;
  channel?.addEventListener('message', ({ data }) => takeFromTab(data));
  channel?.postMessage({ type: 'join', from: self });
  queueForStream();
}

export function queueForStream() {
  if (queued) return;
  queued = true;
  const held = canShare ? navigator.locks.request(shared, lead) : lead();
  held.catch(error => setConnection('lost', `The page failed: ${error.message}`));
}

/** Without a token that is let in the lock is given up, so that another tab may try its own. */
async function lead() {
  role = 'leading';
  await stayConnected(`${place.own}/events`, {
    show: setConnection,
    take(event) {
      channel?.postMessage({ type: 'event', event });
      reader.take(event);
    },
  });
  role = 'joining';
  queued = false;
  setConnection('lost', 'Waiting for a token');
  askForToken();
}

/** @param {any} message of another tab of this page */
function takeFromTab(message) {
  if (message.type === 'join' && role === 'leading') sendState(message.from);
  if (role === 'leading') return;
  if (message.type === 'state' && message.to === self) takeState(message);
  if (message.type === 'event') takeSharedEvent(message.event);
  if (message.type === 'connection') showConnection(message);
}

/**
 * From the start of a stream on; a tab that comes later gets the state first.
 * @param {import('./connection.js').ServerEvent} event
 */
function takeSharedEvent(event) {
  if (event.name === 'hello') role = 'following';
  if (role === 'following') reader.take(event);
}

/** @param {string} to */
function sendState(to) {
  const events = reader.state();
  if (events) channel?.postMessage({ type: 'state', to, events, ...connection });
}

/** @param {{ events: import('./connection.js').ServerEvent[], state: string, text: string }} message */
function takeState({ events, state, text }) {
  role = 'following';
  for (const event of events) reader.take(event);
  showConnection({ state, text });
}

/** @param {string} state @param {string} text */
export function setConnection(state, text) {
  connection = { state, text };
  channel?.postMessage({ type: 'connection', state, text });
  showConnection(connection);
}

/** @param {{ state: string, text: string }} connection */
function showConnection({ state, text }) {
  byId('connection').dataset.state = state;
  say(
    byId('connection'),
    role !== 'leading' && state === 'live' ? 'Live, through another tab' : text,
  );
}
