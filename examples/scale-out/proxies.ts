/** A proxy in front of the nodes, by the configuration beside this, at ports of one's choice. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../docs/lesson/make/free-port.ts';
import { temporaryFolder } from './folders.ts';
import { programOf } from './installed.ts';
import { type Launch, start } from './programs.ts';

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

/** Ports at which nobody listens, for programs that are started a moment later. */
export async function freePorts(): Promise<Ports> {
  // At once, so that no two are the same.
  const [proxy, a, b, c] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  return { proxy, nodes: { a, b, c } };
}

export interface Proxy {
  origin: string;
  pid: number | undefined;
  stop(): Promise<void>;
}

/** Resolves once it takes connections. */
export type StartProxy = (ports: Ports) => Promise<Proxy>;

/** nginx.conf, or another of its configurations. @throws Missing */
export function startNginx(ports: Ports, configuration = 'nginx.conf'): Promise<Proxy> {
  const command = programOf('nginx', 'nginx-light');
  return serve(configuration, ports, /start worker process/, folder => {
    chmodSync(folder, 0o711); // root's nginx works as nobody, and keeps larger bodies in here
    const log = ['-e', 'stderr', '-g', 'error_log stderr notice;'];
    return { command, args: ['-p', folder, '-c', configuration, ...log] };
  });
}

/** haproxy.cfg. @throws Missing */
export function startHaproxy(ports: Ports): Promise<Proxy> {
  const command = programOf('haproxy', 'haproxy');
  return serve('haproxy.cfg', ports, /Loading success/, cwd => {
    return { command, args: ['-W', '-f', 'haproxy.cfg'], cwd };
  });
}

/** Caddyfile. @throws Missing */
export function startCaddy(ports: Ports): Promise<Proxy> {
  const command = programOf('caddy', 'caddy');
  return serve('Caddyfile', ports, /serving initial configuration/, cwd => {
    const env = { ...process.env, XDG_CONFIG_HOME: cwd, XDG_DATA_HOME: cwd }; // it writes there
    return { command, args: ['run', '--config', 'Caddyfile', '--adapter', 'caddyfile'], cwd, env };
  });
}

/** @param launchIn what to start, given the folder that has the configuration */
async function serve(
  configuration: string,
  ports: Ports,
  isUp: RegExp,
  launchIn: (folder: string) => Launch,
): Promise<Proxy> {
  const { path: folder, remove } = temporaryFolder('mcp-mount-proxy-');
  writeFileSync(join(folder, configuration), configurationAt(configuration, ports));
  const program = await start(launchIn(folder), isUp).catch(error => {
    remove();
    throw error;
  });
  async function stop(): Promise<void> {
    await program.end();
    remove();
  }
  return { origin: `http://localhost:${ports.proxy}`, pid: program.child.pid, stop };
}

/** A proxy's configuration, its ports 3000 to 3003 changed to these. */
export function configurationAt(file: string, { proxy, nodes }: Ports): string {
  const ports = [proxy, ...names.map(name => nodes[name])];
  const text = readFileSync(new URL(file, import.meta.url), 'utf8');
  return text.replaceAll(/(?<=:)300([0-3])\b/g, (_all, digit) => String(ports[Number(digit)]));
}
