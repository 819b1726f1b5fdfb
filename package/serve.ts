/** `mcp-mount/serve`: sockets, time-outs, signals. Loads no other package. */
export {
  ListenError,
  listen,
  type Running,
  stopOnSignal,
  type Timeouts,
  timeoutDefaults,
} from '../http/listen.ts';
