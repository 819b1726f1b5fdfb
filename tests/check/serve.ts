/** The faulty server as a process: `tsx tests/check/serve.ts PORT [FAULT…]` */
import { faultyServer } from './faulty.ts';

const [port, ...faults] = process.argv.slice(2);
const server = faultyServer({ faults }).listen(Number(port), '127.0.0.1');

const graceMs = 6_000; // past what `check` lets a server take

process.once('SIGTERM', () => {
  server.close(() => process.exit(0)); // waits for whoever holds a stream
  if (faults.includes('stops')) setTimeout(() => process.exit(0), graceMs);
  else server.closeAllConnections();
});
