/** A proxy in front of the nodes, by the configuration beside this, at ports of one's choice. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { programOf } from './installed.ts';
import { start } from './programs.ts';

export const names = ['a', 'b', 'c'] as const;
export type Name = (typeof names)[number];

/** As the configurations have them: 3000 for the proxy, and then a, b, c. */
export interface Ports {
  proxy: number;
  nodes: Record<Name, number>;
}

export function portsFrom(first: number): Ports {
  return { proxy: first, nodes: { a: first + 1, b: first + 2, c: first + 3 } };
}

export interface Proxy {
  origin: string;
  stop(): Promise<void>;
}

/** Resolves once it takes connections. */
export type StartProxy = (ports: Ports) => Promise<Proxy>;

/** nginx.conf. @throws Missing */
export async function startNginx(ports: Ports): Promise<Proxy> {
  const command = programOf('nginx', 'nginx-light');
  const folder = mkdtempSync(join(tmpdir(), 'mcp-mount-nginx-'));
  chmodSync(folder, 0o711); // root's nginx works as nobody, and keeps larger bodies in here
  writeFileSync(join(folder, 'nginx.conf'), configurationAt('nginx.conf', ports));
  const args = ['-p', folder, '-c', 'nginx.conf', '-e', 'stderr', '-g', 'error_log stderr notice;'];
  const program = await start({ command, args }, /start worker process/);
  async function stop(): Promise<void> {
    await program.end();
    rmSync(folder, { recursive: true });
  }
  return { origin: `http://localhost:${ports.proxy}`, stop };
}

/** A proxy's configuration, its ports 3000 to 3003 changed to these. */
export function configurationAt(file: string, { proxy, nodes }: Ports): string {
  const ports = [proxy, ...names.map(name => nodes[name])];
  const text = readFileSync(new URL(file, import.meta.url), 'utf8');
  return text.replaceAll(/(127\.0\.0\.1|localhost):300([0-3])\b/g, (_all, host, digit) => {
    return `${host}:${ports[Number(digit)]}`;
  });
}
