/**
 * What the proxy tells beside what the MCP app does (apps/mcp/channels.ts): how the upstream answered,
 * and what in its answer leads past a proxy.
 */
import { channel } from 'node:diagnostics_channel';
import type { ServerResponse } from 'node:http';

/** Carried by `relayed`: the head of the upstream's answer has come. */
export interface RelayedEvent {
  res: ServerResponse;
  /** Its origin. */
  upstream: string;
  status: number;
  /** Since it was asked. */
  ms: number;
  /** Where it redirects to, as it says. */
  location?: string;
}
/** Published once a request, when the upstream has answered it. */
export const relayed = channel('mcp-mount:proxy:relayed');

/** Carried by `bypassed`. */
export interface BypassedEvent {
  res: ServerResponse;
  /** What leads elsewhere than back to the proxy, and what to do. */
  detail: string;
}
/** Published where an endpoint event or a redirect would take clients past the proxy. */
export const bypassed = channel('mcp-mount:proxy:bypassed');
