/** `mcp-mount/serve`: sockets, time-outs, signals. Loads no other package. @module */
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
