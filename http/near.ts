/**
 * What a refusal says: why, and what is near. Made where a request is refused and where one is
 * explained, from the listing alone, so that nothing need be remembered between two of them.
 *
 * Of mcp-mount, MIT.
 */
import type { About, App, Entry, Match, Refused, Route, Router } from './app.ts';
import { decode, holds, pathOf, withoutSlash } from './target.ts';

/** Where a request was refused: by the router at `rootPath`, which holds `entries`. */
export interface Refuser {
  method: string;
  rootPath: string;
  entries: readonly Entry[];
}

/** The `detail` of the problem that answers a refused request. */
export function refusal(match: Match & Refused, refuser: Refuser): string {
  if (match.status === 400) return match.doubt;
  const path = pathOf(match.target);
  return match.status === 405
    ? otherMethod(match, refuser, path)
    : notFound(refuser, path === '' ? '/' : path);
}

function otherMethod(
  { allow, others }: Refused & { status: 405 },
  { method, rootPath }: Refuser,
  path: string,
): string {
  const said = `${method} is not answered at ${rootPath}${path}. Use ${allow}.`;
  const hints = new Set(others.map(aboutOf).flatMap(about => about.otherMethod ?? []));
  return [said, ...hints].join(' ');
}

function notFound(refuser: Refuser, path: string): string {
  const { method, rootPath, entries } = refuser;
  const meant = nearestTo(path, refuser).map(candidate =>
    answers(candidate, method)
      ? `'${candidate.path}'`
      : `'${candidate.methods.join(' or ')} ${candidate.path}'`,
  );
  const said = [
    `Nothing answers ${rootPath}${path}.`,
    missedMount(entries, path, rootPath),
    meant.length > 0 ? `Did you mean ${listOf(meant)}?` : whereToLook(entries, rootPath),
  ];
  return said.filter(text => text !== undefined).join(' ');
}

/** What was probably meant by a request that nothing answers, by whole paths. */
export function nearest({ target }: Match, refuser: Refuser): Near[] {
  return nearestTo(pathOf(target), refuser);
}

function nearestTo(path: string, { method, rootPath, entries }: Refuser): Near[] {
  const found = near(path, method, entries);
  return found.map(candidate => ({ ...candidate, path: below(rootPath, candidate.path) }));
}

function aboutOf({ about }: Route): About {
  return about; // the router does not read it, so whatever else it has is not looked at
}

