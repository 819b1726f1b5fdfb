/** What was found, in words, a line a finding; or as JSON. */
import type { Found } from './discover.ts';
import type { Finding } from './look.ts';
import type { Message } from './messages.ts';
import type { Options } from './options.ts';
import type { Verdict } from './probe.ts';

export interface Report {
  url: string;
  /** Its name and version, as it says. */
  server: string;
  transports: string[];
  versions: string[];
  findings: Finding[];
  counts: Record<Verdict, number>;
  seconds: number;
}

export function reportOf(found: Found, findings: Finding[], ms: number): Report {
  const { options, doors, versions } = found;
  const told = findings.map(finding => ({
    ...finding,
    seen: withoutSecrets(options, finding.seen),
  }));
  const counts = { pass: 0, fault: 0, 'not looked at': 0 };
  for (const { verdict } of findings) counts[verdict]++;
  return {
    url: withoutSecrets(options, options.url.href),
    server: doors[0] ? nameIn(doors[0].shared.about) : 'a server nobody could talk to',
    transports: transportsOf(found).map(line => withoutSecrets(options, line)),
    versions,
    findings: told,
    counts,
    seconds: Math.round(ms / 100) / 10,
  };
}

/** A server may repeat what it was sent, and a URL may hold a key. */
export function withoutSecrets({ url, token, otherToken }: Options, text: string): string {
  const secrets = [url.search, token, otherToken].filter(secret => secret);
  return secrets.reduce<string>((rest, secret = '') => rest.replaceAll(secret, '…'), text);
}

const names = { sse: 'SSE', streamable: 'Streamable HTTP' };

function transportsOf({ doors, endpoint }: Found): string[] {
  const open = doors.map(({ kind, path }) => `${names[kind]} at ${path}`);
  const isUsed = doors.some(({ kind }) => kind === 'sse');
  return endpoint && !isUsed ? [...open, `SSE at ${endpoint.path}, of no use`] : open;
}

function nameIn({ result = {} }: Message): string {
  const meta = fieldsOf(result['_meta']);
  const about = fieldsOf(result['serverInfo'] ?? meta['io.modelcontextprotocol/serverInfo']);
  return [about['name'] ?? 'a server without a name', about['version']].filter(Boolean).join(' ');
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

/** Lines for a person; with escape codes where `colour` says so. */
export function linesOf(report: Report, colour: boolean): string[] {
  const { url, server, transports, versions, findings, counts, seconds } = report;
  const width = Math.max(...findings.map(({ id }) => id.length));
  const head = `${transports.join(', ')}; speaks ${versions.join(', ')}`;
  const lines = [`${url}: ${withoutControls(server)}`, withoutControls(head)];
  for (const [i, finding] of findings.entries()) {
    if (finding.theme !== findings[i - 1]?.theme) lines.push('', finding.theme);
    lines.push(lineOf(finding, width, colour));
  }
  const { pass, fault, 'not looked at': not } = counts;
  const sum = `${pass} passed, ${fault} ${fault === 1 ? 'fault' : 'faults'}, ${not} not looked at, in ${seconds} s`;
  return [...lines, '', sum];
}

function lineOf({ id, verdict, seen, remedy, threads }: Finding, width: number, colour: boolean) {
  const text = verdict === 'fault' ? `${seen}. ${remedy} (${threads.join(', ')})` : seen;
  return `  ${painted(verdict, colour)}  ${id.padEnd(width)}  ${shortened(withoutControls(text))}`;
}

const colours = { pass: 32, fault: 31, 'not looked at': 2 }; // ECMA-48: green, red, faint

function painted(verdict: Verdict, colour: boolean): string {
  const text = verdict.padEnd('not looked at'.length);
  return colour ? `\x1b[${colours[verdict]}m${text}\x1b[0m` : text;
}

const maxChars = 1_000; // of a line

function shortened(text: string): string {
  return text.length > maxChars ? `${text.slice(0, maxChars)}…` : text;
}

/** What a server says must not steer the terminal it is shown on: controls, and what turns text. */
export function withoutControls(line: string): string {
  return line.replace(/[\p{Cc}\p{Cf}]/gu, '?');
}
