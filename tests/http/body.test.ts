/** One body has one reader: what is answered where a host read it first. */
import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { buffer, text } from 'node:stream/consumers';
import test, { type TestContext } from 'node:test';
import express from 'express';
import { readJson } from '../../http/body.ts';
import { type App, createRouter } from '../../router.ts';
import { held, theirs } from '../held.ts';
import { serve } from '../support.ts';

const maxBytes = 100;

/** Posts `body` to a server where `host` comes before readJson. Returns what that gave. */
async function posted(t: TestContext, host: (app: App) => App, body: string): Promise<unknown> {
  const app = createRouter().post('/', async (req, res) => {
    res.end(JSON.stringify(await readJson(req, { maxBytes })));
  });
  const origin = await serve(t, host(app));
  const headers = { 'Content-Type': 'application/json' };
  const answer = await fetch(origin, { method: 'POST', headers, body });
  return answer.json();
}

type Left = IncomingMessage & { body?: unknown };
const inExpress = (before: express.RequestHandler) => (app: App) =>
  theirs(express().use(before, held(app)));
const everything = { type: () => true };

const hosts: [name: string, host: (app: App) => App][] = [
  ['nobody', app => app],
  ['express.json()', inExpress(express.json())],
  ['express.text()', inExpress(express.text(everything))],
  ['express.raw()', inExpress(express.raw(everything))],
  [
    "Express 4's urlencoded(), which leaves {} and reads nothing",
    app => (req: Left, res) => {
      req.body = {};
      return app(req, res);
    },
  ],
];

for (const [name, host] of hosts) {
  test(`a body is the same behind ${name}`, async t => {
    assert.deepEqual(await posted(t, host, '{"a":1}'), { ok: true, value: { a: 1 } });
  });
}

for (const [name, host] of hosts.filter(([name]) => name !== 'express.json()')) {
  test(`a long body, and one that is no JSON, are refused behind ${name}`, async t => {
    const long = await posted(t, host, `"${'a'.repeat(maxBytes)}"`);
    assert.deepEqual(long, {
      ok: false,
      status: 413,
      detail: 'The body is over 100 bytes. Send less at a time.',
    });
    assert.match(JSON.stringify(await posted(t, host, '{')), /400.*The body is not JSON/);
  });
}

test('an empty object that a host parsed is one', async t => {
  const value = await posted(t, inExpress(express.json()), '{}');
  assert.deepEqual(value, { ok: true, value: {} });
});

for (const read of [text, buffer])
  test(`a host that read the body and kept it is told so: ${read.name}`, async t => {
    const reads = (app: App) => async (req: IncomingMessage, res: Parameters<App>[1]) => {
      await read(req);
      return app(req, res);
    };
    assert.match(
      JSON.stringify(await posted(t, reads, '{}')),
      /400.*read by the host before.*Mount this before the body parser, or have .* req\.body/,
    );
  });
