/** `mcp-mount/guard`: apps around apps. Loads no other package. */
export {
  type Auth,
  type BearerOptions,
  bearer,
  type CorsOptions,
  cors,
  type HostGuardOptions,
  hostGuard,
  isLoopback,
  type ProtectedResource,
  protectedResource,
  type RefusedEvent,
  refused,
  staticTokens,
  tokenGuard,
  type Verify,
} from '../guard.ts';
