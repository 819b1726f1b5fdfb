/** `mcp-mount/serve`: sockets, time-outs, signals. Loads no other package. */
export {
  ListenError,
  listen,
  type Running,
  type Stoppable,
  stopOnSignal,
  stopServer,
  type Timeouts,
  timeoutDefaults,
} from '../http/listen.ts';
