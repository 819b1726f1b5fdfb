import { once } from 'node:events';
import { createServer } from 'node:net';

/** A port at which nobody listens, for a program that is started a moment later. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0);
  await once(probe, 'listening');
  const address = probe.address();
  await new Promise(done => probe.close(done));
  if (typeof address !== 'object' || !address) throw new Error('The probe has no port.');
  return address.port;
}
