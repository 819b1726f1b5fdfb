/**
 * Lookups on this router beside find-my-way's and hono's, from one route to 10,000:
 *
 *     npm run bench:router
 *
 * Ours does more in a lookup: it refuses ambiguous targets, cuts the query and decodes params.
 */
import findMyWay from 'find-my-way';
import { RegExpRouter } from 'hono/router/reg-exp-router';
import { SmartRouter } from 'hono/router/smart-router';
import { TrieRouter } from 'hono/router/trie-router';
import { createRouter } from '../router.ts';
import { median, rotated } from './stats.ts';

/** Whether there is a route for the path; made anew for each set of routes. */
type Lookup = (path: string) => boolean;

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
const rounds = 9; // the first is for the compiler
const roundMs = 15;
const pathCount = 1_000; // of those that exist, spread over all: caches meet what they would in use

function main(): void {
  const header = ['ns a lookup', ...sizes.map(size => size.toLocaleString('en'))];
  for (const [kindName, kind] of Object.entries(kinds)) {
    const columns = sizes.map(size => measure(kind, size));
    console.log(
      `\n| ${[kindName, ...header].join(' | ')} |\n|---|---|${'--:|'.repeat(sizes.length)}`,
    );
    for (const name of Object.keys(routers))
      console.log(`| ${name} | | ${columns.map(column => column[name] ?? '–').join(' | ')} |`);
  }
}

/** Median ns a lookup, by router, in turns. */
function measure(kind: Kind, size: number): Record<string, string> {
  const indexes = Array.from({ length: size }, (_, i) => i);
  const routes = indexes.map(kind.route);
  const step = Math.max(1, size / pathCount);
  const paths = routes.slice(0, pathCount).map((_, i) => kind.path(Math.floor(i * step)));
  const lookups = Object.entries(routers).map(([name, build]) => ({ name, lookup: build(routes) }));
  const samples = new Map(lookups.map(({ name }): [string, number[]] => [name, []]));
  for (let round = 0; round < rounds; round++)
    for (const { name, lookup } of rotated(lookups, round)) {
      const ns = nsPerLookup(lookup, paths);
      if (round > 0) samples.get(name)?.push(ns);
    }
  return Object.fromEntries([...samples].map(([name, ns]) => [name, median(ns).toFixed(0)]));
}

function nsPerLookup(lookup: Lookup, paths: string[]): number {
  let done = 0;
  let found = 0;
  const start = performance.now();
  let spent = 0;
  while (spent < roundMs) {
    for (const path of paths) if (lookup(path)) found++;
    done += paths.length;
    spent = performance.now() - start;
  }
  if (found !== done) throw new Error('A router did not find its own route.');
  return (spent / done) * 1e6;
}

main();
