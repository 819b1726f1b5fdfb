/**
 * A browser's 404 as a page, with what is near as links; everybody else gets the problem. Around
 * one router, inside whatever guards it, so that nobody sees more than the router would tell:
 *
 *     router.mount('/mcp', guarded(lostPage(mcp)))
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Match, Mounted, Refused, Router } from '../http/app.ts';
import { isHeard, publish } from '../http/channels.ts';
import { escapeHtml, prefersHtml } from '../http/html.ts';
import { answers, listingIn, type Near, nearest, type Refuser, refusal } from '../http/near.ts';
import { problemSent } from '../http/problem.ts';
import { rootPath } from '../router.ts';
import { sendPlainPage } from './plain-page.ts';

export function lostPage(router: Router): Router {
  const serve = (req: Mounted, res: ServerResponse, next?: () => void): Promise<void> => {
    const match = next || !isNavigation(req) ? undefined : router.match('GET', req.url ?? '');
    return match && isLost(match) ? sendLost(router, match, req, res) : router(req, res, next);
  };
  return Object.assign(serve, router);
}

function isNavigation({ method, headers }: IncomingMessage): boolean {
  return (method === 'GET' || method === 'HEAD') && prefersHtml(headers.accept);
}

type Lost = Match & Refused & { status: 404 };

function isLost(match: Match): match is Lost {
  return match.kind === 'refused' && match.status === 404;
}

function sendLost(
  router: Router,
  match: Lost,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const refuser = { method: 'GET', rootPath: rootPath(req), entries: router.list() };
  const detail = refusal(match, refuser);
  // The router's place is taken, so those who listen are told as it would tell them.
  if (isHeard()) publish({ req, res, ...refuser, match });
  if (problemSent.hasSubscribers)
    problemSent.publish({ res, problem: { status: match.status, detail } });
  const body = bodyOf(detail, placesToGo(match, refuser));
  return sendPlainPage(res, match.status, { title: 'Nothing answers here', body });
}

/** What is near; or else what lists the others. */
function placesToGo(match: Lost, refuser: Refuser): Near[] {
  const near = nearest(match, refuser);
  const listing = listingIn(refuser.entries);
  if (near.length > 0 || !listing) return near;
  return [{ path: refuser.rootPath + listing.path, methods: [listing.method] }];
}

function bodyOf(detail: string, places: Near[]): string {
  const items = places.map(place => `<li>${linkTo(place)}</li>`);
  const list = items.length > 0 ? `<ul>${items.join('')}</ul>` : '';
  return `<h1>404: nothing answers here</h1>\n<p>${escapeHtml(detail)}</p>\n${list}`;
}

/** Of what a click could not ask for, its name alone: another method, a path with params. */
function linkTo(place: Near): string {
  const path = escapeHtml(place.path);
  if (answers(place, 'GET') && !place.path.includes('/:')) return `<a href="${path}">${path}</a>`;
  return `<code>${escapeHtml([place.methods.join(' or '), place.path].join(' ').trim())}</code>`;
}
