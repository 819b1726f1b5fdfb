/**
 * `mcp-mount/xray`: the page, the log and the watchdog for anybody's router; a proxy for anybody's server.
 *
 *     router.mount('/xray', xray(router))
 *
 * @module
 */
export { proxyApp } from '../apps/proxy/app.ts';
export {
  type BypassedEvent,
  bypassed,
  type RelayedEvent,
  relayed,
} from '../apps/proxy/channels.ts';
export { type Xray, type XrayOptions, xray } from '../apps/xray/app.ts';
export { accessLog, type LogFormat } from '../apps/xray/log.ts';
export type { Panel } from '../apps/xray/panel.ts';
export type { MoreSources } from '../apps/xray/sources.ts';
export { type StuckSession, watchHandshakes } from '../apps/xray/watchdog.ts';
export type { Proxied } from '../apps/xray/wire-step.ts';