/** `['a', 'b', 'c']` -> `'a, b or c'` */
function listOf(names: string[]): string {
  const last = names.at(-1) ?? '';
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} or ${last}`;
}

/** Of a router that has no listing, the first few. */
function whereToLook(entries: readonly Entry[], rootPath: string): string {
  const listing = listingIn(entries);
  if (listing) return `${listing.method} ${rootPath}${listing.path} lists what there is.`;
  const first = candidatesIn(entries).slice(0, maxShown);
  const names = first.map(
    ({ methods, path }) => `${methods.join(' or ')} ${below(rootPath, path)}`,
  );
  return names.length > 0 ? `There is ${names.join(', ')}.` : 'Nothing is registered here.';
}

/** The route that lists the others. */
export function listingIn(entries: readonly Entry[]): Route | undefined {
  for (const entry of entries.slice(0, maxCompared))
    if (entry.kind === 'route' && aboutOf(entry).listing) return entry;
  return undefined;
}

function missedMount(
  entries: readonly Entry[],
  path: string,
  rootPath: string,
): string | undefined {
  const start = path.slice(0, maxLetters);
  for (const entry of entries.slice(0, maxCompared)) {
    const why = entry.kind === 'mount' ? nearMiss(start, entry.prefix, rootPath) : undefined;
    if (why !== undefined) return why;
  }
  return undefined;
}

/** Why a mount that looks meant was passed over; undefined when it was not even close. */
export function nearMiss(path: string, prefix: string, rootPath = ''): string | undefined {
  if (prefix === '' || holds(prefix, path)) return undefined;
  const whole = `${rootPath}${prefix}`;
  const plain = `'${whole}' is mounted, but`;
  if (path.startsWith(prefix)) return `${plain} a prefix ends at a segment: '${whole}/…'.`;
  if (path.includes('//') && holds(prefix, path.replace(/\/{2,}/g, '/')))
    return `${plain} slashes are never merged.`;
  if (path.includes('%') && holds(prefix, decode(path) ?? path))
    return `${plain} a path is compared before it is decoded.`;
  if (holds(prefix.toLowerCase(), path.toLowerCase()))
    return `${plain} upper and lower case differ in a path.`;
  return undefined;
}

/** A path that is answered, as the router's own listing has it, and by which methods. */
export interface Near {
  path: string;
  methods: string[];
}

const maxShown = 3; // enough to see the mistake, few enough to read in a terminal
const maxCompared = 200; // paths: some 50 µs, however much is registered
const maxSegments = 8; // of the path asked for, and of each it is compared with
const maxLetters = 200; // of the path asked for
const longestSlip = 40; // letters of a segment, past which letters are not compared
const maxCost = 2; // segments that differ; past that nothing was meant

/**
 * What was probably meant by `path`: at most three, the nearest first, looking through mounted
 * routers too. Near is what has most segments alike, by name, by case or but for a slip of the
 * fingers; of two as near, the one that answers `method`. Pure; the work is bounded.
 */
export function near(path: string, method: string, entries: readonly Entry[]): Near[] {
  const asked = segmentsOf(path);
  if (path.length > maxLetters || asked.length > maxSegments) return [];
  const scored: { cost: number; candidate: Near }[] = [];
  for (const candidate of candidatesIn(entries)) {
    const cost = costOf(asked, segmentsOf(candidate.path));
    if (cost > maxCost) continue;
    scored.push({ cost: answers(candidate, method) ? cost : cost + 0.01, candidate });
  }
  scored.sort((a, b) => a.cost - b.cost); // stable: else in order of registration
  return scored.slice(0, maxShown).map(({ candidate }) => candidate);
}

/** Of this router and those mounted in it, a path once, with all its methods. */
function candidatesIn(entries: readonly Entry[]): Near[] {
  const found = new Map<string, Near>();
  collect(entries, '', found);
  return [...found.values()];
}

function collect(entries: readonly Entry[], prefix: string, found: Map<string, Near>): void {
  for (const entry of entries) {
    if (found.size >= maxCompared) return;
    if (entry.kind === 'route') add(found, below(prefix, entry.path), entry.method);
    else collectMount(entry.app, prefix + entry.prefix, found);
  }
}

function collectMount(app: App, prefix: string, found: Map<string, Near>): void {
  const router = routerIn(app);
  if (router) collect(router.list(), prefix, found);
  else found.set(prefix, { path: prefix || '/', methods: [] });
}

function add(found: Map<string, Near>, path: string, method: string): void {
  const key = withoutSlash(path); // '/items' and '/items/' are one path
  const known = found.get(key);
  if (known) known.methods.push(method);
  else found.set(key, { path, methods: [method] });
}

export function answers({ methods }: Near, method: string): boolean {
  return methods.length === 0 || methods.includes(method === 'HEAD' ? 'GET' : method);
}

// '/mcp' and '/sse' -> '/mcp/sse'   '/mcp' and '/' -> '/mcp'   '' and '/' -> '/'
function below(prefix: string, path: string): string {
  return path === '/' ? prefix || '/' : prefix + path;
}

/** The router behind an app's guards; undefined for an app of another kind. */
export function routerIn(app: App | (App & { inner?: App })): Router | undefined {
  if ('inner' in app && app.inner) return routerIn(app.inner);
  return 'match' in app && 'list' in app ? (app as Router) : undefined; // what only a router has
}

/** Of a path, as it is written and in lower case. */
interface Segment {
  text: string;
  lower: string;
}

function segmentsOf(path: string): Segment[] {
  const named = path.split('/').filter(text => text !== '');
  return named.map(text => ({ text, lower: text.toLowerCase() }));
}

/**
 * How many segments must be put in, left out or spelt otherwise to make one path of the other.
 * Infinity when no segment of them is alike.
 *
 *     '/sse' to '/mcp/sse': 1   '/items/1/x' to '/items/:id': 1.2   '/mpc/sse' to '/mcp/sse': 0.3
 */
function costOf(asked: Segment[], there: Segment[]): number {
  if (there.length > maxSegments || Math.abs(asked.length - there.length) > maxCost)
    return Number.POSITIVE_INFINITY;
  const unlike = asked.map(a => there.map(b => unlikeness(a, b)));
  if (!unlike.some(row => row.some((cost, i) => cost < 1 && !there[i]?.text.startsWith(':'))))
    return Number.POSITIVE_INFINITY;
  return distance(asked.length, there.length, (i, j) => unlike[i]?.[j] ?? 1);
}

/** 0 for the same segment, 1 for another. */
function unlikeness(asked: Segment, there: Segment): number {
  if (asked.text === there.text) return 0;
  if (there.text.startsWith(':')) return 0.2;
  const { lower } = asked;
  if (lower === there.lower || (lower.includes('%') && decode(lower) === there.lower)) return 0.1;
  return isSlip(lower, there.lower) ? 0.3 : 1;
}

// 'mpc' for 'mcp', 'message' for 'messages', 'docz' for 'docs'; of two letters none is a slip
export function isSlip(a: string, b: string): boolean {
  const longest = Math.max(a.length, b.length);
  const slips = longest < 3 ? 0 : longest < 6 ? 1 : 2;
  if (longest > longestSlip || Math.abs(a.length - b.length) > slips) return false;
  const [inA, inB] = [lettersOf(a), lettersOf(b)];
  if (bitsIn(inA & ~inB) > slips || bitsIn(inB & ~inA) > slips) return false; // as most are
  return distance(a.length, b.length, (i, j) => (a[i] === b[j] ? 0 : 1), swapped(a, b)) <= slips;
}

/** Told apart by five bits of each, so of some letters that differ nothing is seen. */
function lettersOf(word: string): number {
  let bits = 0;
  for (let i = 0; i < word.length; i++) bits |= 1 << (word.charCodeAt(i) & 31);
  return bits;
}

function bitsIn(word: number): number {
  let count = 0;
  for (let bits = word; bits !== 0; bits &= bits - 1) count++;
  return count;
}

function swapped(a: string, b: string): (i: number, j: number) => boolean {
  return (i, j) => a[i] === b[j - 1] && a[i - 1] === b[j];
}

/**
 * Edit distance of two rows of m and n things (Damerau and Levenshtein, neighbours swapped at the
 * price of one): `cost(i, j)` is what it takes to make thing i of the one thing j of the other.
 */
function distance(
  m: number,
  n: number,
  cost: (i: number, j: number) => number,
  areSwapped?: (i: number, j: number) => boolean,
): number {
  let before: number[] = [];
  let above = Array.from({ length: n + 1 }, (_, j) => j);
  for (let i = 1; i <= m; i++) {
    const row = [i];
    for (let j = 1; j <= n; j++) {
      const put = Math.min(row[j - 1] ?? 0, above[j] ?? 0) + 1;
      const turned = (above[j - 1] ?? 0) + cost(i - 1, j - 1);
      const swap = i > 1 && j > 1 && areSwapped?.(i - 1, j - 1) ? (before[j - 2] ?? 0) + 1 : put;
      row[j] = Math.min(put, turned, swap);
    }
    before = above;
    above = row;
  }
  return above[n] ?? 0;
}
