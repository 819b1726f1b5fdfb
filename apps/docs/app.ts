/**
 * The documents of a router: what it answers, for programs and for people. Both are Apps that
 * take one path, so server.ts puts them on routes, and each behind the guard it needs.
 *
 *     GET /openapi.json   -> the OpenAPI 3.1 document
 *     GET /docs           -> a page that shows it, with a form to send each request
 *
 * FastAPI does both unasked.
 */
import { z } from 'zod';
import type { App, Router } from '../../http/app.ts';
import { htmlPage } from '../../http/html.ts';
import { rootPath } from '../../router.ts';
import { type DocsOptions, type Json, openapiOf, type RouteAbout } from './openapi.ts';

/** GET /openapi.json. Its one server is the root path that the request came by. */
export function openapi(router: Router, options: DocsOptions): App {
  let written: { entries: number; document: Json } | undefined;

  // Turning the schemas takes milliseconds, and routes are only ever added.
  function current(): Json {
    const entries = router.list().length;
    if (written?.entries !== entries) written = { entries, document: openapiOf(router, options) };
    return written.document;
  }

  return (req, res) => {
    const servers = [{ url: rootPath(req) || '/' }];
    const body = JSON.stringify({ ...current(), servers }, null, 2);
    res.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-cache' });
    res.end(body);
  };
}

/** GET /docs. Shows no secret: it asks for the document, with a token where one is needed. */
export function docsPage(): App {
  return htmlPage(new URL('docs.html', import.meta.url));
}

/** What these two routes say of themselves. */
export const about = {
  openapi: {
    id: 'openapi',
    summary: 'This document',
    answers: {
      200: { description: 'OpenAPI 3.1', schema: z.looseObject({ openapi: z.string() }) },
    },
  },
  docsPage: { ...pageAbout('docs', 'A page that shows this document'), listing: true },
} satisfies Record<string, RouteAbout>;

/** What a route says of itself that answers with an HTML page, open to all. */
export function pageAbout(id: string, summary: string): RouteAbout {
  return { id, summary, open: true, answers: { 200: { description: 'HTML', type: 'text/html' } } };
}
