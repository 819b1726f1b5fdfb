/**
 * A refusal both kinds of reader understand: an RFC 9457 problem for people and web clients that
 * is a JSON-RPC error without an id as well, which the MCP specification lets a body be
 * (2025-11-25, transports, "Sending Messages to the Server").
 *
 * Of mcp-mount, MIT.
 */
import type { ServerResponse } from 'node:http';
import { ErrorCode } from '@modelcontextprotocol/sdk/types.js';
import { discard } from '../../http/body.ts';
import { sendProblem } from '../../http/problem.ts';
import { type StrayedEvent, strayed } from './channels.ts';
import { nodeOf } from './nodes.ts';

export function refuse(
  res: ServerResponse,
  status: number,
  detail: string,
  headers: Record<string, string> = {},
  code: number = ErrorCode.InvalidRequest,
): void {
  const error = { code, message: detail };
  discard(res.req);
  sendProblem(res, { status, detail, jsonrpc: '2.0', error, id: null }, headers);
}

const retryAfterSeconds = '5';

/** 503: no room, or stopping. The client may come again. */
export function refuseForNow(res: ServerResponse, detail: string): void {
  refuse(res, 503, detail, { 'Retry-After': retryAfterSeconds }, ErrorCode.InternalError);
}

/** A conflict() of the sessions: 400 for what is the client's fault, 503 for what is not. */
export function refuseConflict(
  res: ServerResponse,
  { status, detail }: { status: number; detail: string },
): void {
  if (status === 503) refuseForNow(res, detail);
  else refuse(res, status, detail);
}

const sessionNotFound = -32001; // the code the SDK's servers use, which some clients look for

export const unknownSession = 'There is no such session; it may have ended. Connect again.';

/**
 * 404 exactly: clients start anew on 404 and give up on 400. With the id that was asked for and the
 * name of this node, one that is another node's is told so.
 */
export function refuseUnknownSession(res: ServerResponse, sessionId = '', here?: string): void {
  const node = nodeOf(sessionId);
  const isOurs = node === undefined || node === here;
  if (!isOurs && strayed.hasSubscribers) publishStray({ sessionId, node, req: res.req });
  refuse(res, 404, isOurs ? unknownSession : elsewhere(node, here), {}, sessionNotFound);
}

function publishStray(event: StrayedEvent): void {
  strayed.publish(event);
}

function elsewhere(node: string, here = 'another, without a name'): string {
  return `This session is on the node ${node}, and this is ${here}: that one is down, or the proxy does not go by its name. Connect again.`;
}
