/**
 * What a router answers, as an OpenAPI 3.1 document: its routes from its own listing, their
 * schemas as zod turns them into JSON schema. All that a route has to say is the third argument
 * it was registered with, so this documents any router. FastAPI: get_openapi().
 */
import { STATUS_CODES } from 'node:http';
import { z } from 'zod';
import type { About, Route, Router } from '../../http/app.ts';

/** What a route may say of itself. */
export interface RouteAbout extends About {
  /** One word, unlike any other route's: what generated clients call it. */
  id?: string;
  summary: string;
  description?: string;
  /** Of the path's params; each is a string where this is left out. */
  params?: z.ZodObject;
  body?: BodyAbout;
  answers?: Answers;
  /** Answered without a token, where the others ask for one. */
  open?: boolean;
  /** Name of the MCP tool that does the same. */
  tool?: string;
}

export interface BodyAbout {
  schema: z.ZodType;
  /** Media types taken: `['application/json']` unless told. */
  types?: string[];
  example?: unknown;
}

/** By status. A string is the description of one without a JSON body, or of a plain problem. */
export type Answers = Record<number, string | AnswerAbout>;

export interface AnswerAbout {
  description: string;
  /** Of the JSON body; for a problem, of what it has beside RFC 9457's own members. */
  schema?: z.ZodType;
  /** Media type of a body that is not JSON. */
  type?: string;
  /** What each header that comes with it says. */
  headers?: Record<string, string>;
}

/** An MCP tool as it is registered. */
export interface ToolAbout {
  title: string;
  description: string;
  inputSchema: z.ZodType;
  outputSchema: z.ZodType;
  annotations: object;
}

export interface DocsOptions {
  title: string;
  version: string;
  /** Whether a hostGuard stands in front of the router. */
  hostGuard?: boolean;
  /** Whether routes that are not `open` ask for a bearer token. */
  bearer?: boolean;
  /** MCP tools over the same schemas, and where their app is mounted. */
  mcp?: { mount: string; tools: Record<string, ToolAbout> };
}

/** An object of a JSON document. */
export type Json = Record<string, unknown>;

/** @throws when two different schemas have one title */
export function openapiOf(router: Router, options: DocsOptions): Json {
  const { title, version, bearer = false, mcp } = options;
  const book = schemaBook();
  const standing = standingAnswers(options);
  const paths: Record<string, Json> = {};
  const mounts: string[] = [];
  for (const entry of router.list()) {
    if (entry.kind === 'mount') mounts.push(entry.prefix || '/');
    else addTo(paths, entry, operationOf(entry, { book, standing, bearer }));
  }
  const tools = mcp && toolsOf(mcp.tools, book);
  return {
    openapi: '3.1.1',
    info: { title, version },
    ...(bearer && { security: [{ bearer: [] }] }),
    paths,
    components: {
      schemas: book.components,
      responses: responsesOf(standing, book),
      ...(bearer && { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } }),
    },
    'x-mounts': mounts, // what has routes of its own, which this does not list
    ...(mcp && { 'x-mcp': { mount: mcp.mount, tools } }),
  };
}

function addTo(paths: Record<string, Json>, { method, path }: Route, operation: Json): void {
  const template = path.replace(/:(\w+)/g, '{$1}');
  paths[template] = { ...paths[template], [method.toLowerCase()]: operation };
}

interface Context {
  book: SchemaBook;
  standing: Record<number, AnswerAbout>;
  bearer: boolean;
}

function operationOf(route: Route, { book, standing, bearer }: Context): Json {
  // The router carries `about` unread; whoever documents a route writes it for this app.
  const about = route.about as Partial<RouteAbout>;
  const { id = idOf(route), summary, description, body, open = false, tool } = about;
  const parameters = parametersOf(route, about, book);
  return {
    operationId: id,
    ...(summary !== undefined && { summary }),
    ...(description !== undefined && { description }),
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: bodyOf(body, book) }),
    responses: {
      ...refsTo(standing, open),
      ...(about.answers ? responsesTo(about.answers, book) : notDescribed),
    },
    ...(bearer && open && { security: [] }),
    ...(tool !== undefined && { 'x-mcp-tool': tool }),
  };
}

const notDescribed = { default: { description: 'The route does not say what it answers.' } };

// 'GET', '/items/:id' -> 'get_items_id'
function idOf({ method, path }: Route): string {
  const words = path.split(/\W+/).filter(Boolean);
  return [method.toLowerCase(), ...words].join('_');
}

function parametersOf({ path }: Route, { params }: Partial<RouteAbout>, book: SchemaBook): Json[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => {
    const schema = params?.shape[name];
    return {
      name,
      in: 'path',
      required: true,
      schema: schema ? book.json(schema as z.ZodType, 'input') : { type: 'string' }, // zod's core type
    };
  });
}

