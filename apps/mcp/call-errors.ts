/**
 * What this app answers a call with by itself, where the server's own answer can't be had. The
 * codes are of the range that JSON-RPC leaves to implementations; `data` is for programs.
 *
 * Of mcp-mount, MIT.
 */
import type { JSONRPCErrorResponse, RequestId } from '@modelcontextprotocol/sdk/types.js';

const answerLost = -32_010;
const tooManyCalls = -32_011;

/** In place of an answer that is missed and not kept: told nothing, a client waits for it. */
export function lostAnswer(id: RequestId): JSONRPCErrorResponse {
  const message =
    'The call was carried out, but its answer was lost with the connection and is no longer kept. ' +
    'Call again if you need it.';
  return errorFor(id, answerLost, message, { reason: 'answer-lost' });
}

export function refusedCall(id: RequestId, maxCallsInFlight: number): JSONRPCErrorResponse {
  const message =
    `The call was not carried out: ${maxCallsInFlight} calls of this session are in flight. ` +
    'Call again once some of them are answered.';
  return errorFor(id, tooManyCalls, message, { reason: 'too-many-calls', maxCallsInFlight });
}

function errorFor(
  id: RequestId,
  code: number,
  message: string,
  data: object,
): JSONRPCErrorResponse {
  return { jsonrpc: '2.0', id, error: { code, message, data } };
}
