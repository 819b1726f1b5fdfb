/**
 * What a caller sets, looked at when a thing is made and not at the first request: JavaScript has
 * no compiler. An option that is undefined is one not given, so it takes no default's place.
 *
 * Of mcp-mount, MIT.
 */
import { isSlip } from './near.ts';
import { isAuthority, isOrigin } from './target.ts';

/** Each option may be left out, or be undefined. */
export type Optional<T> = { [K in keyof T]?: T[K] | undefined };

type Given<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** What is wrong with a value, as the end of a sentence about its option; undefined: nothing. */
export type Rule = (value: unknown) => string | undefined;

/**
 * The options that are given.
 *
 * @param by whose they are, as its caller knows it: `'mcpApp'`
 * @param needed those that can't be left out
 * @throws TypeError that names the option: `mcpApp: 'idelMs' is no option. Did you mean 'idleMs'?`
 */
export function given<T extends object>(
  by: string,
  options: T,
  rules: Record<keyof T, Rule>,
  needed: string[] = [],
): Given<T> {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new TypeError(`${by}: the options are an object, not ${shown(options)}.`);
  const all = Object.entries({ ...blank(needed), ...options });
  const set = all.filter(([name, value]) => value !== undefined || needed.includes(name));
  const known = new Map<string, Rule>(Object.entries(rules));
  for (const [name, value] of set) {
    const rule = known.get(name);
    if (!rule) throw new TypeError(`${by}: '${name}' is no option. ${meant(name, known)}`);
    const wrong = rule(value);
    if (wrong !== undefined) throw new TypeError(`${by}: '${name}' ${wrong}, not ${shown(value)}.`);
  }
  return Object.fromEntries(set) as Given<T>; // each name has its rule, and none is undefined
}

function blank(names: string[]): Record<string, unknown> {
  return Object.fromEntries(names.map(name => [name, undefined]));
}

function meant(name: string, known: Map<string, Rule>): string {
  const near = [...known.keys()].find(key => isSlip(name.toLowerCase(), key.toLowerCase()));
  return near === undefined
    ? `There is ${[...known.keys()].join(', ')}.`
    : `Did you mean '${near}'?`;
}

/** For what is no option but an argument. */
export function checkFunction(by: string, what: string, value: unknown): void {
  if (typeof value === 'function') return;
  throw new TypeError(`${by}: ${what} is a function, not ${shown(value)}.`);
}

// A value as its caller wrote it, but not all of a long one.
function shown(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'string') return `'${value.slice(0, maxShown)}'`;
  if (typeof value !== 'object' || value === null) return String(value);
  return Array.isArray(value) ? `[${value.slice(0, 3).map(shown)}]` : 'an object';
}

const maxShown = 40; // letters

export const maxTimerMs = 2 ** 31 - 1; // Node turns a longer one into 1 ms

export const aFunction: Rule = value => (typeof value === 'function' ? undefined : 'is a function');

export const aBoolean: Rule = value =>
  typeof value === 'boolean' ? undefined : 'is true or false';

export const aText: Rule = value =>
  typeof value === 'string' && value !== '' ? undefined : 'is a text';

export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): Rule {
  const range = most === Number.MAX_SAFE_INTEGER ? `${least} up` : `${least} to ${most}`;
  return value =>
    Number.isInteger(value) && Number(value) >= least && Number(value) <= most
      ? undefined
      : `is a whole number from ${range}`;
}

export const aShare: Rule = value =>
  typeof value === 'number' && value >= 0 && value <= 1 ? undefined : 'is a number from 0 to 1';

export function oneOf(...values: string[]): Rule {
  const named = values.map(value => `'${value}'`).join(' or ');
  return value => (values.some(one => one === value) ? undefined : `is ${named}`);
}

export const texts: Rule = listOf('texts', entry => entry !== '');
export const hostNames: Rule = listOf(
  "hosts without a scheme, as 'list.example' or 'list.example:8443'",
  isAuthority,
);
export const exactOrigins: Rule = listOf(
  "each origin exactly, as 'https://app.example'; '*' would be every page there is",
  isOrigin,
);

export const hostAddresses: Rule = listOf("addresses to bind, as '127.0.0.1'", isAddress);

function isAddress(entry: string): boolean {
  return /^[^\s/[\]]+$/.test(entry);
}

function listOf(what: string, holds: (entry: string) => boolean): Rule {
  const isOne = (entry: unknown) => typeof entry === 'string' && holds(entry);
  return value => (Array.isArray(value) && value.every(isOne) ? undefined : `lists ${what}`);
}