function bodyOf({ schema, types = ['application/json'], example }: BodyAbout, book: SchemaBook) {
  const media = { schema: book.json(schema, 'input'), ...(example !== undefined && { example }) };
  return { required: true, content: Object.fromEntries(types.map(type => [type, media])) };
}

/** Whatever the path, these may answer first: the router itself, and the guards around it. */
function standingAnswers({ hostGuard, bearer }: DocsOptions): Record<number, AnswerAbout> {
  return {
    400: { description: 'Its path or its Host is malformed, or can be read in two ways.' },
    ...(bearer && { 401: unauthorized }),
    ...(hostGuard && { 403: { description: 'Its Host or its Origin is not served here.' } }),
  };
}

const unauthorized: AnswerAbout = {
  description: 'It carries no bearer token that is known here.',
  headers: { 'WWW-Authenticate': 'What to send: RFC 6750.' },
};

function refsTo(standing: Record<number, AnswerAbout>, open: boolean): Json {
  const statuses = Object.keys(standing).filter(status => !(open && status === '401'));
  return Object.fromEntries(
    statuses.map(status => [status, { $ref: `#/components/responses/${nameOf(status)}` }]),
  );
}

function responsesOf(standing: Record<number, AnswerAbout>, book: SchemaBook): Json {
  return Object.fromEntries(
    Object.entries(responsesTo(standing, book)).map(([status, answer]) => [nameOf(status), answer]),
  );
}

// '401' -> 'Unauthorized'   '404' -> 'NotFound'
function nameOf(status: string): string {
  return (STATUS_CODES[status] ?? status).replace(/\W/g, '');
}

function responsesTo(answers: Answers, book: SchemaBook): Json {
  const entries = Object.entries(answers).map(([status, answer]) => {
    const about = typeof answer === 'string' ? { description: answer } : answer;
    return [status, responseTo(Number(status), about, book)];
  });
  return Object.fromEntries(entries);
}

function responseTo(status: number, answer: AnswerAbout, book: SchemaBook): Json {
  const content = contentOf(status, answer, book);
  const headers = Object.entries(answer.headers ?? {}).map(([name, description]) => {
    return [name, { description, required: true, schema: { type: 'string' } }];
  });
  return {
    description: answer.description,
    ...(headers.length > 0 && { headers: Object.fromEntries(headers) }),
    ...(content && { content }),
  };
}

function contentOf(status: number, { schema, type }: AnswerAbout, book: SchemaBook) {
  if (type !== undefined) return { [type]: { schema: { type: 'string' } } };
  const json = schema && book.json(schema, 'output');
  if (status < 400) return json && { 'application/json': { schema: json } };
  const problem = book.json(problemSchema, 'output');
  const whole = json ? { allOf: [problem, json] } : problem;
  return { 'application/problem+json': { schema: whole } };
}

/** RFC 9457, as router.ts sends it. */
const problemSchema = z
  .looseObject({
    type: z.string().describe('Always about:blank: the status says which problem it is'),
    title: z.string().describe('The status in words'),
    status: z.int().min(400).max(599).describe('The status in the body, too'),
    detail: z.string().describe('What to do about it'),
  })
  .meta({ title: 'Problem' });

function toolsOf(tools: Record<string, ToolAbout>, book: SchemaBook): Json[] {
  return Object.entries(tools).map(([name, { inputSchema, outputSchema, ...rest }]) => ({
    name,
    ...rest,
    inputSchema: book.json(inputSchema, 'input'),
    outputSchema: book.json(outputSchema, 'output'),
  }));
}

type SchemaBook = ReturnType<typeof schemaBook>;

/** JSON schemas, those with a title once under components and by `$ref` wherever they are used. */
function schemaBook() {
  const components: Record<string, Json> = {};

  function json(schema: z.core.$ZodType, io: 'input' | 'output'): Json {
    const title = titleOf(schema);
    const { $schema: _, ...whole } = z.toJSONSchema(schema, { io, override: refer });
    return title === undefined ? whole : { $ref: refTo(title, whole, io) };

    function refer({ zodSchema, jsonSchema, path }: Overridden): void {
      if (path.length === 0 || titleOf(zodSchema) === undefined) return;
      const ref = json(zodSchema, io);
      for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
      Object.assign(jsonSchema, ref);
    }
  }

  // What is sent and what is received differ where there are defaults: then they have two names.
  function refTo(title: string, whole: Json, io: 'input' | 'output'): string {
    const text = JSON.stringify(whole);
    const names = [title, title + (io === 'input' ? 'Input' : 'Output')];
    const name = names.find(name => text === JSON.stringify(components[name] ?? whole));
    if (name === undefined) throw new Error(`Two schemas are titled ${title}. Retitle one.`);
    components[name] = whole;
    return `#/components/schemas/${name}`;
  }

  return { components, json };
}

interface Overridden {
  zodSchema: z.core.$ZodTypes;
  jsonSchema: Json;
  path: (string | number)[];
}

function titleOf(schema: z.core.$ZodType): string | undefined {
  return z.globalRegistry.get(schema)?.title;
}
