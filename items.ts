/**
 * The list's web door: plain handlers over a Store, which server.ts puts on routes. Each takes
 * a store and returns a Handler; all refusals are RFC 9457 problems that say what to do.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import type { RouteAbout } from './apps/docs/openapi.ts';
import type { Handler } from './http/app.ts';
import { readJson } from './http/body.ts';
import { type Problem, sendProblem } from './http/problem.ts';
import {
  itemChangeSchema,
  itemIdSchema,
  itemSchema,
  newItemSchema,
  type Store,
  StoreFailure,
} from './store.ts';

const maxBytes = 64 * 1024; // an item is under 1 KiB; this leaves room for spaces

/** GET /items/ -> 200 Item[] */
export function listItems(store: Store): Handler {
  return orUnavailable(async (_req, res) => sendJson(res, 200, await store.list()));
}

/** POST /items/ NewItem -> 201 Item, Location */
export function addItem(store: Store): Handler {
  return orUnavailable(async (req, res) => {
    const wanted = await readAs(newItemSchema, req);
    if ('refusal' in wanted) return sendProblem(res, wanted.refusal);
    const item = await store.add(wanted.value);
    if (item === 'full') return sendProblem(res, listFull);
    // originalUrl holds the mount too, so this is right under any rootPath
    const collection = req.originalUrl.split('?', 1)[0]?.replace(/\/$/, '');
    res.setHeader('Location', `${collection}/${item.id}`);
    sendJson(res, 201, item);
  });
}

/** GET /items/:id -> 200 Item */
export function getItem(store: Store): Handler<'/items/:id'> {
  return orUnavailable(async (req, res) => {
    const item = await withId(req.params.id, id => store.get(id));
    return item ? sendJson(res, 200, item) : sendProblem(res, unknownItem(req.params.id));
  });
}

/** PATCH /items/:id ItemChange -> 200 Item */
export function updateItem(store: Store): Handler<'/items/:id'> {
  return orUnavailable(async (req, res) => {
    const change = await readAs(itemChangeSchema, req, mergePatch);
    if ('refusal' in change) return sendProblem(res, change.refusal);
    const item = await withId(req.params.id, id => store.update(id, change.value));
    return item ? sendJson(res, 200, item) : sendProblem(res, unknownItem(req.params.id));
  });
}

/** DELETE /items/:id -> 204 */
export function removeItem(store: Store): Handler<'/items/:id'> {
  return orUnavailable(async (req, res) => {
    const removed = await withId(req.params.id, id => store.remove(id));
    return removed ? res.writeHead(204).end() : sendProblem(res, unknownItem(req.params.id));
  });
}

/** The one place where what a store can't do for now becomes an answer. All else is a 500. */
function orUnavailable<Path extends string>(handler: Handler<Path>): Handler<Path> {
  return async (req, res) => {
    try {
      await handler(req, res);
    } catch (error) {
      if (!(error instanceof StoreFailure)) throw error;
      const { kind, message: detail, retryAfter } = error;
      const headers = retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) };
      sendProblem(res, { status: statusOf[kind], detail }, headers);
    }
  };
}

// No 502 to 504 for what may have been done: proxies send a request on after those.
const statusOf = { 'no-room': 507, busy: 503, away: 503, unsure: 500 };

const mergePatch = ['application/json', 'application/merge-patch+json']; // RFC 7396

const params = z.object({ id: itemIdSchema });
const failed = {
  500: 'The store failed; the log says why. Or it did not answer a write, which may have been made.',
  503: 'Where the list is kept is locked or away. With Retry-After, it is worth another try.',
};
const failedWrite = { ...failed, 507: 'There is no room to write; the list is as it was.' };
const unknown = { 404: 'No item has this id.' };
const badBody = {
  400: 'The body is not JSON or not UTF-8, or it is nested too deep.',
  413: 'The body is over 64 KiB.',
  415: 'The body is of another media type.',
  422: {
    description: 'Fields are wrong, missing or unknown.',
    schema: z.looseObject({
      errors: z.array(z.object({ field: z.string(), reason: z.string() })),
    }),
  },
};

/** What each handler takes and answers: for the documents, which read it off the routes. */
export const about = {
  listItems: {
    id: 'listItems',
    tool: 'get_items',
    summary: 'The list, oldest item first',
    answers: { 200: { description: 'Every item', schema: z.array(itemSchema) }, ...failed },
  },
  addItem: {
    id: 'addItem',
    tool: 'add_item',
    summary: 'Add an item',
    body: { schema: newItemSchema, example: { name: 'Oat milk', quantity: 2 } },
    answers: {
      201: {
        description: 'The item, with its id',
        schema: itemSchema,
        headers: { Location: 'Path of the new item' },
      },
      409: 'The list is full.',
      ...badBody,
      ...failedWrite,
    },
  },
  getItem: {
    id: 'getItem',
    summary: 'One item',
    params,
    answers: { 200: { description: 'The item', schema: itemSchema }, ...unknown, ...failed },
  },
  updateItem: {
    id: 'updateItem',
    tool: 'update_item',
    summary: 'Change an item; what is left out stays',
    params,
    body: { schema: itemChangeSchema, types: mergePatch, example: { purchased: true } },
    answers: {
      200: { description: 'The item as it is now', schema: itemSchema },
      ...unknown,
      ...badBody,
      ...failedWrite,
    },
  },
  removeItem: {
    id: 'removeItem',
    tool: 'remove_item',
    summary: 'Take an item off the list',
    params,
    answers: { 204: 'It is gone.', ...unknown, ...failedWrite },
  },
} satisfies Record<string, RouteAbout>;

const listFull: Problem = {
  status: 409,
  detail: 'The list is full. Remove an item first: DELETE /items/:id.',
};

function unknownItem(id: string): Problem {
  return { status: 404, detail: `No item has the id ${id}. GET /items/ lists the ids.` };
}

// '7' -> 7   '07', '7.0', '1e1', '0' -> no item: an id has one spelling
async function withId<T>(text: string, use: (id: number) => Promise<T>): Promise<T | undefined> {
  const id = itemIdSchema.safeParse(Number(text));
  return id.success && String(id.data) === text ? use(id.data) : undefined;
}

type Read<T> = { value: T } | { refusal: Problem };

async function readAs<Schema extends z.ZodType>(
  schema: Schema,
  req: IncomingMessage,
  types = ['application/json'],
): Promise<Read<z.output<Schema>>> {
  const body = await readJson(req, { maxBytes, types });
  if (!body.ok) return { refusal: { status: body.status, detail: body.detail } };
  const parsed = schema.safeParse(body.value);
  return parsed.success ? { value: parsed.data } : { refusal: wrongFields(parsed.error) };
}

/** 422 with each field and its reason. `field` is `''` for the body as a whole. */
function wrongFields(error: z.ZodError): Problem {
  const errors = error.issues.flatMap(issue =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map(key => ({ field: key, reason: 'There is no such field. Leave it out.' }))
      : [{ field: issue.path.join('.'), reason: issue.message }],
  );
  const list = errors.map(({ field, reason }) => `${field || 'body'}: ${reason}`).join('; ');
  return { status: 422, detail: `Mend these fields and send it again. ${list}`, errors };
}

function sendJson(res: ServerResponse, status: number, value: unknown): void {
  const body = JSON.stringify(value);
  const head = {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  };
  res.writeHead(status, head).end(body);
}
