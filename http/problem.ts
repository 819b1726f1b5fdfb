/**
 * Refusals and failures as RFC 9457 problems.
 *
 * Of mcp-mount, MIT.
 */
import { channel } from 'node:diagnostics_channel';
import { type ServerResponse, STATUS_CODES } from 'node:http';

/** RFC 9457. `detail` says what to do; further members are extensions. */
export interface Problem {
  status: number;
  detail: string;
  [extension: string]: unknown;
}

/** What `problemSent` carries. */
export interface ProblemEvent {
  res: ServerResponse;
  problem: Problem;
}

/** Published when a problem is the answer, so that a trace can say why. */
export const problemSent = channel('mcp-mount:router:problem-sent');

/** Answers with `application/problem+json`. */
export function sendProblem(
  res: ServerResponse,
  problem: Problem,
  headers: Record<string, string> = {},
): void {
  if (problemSent.hasSubscribers) problemSent.publish({ res, problem });
  const title = STATUS_CODES[problem.status] ?? 'Error';
  const body = JSON.stringify({ type: 'about:blank', title, ...problem });
  const head = {
    'Content-Type': 'application/problem+json',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  };
  res.writeHead(problem.status, { ...head, ...headers }).end(body);
}

/** For an app that threw: 500 before headers, the end of the connection after. Never a stack. */
export function sendFailure(res: ServerResponse): void {
  if (res.writableEnded) return; // answered whole before it threw
  if (res.headersSent) return void res.destroy();
  // What the handler had set described another body; what a guard set still holds.
  for (const name of res.getHeaderNames())
    if (!/^(access-control-|vary)/.test(name)) res.removeHeader(name);
  sendProblem(res, { status: 500, detail: 'The server failed on this request. Its log says why.' });
}
