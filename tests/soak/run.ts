/**
 * The program under all kinds of clients at once, for minutes, with little memory:
 *
 *     npm run soak -- [--seconds N] [--seed N] [--only KIND,KIND]
 *
 * Chance decides who comes, when, and what they do; the seed is printed, and plans the same again.
 * It passes when the server never ended, every client got what it must, and in the end nothing is
 * left of them but what they wrote.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { agentKinds } from './agents.ts';
import { aheadKinds } from './ahead.ts';
import { check, sumUp } from './checks.ts';
import { drive, type Tally } from './drive.ts';
import type { Kind } from './kinds.ts';
import { leavingKinds } from './leaving.ts';
import { ExpectedList, type Item } from './list.ts';
import { mcpKinds } from './mcp.ts';
import { hasSqlite, neighbour } from './neighbour.ts';
import { oddKinds } from './odd.ts';
import { arrivals, firstArrivals } from './plan.ts';
import type { Measure } from './probe.ts';
import { type Program, startProgram } from './program.ts';
import { slowKinds } from './slow.ts';
import { expect, host } from './visitor.ts';
import { webKinds } from './web.ts';

const everyKind = [
  ...webKinds,
  ...agentKinds,
  ...mcpKinds,
  ...aheadKinds,
  ...slowKinds,
  ...leavingKinds,
  ...oddKinds,
];

interface Options {
  seconds: number;
  seed: number;
  kinds: Kind[];
  /** Where the list is kept; in memory, where this Node has no SQLite. */
  file: string | undefined;
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'soak-'));
  try {
    await soak(readOptions(hasSqlite ? join(folder, 'list.db') : undefined));
  } finally {
    rmSync(folder, { recursive: true });
  }
  process.exit(sumUp()); // a client's library may wait for something yet
}

function readOptions(file: string | undefined): Options {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ options: { seconds: text, seed: text, only: text } });
  const seconds = Number(values.seconds ?? 120);
  const seed = Number(values.seed ?? Math.floor(Math.random() * 1e9));
  const all = [...everyKind, ...(file ? [neighbour(file)] : [])];
  const names = values.only?.split(',') ?? all.map(({ name }) => name);
  const kinds = all.filter(({ name }) => names.includes(name));
  if (kinds.length < names.length)
    throw new Error(`--only takes some of: ${all.map(({ name }) => name)}`);
  return { seconds, seed, kinds, file };
}

async function soak({ kinds, seconds, seed, file }: Options): Promise<void> {
  const kept = file === undefined ? 'in memory' : 'in a SQLite file';
  console.log(`seed ${seed}: ${seconds} s on Node ${process.version}, the list ${kept}`);
  const program = await startProgram(file);
  const list = new ExpectedList();
  for (const item of await itemsOf(program)) list.has(item);
  const tally: Tally = new Map();

  await drive(program, list, firstArrivals(kinds, seed), tally);
  const before = program.isGone() ? undefined : await quiet(program);
  await drive(program, list, arrivals(kinds, seed, seconds), tally);

  for (const kind of kinds) await checkKind(kind, tally);
  if (before && !program.isGone()) {
    await checkLeft(program, before);
    await checkList(program, list);
  }
  await checkEnd(program);
  if (file !== undefined) await checkRestart(file, list);
}

async function checkKind({ name, does }: Kind, tally: Tally): Promise<void> {
  const { visits = 0, complaints = [] } = tally.get(name) ?? {};
  await check(`${String(visits).padStart(4)} x ${name}: ${does}`, () => {
    if (complaints.length > 0) throw new Error(firstOf(complaints));
  });
}

function firstOf(complaints: string[]): string {
  return [complaints.length, ...[...new Set(complaints)].slice(0, maxShown)].join('\n');
}

const maxShown = 3; // complaints of one kind

/** What clients leave behind once they have left: nothing. */
async function checkLeft(program: Program, before: Measure): Promise<void> {
  await check('no session is left', async () => {
    const sessions = await last(() => sessionsOf(program), isNone);
    assert.equal(sessions, 0);
  });
  await check('no connection is left', async () => {
    const { sockets } = await last(program.measure, ({ sockets }) => isNone(sockets));
    assert.equal(sockets, 0);
  });
  await check('no response is kept', async () => {
    const { responses } = await last(program.measure, ({ responses }) => isNone(responses));
    assert.equal(responses, 0);
  });
  await check('the heap is back within 20 %', async () => {
    const isBack = ({ heapUsed }: Measure) => heapUsed <= before.heapUsed * 1.2;
    const after = await last(program.measure, isBack);
    const found = `${mib(after.heapUsed)}, ${mib(before.heapUsed)} before`;
    assert.ok(isBack(after), found);
    return found;
  });
}

async function checkList(program: Program, list: ExpectedList): Promise<void> {
  await check('every acknowledged write is there, and no other', async () => {
    const differences = list.differences(await itemsOf(program));
    if (differences.length > 0) throw new Error(firstOf(differences));
    return `${list.size} items`;
  });
}

async function checkEnd(program: Program): Promise<void> {
  await check('the server ran all the time, and ends in order on SIGTERM', async () => {
    if (program.isGone()) throw new Error(`${await program.ended}\n${program.log().slice(-2_000)}`);
    assert.equal(await program.stop(), 'it exited with 0');
  });
  await check('its log holds no error', () => {
    const [stack] = /^.*(?:\n.*)?\n +at .*/m.exec(program.log()) ?? [];
    assert.equal(stack, undefined);
  });
}

async function checkRestart(file: string, list: ExpectedList): Promise<void> {
  const again = await startProgram(file);
  await checkList(again, list);
  await again.stop();
}

/** What is measured once all clients have left, or have had the time to. */
async function quiet(program: Program): Promise<Measure> {
  await last(() => sessionsOf(program), isNone);
  return last(program.measure, ({ sockets }) => isNone(sockets));
}

const isNone = (count: number): boolean => count === 0;

const leaveMs = 25_000; // sessions of clients that vanished take up to 13 s, sweeps included

/** Reads until it is `enough`, for a while. Returns what was read last. */
async function last<T>(read: () => Promise<T>, enough: (value: T) => boolean): Promise<T> {
  const end = performance.now() + leaveMs;
  for (;;) {
    const value = await read();
    if (enough(value) || performance.now() > end) return value;
    await wait(250);
  }
}

async function itemsOf(program: Program): Promise<Item[]> {
  return JSON.parse(await bodyOf(program, '/items/'));
}

async function sessionsOf(program: Program): Promise<number> {
  return JSON.parse(await bodyOf(program, '/healthz')).sessions;
}

async function bodyOf({ port }: Program, path: string): Promise<string> {
  let body = '';
  await host({ port, list: new ExpectedList(), number: 0 }, async visitor => {
    ({ body } = await expect(visitor, 200, { path }));
  });
  return body;
}

function mib(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

await main();
