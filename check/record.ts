/**
 * Runs `check` on this server and on its peers, and writes what it found into docs/check.md:
 *
 *     npm run check:record
 *
 * What the peers need is installed in check/peers/ and nowhere else. Each is started as its
 * documents say, on a free port of this machine, and with one tool where it needs a server behind.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type CheckIo, check } from './main.ts';
import type { Verdict } from './probe.ts';
import type { Report } from './report.ts';

interface Served {
  name: string;
  /** Of its package, whose folder is given. */
  package: string;
  /** Where clients connect. */
  path: string;
  /** In a shell where PORT is set. */
  command: string;
  /** Said beside the URL. */
  args?: string[];
}

const sdk = 'node_modules/@modelcontextprotocol/sdk';
const peers = 'check/peers/node_modules';
const supergateway = `${peers}/.bin/supergateway --stdio "node check/peers/stdio.mjs" --port $PORT`;

const servers: Served[] = [
  {
    name: 'mcp-mount',
    package: '.',
    path: '/mcp',
    command: 'node --import tsx server.ts',
    args: ['--plain', '/items/', '--call', 'get_items'],
  },
  {
    name: 'mcp-mount, with a token',
    package: '.',
    path: '/mcp',
    command: 'MCP_TOKEN=one-of-24-characters-or-so node --import tsx server.ts',
    args: ['--plain', '/items/', '--call', 'get_items', '--token', 'one-of-24-characters-or-so'],
  },
  ...[
    'simpleSseServer',
    'simpleStreamableHttp',
    'sseAndStreamableHttpCompatibleServer',
    'simpleStatelessStreamableHttp',
  ].map(example => ({
    name: `SDK, ${example}`,
    package: sdk,
    path: '/mcp',
    command: `node --import ./check/peers/port.mjs ${sdk}/dist/esm/examples/server/${example}.js`,
  })),
  {
    name: 'fastmcp',
    package: `${peers}/fastmcp`,
    path: '/mcp',
    command: 'node check/peers/fastmcp.mjs',
    args: ['--call', 'hello'],
  },
  {
    name: 'mcp-proxy',
    package: `${peers}/mcp-proxy`,
    path: '/mcp',
    command: `${peers}/.bin/mcp-proxy --port $PORT -- node check/peers/stdio.mjs`,
    args: ['--call', 'hello'],
  },
  {
    name: 'supergateway, SSE',
    package: `${peers}/supergateway`,
    path: '/sse',
    command: supergateway,
    args: ['--call', 'hello'],
  },
  {
    name: 'supergateway, Streamable HTTP',
    package: `${peers}/supergateway`,
    path: '/mcp',
    command: `${supergateway} --outputTransport streamableHttp --stateful`,
    args: ['--call', 'hello'],
  },
];

const docs = fileURLToPath(new URL('../docs/check.md', import.meta.url));
const [begin, end] = ['<!-- verdicts -->\n', '<!-- end of verdicts -->'];

async function main(): Promise<void> {
  const install = { cwd: 'check/peers', stdio: 'inherit' } as const;
  if (!existsSync(peers)) spawnSync('npm', ['ci', '--no-audit', '--no-fund'], install);
  const reports: Report[] = [];
  for (const served of servers) reports.push(await reportOn(served));
  const text = readFileSync(docs, 'utf8');
  const [before = '', after = ''] = text.split(new RegExp(`(?<=${begin})[^]*(?=${end})`));
  writeFileSync(docs, `${before}\n${verdicts(reports)}\n${after}`);
}

async function reportOn({ name, path, command, args = [] }: Served): Promise<Report> {
  console.error(`… ${name}`);
  const port = await freePort();
  const start = `export PORT=${port}; ${command}`;
  let printed = '';
  const io: CheckIo = { print: line => (printed = line), printError: console.error, colour: false };
  await check(
    [`http://localhost:${port}${path}`, '--patient', '--start', start, '--json', ...args],
    io,
  );
  const report: Report = JSON.parse(printed);
  if (!report.findings) throw new Error(`${name}: ${printed}`);
  return report;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(done => server.listen(0, done));
  const address = server.address();
  await new Promise(done => server.close(done));
  if (typeof address !== 'object' || !address) throw new Error('There is no free port.');
  return address.port;
}

function verdicts(reports: Report[]): string {
  const day = new Date().toISOString().slice(0, 10);
  return [
    `Recorded on ${day} with Node ${process.version}: \`npm run check:record\`.`,
    servedTable(reports),
    findingsTable(reports),
  ].join('\n\n');
}

function servedTable(reports: Report[]): string {
  const rows = servers.map((served, i) => {
    const { pass, fault, 'not looked at': not } = reports[i]?.counts ?? noCounts;
    const cells = [
      i + 1,
      served.name,
      versionOf(served),
      `\`${served.command}\``,
      pass,
      fault,
      not,
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    '| | server | version | command, with a port in `PORT` | passed | faults | not looked at |',
    '|---:|---|---|---|---:|---:|---:|',
    ...rows,
  ].join('\n');
}

const noCounts: Record<Verdict, number> = { pass: 0, fault: 0, 'not looked at': 0 };
const marks: Record<Verdict, string> = { pass: '·', fault: '**fault**', 'not looked at': '' };

function findingsTable(reports: Report[]): string {
  const ids = reports[0]?.findings.map(({ id }) => id) ?? [];
  const rows = ids.map(id => {
    const cells = reports.map(({ findings }) => {
      const finding = findings.find(finding => finding.id === id);
      return marks[finding?.verdict ?? 'not looked at'];
    });
    return `| \`${id}\` | ${cells.join(' | ')} |`;
  });
  const heads = reports.map((_, i) => i + 1);
  return [`| | ${heads.join(' | ')} |`, `|---|${heads.map(() => '---|').join('')}`, ...rows].join(
    '\n',
  );
}

function versionOf({ package: folder }: Served): string {
  return JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')).version;
}

await main();
