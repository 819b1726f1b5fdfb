/**
 * Loaded into the server before it starts: tells the soak, over the process channel, what the
 * server itself has no reason to tell.
 */
import { subscribe } from 'node:diagnostics_channel';
import { setImmediate as turn } from 'node:timers/promises';

/** Taken right after a collection. */
export interface Measure {
  /** Bytes. */
  heapUsed: number;
  /** Connections. */
  sockets: number;
  /** Responses that something still holds. */
  responses: number;
}

let responses = 0;
const collected = new FinalizationRegistry<undefined>(() => responses--);

// Not their 'close', which is what a response that is held for good may lack.
subscribe('http.server.request.start', event => {
  const { response } = event as { response: object }; // what Node documents for this channel
  responses++;
  collected.register(response, undefined);
});

process.on('message', () => void measure().then(tell));
process.channel?.unref(); // the server is to end as it does without

async function measure(): Promise<Measure> {
  for (let rounds = 0; rounds < 3; rounds++) {
    globalThis.gc?.(); // there with --expose-gc
    await turn(); // for what collected() has to say
  }
  const resources = process.getActiveResourcesInfo();
  const sockets = resources.filter(resource => resource === 'TCPSocketWrap').length;
  return { heapUsed: process.memoryUsage().heapUsed, sockets, responses };
}

function tell(measured: Measure): void {
  process.send?.(measured);
}
