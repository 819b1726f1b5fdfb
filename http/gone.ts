/**
 * When a response is over: all of it was sent, or its client has left. For everybody who keeps
 * something for as long as a response is open: a session, a viewer, a timer, a count.
 *
 *     viewers.add(res);
 *     onGone(res, () => viewers.delete(res));
 *
 * `res.once('close')` does not do. In Node 20 and 22 a response that was pipelined behind another
 * one emits nothing when the connection ends before its turn; its socket does, in all versions.
 *
 * Of mcp-mount, MIT.
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Whether nothing that is written to `res` from now on reaches anybody. */
export function isGone(res: ServerResponse): boolean {
  return res.closed || res.req.socket.destroyed;
}

/**
 * Whether `res` can be read by its client, as soon as that is known: an HTTP/1.1 connection answers
 * its requests one after the other, so one behind a stream waits until that ends. Asked before
 * something is opened: it would be kept for nobody.
 */
export async function hasTurn(res: ServerResponse): Promise<boolean> {
  if (isGone(res) || res.socket) return !isGone(res);
  return new Promise(tell => {
    res.once('socket', () => tell(true));
    onGone(res, () => tell(false));
  });
}

/** Calls `gone` once, when `res` is over; before it returns, if `res` is over already. */
export function onGone(res: ServerResponse, gone: () => void): void {
  if (isGone(res)) return void gone();
  if (res.socket) return void whenClosed(res, gone); // it has its turn, and hears of its one end
  const waiting = waitingOn(res.req.socket);
  const once = () => {
    if (waiting.delete(once)) gone();
  };
  waiting.add(once);
  res.once('close', once);
}

type Gone = () => void;
const waitingOnIt = Symbol('waiting for the end of a response');

/** One listener on a response, however many wait for it: at eleven Node warns of a leak. */
function whenClosed(res: ServerResponse & { [waitingOnIt]?: Gone[] }, gone: Gone): void {
  if (res[waitingOnIt]) return void res[waitingOnIt].push(gone);
  const waiting = [gone];
  res[waitingOnIt] = waiting;
  res.on('close', () => {
    for (const one of waiting) one();
  });
}

const pipelined = new WeakMap<Socket, Set<Gone>>();

/** The same for a socket, on which responses wait for their turn. */
function waitingOn(socket: Socket): Set<Gone> {
  const known = pipelined.get(socket);
  if (known) return known;
  const waiting = new Set<Gone>();
  pipelined.set(socket, waiting);
  socket.once('close', () => {
    for (const gone of waiting) gone();
  });
  return waiting;
}
