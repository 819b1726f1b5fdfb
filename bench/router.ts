/**
 * Lookups on this router beside find-my-way's and hono's, from one route to 10,000:
 *
 *     npm run bench:router
 *
 * Ours does more in a lookup: it refuses ambiguous targets, cuts the query and decodes params.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import findMyWay from 'find-my-way';
import { RegExpRouter } from 'hono/router/reg-exp-router';
import { SmartRouter } from 'hono/router/smart-router';
import { TrieRouter } from 'hono/router/trie-router';
import { createRouter } from '../router.ts';
import { median, rotated } from './stats.ts';

/** Whether there is a route for the path; made anew for each set of routes. */
type Lookup = (path: string) => boolean;

const file = fileURLToPath(import.meta.url);

const routers: Record<string, (routes: string[]) => Lookup> = {
  ours(routes) {
    const router = createRouter();
    for (const route of routes) router.get(route, () => {});
    return path => router.match('GET', path).kind === 'route';
  },
  'find-my-way'(routes) {
    const router = findMyWay();
    for (const route of routes) router.on('GET', route, () => {});
    return path => router.find('GET', path) !== null;
  },
  'hono RegExpRouter': routes => honoLookup(new RegExpRouter(), routes),
  'hono TrieRouter': routes => honoLookup(new TrieRouter(), routes),
  'hono SmartRouter': routes =>
    honoLookup(new SmartRouter({ routers: [new RegExpRouter(), new TrieRouter()] }), routes),
};

interface HonoRouter {
  add(method: string, path: string, handler: () => void): void;
  match(method: string, path: string): [unknown[], ...unknown[]];
}

function honoLookup(router: HonoRouter, routes: string[]): Lookup {
  for (const route of routes) router.add('GET', route, () => {});
  return path => router.match('GET', path)[0].length > 0;
}

interface Kind {
  route(i: number): string;
  path(i: number): string;
}

const kinds: Record<string, Kind> = {
  static: { route: i => `/shop/section${i}/list`, path: i => `/shop/section${i}/list` },
  param: { route: i => `/shop/section${i}/:id`, path: i => `/shop/section${i}/4711` },
};

const sizes = [1, 10, 100, 1_000, 10_000];
const blocks = 3; // of each router, in turns
const rounds = 12; // in a block
const warmUps = 4; // rounds of them for the caches, which another process has just had
const roundMs = 10;
const clockEvery = 20; // lookups between looks at the clock
const pathCount = 1_000; // of those that exist, spread over all: caches meet what they would in use

interface Question {
  kind: string;
  size: number;
}

/** Each router has a process of its own, so that none meets another's heap; they take turns. */
async function main(): Promise<void> {
  const children = Object.keys(routers).map(name => ({ name, child: fork(file, [name]) }));
  for (const kind of Object.keys(kinds)) {
    const header = ['ns a lookup', ...sizes.map(size => size.toLocaleString('en'))];
    console.log(`\n| ${[kind, ...header].join(' | ')} |\n|---|---|${'--:|'.repeat(sizes.length)}`);
    const seen = new Map(children.map(({ name }): [string, number[]] => [name, []]));
    for (const size of sizes)
      for (const [name, ns] of await measure(children, { kind, size })) seen.get(name)?.push(ns);
    for (const [name, all] of seen)
      console.log(`| ${name} | | ${all.map(ns => ns.toFixed(0)).join(' | ')} |`);
  }
  for (const { child } of children) child.disconnect();
}

/** Median ns a lookup, by router. */
async function measure(
  children: { name: string; child: ChildProcess }[],
  question: Question,
): Promise<Map<string, number>> {
  const samples = new Map(children.map(({ name }): [string, number[]] => [name, []]));
  for (let block = 0; block < blocks; block++)
    for (const { name, child } of rotated(children, block)) {
      child.send(question);
      const [ns] = await once(child, 'message'); // what serve() sends: one figure a round
      samples.get(name)?.push(...ns);
    }
  return new Map([...samples].map(([name, ns]) => [name, median(ns)]));
}

function serve(build: (routes: string[]) => Lookup): void {
  let built: (Question & { lookup: Lookup; paths: string[] }) | undefined;
  process.on('message', ({ kind, size }: Question) => {
    if (built?.kind !== kind || built.size !== size)
      built = { kind, size, ...prepare(build, kind, size) };
    const { lookup, paths } = built;
    const all = Array.from({ length: rounds }, () => nsPerLookup(lookup, paths));
    process.send?.(all.slice(warmUps));
  });
}

function prepare(build: (routes: string[]) => Lookup, kindName: string, size: number) {
  const kind = kinds[kindName];
  if (!kind) throw new Error(`There is no kind ${kindName}.`);
  const step = Math.max(1, size / pathCount);
  const paths = Array.from({ length: Math.min(size, pathCount) }, (_, i) =>
    kind.path(Math.floor(i * step)),
  );
  return { lookup: build(Array.from({ length: size }, (_, i) => kind.route(i))), paths };
}

function nsPerLookup(lookup: Lookup, paths: string[]): number {
  let done = 0;
  let found = 0;
  const start = performance.now();
  let spent = 0;
  while (spent < roundMs) {
    const path = paths[done++ % paths.length] ?? '';
    if (lookup(path)) found++;
    if (done % clockEvery === 0) spent = performance.now() - start;
  }
  if (found !== done) throw new Error('A router did not find its own route.');
  return (spent / done) * 1e6;
}

const build = routers[process.argv[2] ?? ''];
if (build) serve(build);
else await main();
