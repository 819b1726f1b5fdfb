/**
 * The one way by which the apps of the tests are served: held to the mount contract, and all that
 * is mounted in them. A breach changes nothing in a test. It fails the file, which tells of all.
 */
import type { App } from '../http/app.ts';
import { type Breach, contract } from '../http/contract.ts';
import { listen as listenAsIs } from '../http/listen.ts';
import { routerIn } from '../http/near.ts';

/** http/listen.ts's, of an app that is held. */
export const listen: typeof listenAsIs = (app, ...rest) => listenAsIs(held(app), ...rest);

export function held(app: App): App {
  for (const entry of routerIn(app)?.list() ?? []) {
    // A listing is its router's own, and nobody's to write to; here nothing is served yet.
    if (entry.kind === 'mount') entry.app = held(entry.app);
  }
  const onBreach = others.has(app) ? () => {} : note;
  const contracted = contracts.get(app) ?? contract(app, { onBreach, patienceMs });
  contracts.set(app, contracted).set(contracted, contracted);
  return contracted;
}

/**
 * An app of others that is no test of the contract: what Express and connect break of it stands in
 * examples/hosts/README.md. What of ours is in it has to be held where it is put in.
 */
export function theirs<Theirs extends App>(app: Theirs): Theirs {
  others.add(app);
  return app;
}

const patienceMs = 10_000; // the machine may be busy
const others = new WeakSet<App>();
const contracts = new WeakMap<App, App>();
const breaches: Breach[] = [];

function note(breach: Breach): void {
  if (breaches.push(breach) > 1) return;
  process.on('exit', () => {
    for (const { stack } of breaches) console.error(stack);
    process.exitCode = 1;
  });
}
