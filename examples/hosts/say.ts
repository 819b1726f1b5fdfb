/** Where a host listens, for whoever started it with PORT=0: the one thing here you will not need. */
import type { Server } from 'node:net';

export function say(server: Server, scheme = 'http'): void {
  const address = server.address();
  if (typeof address === 'string') console.log(address);
  else if (address) console.log(`${scheme}://localhost:${address.port}`);
}
