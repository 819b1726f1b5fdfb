/** A PostgreSQL of one's own, in a temporary folder, which nobody reaches but over a socket there. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chownSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './folders.ts';
import { Missing, postgresPrograms } from './installed.ts';
import { type Program, start } from './programs.ts';

export interface Database {
  /** Of the database in it that nodes share. */
  url: string;
  /** Of its socket. */
  socket: string;
  /** Of another database there, which is made. */
  another(name: string): string;
  /** Of its first process; all others are its children. */
  pid(): number | undefined;
  start(): Promise<void>;
  /** `'crash'`: as when the power goes; it repairs itself from its log when it starts. */
  stop(how?: 'now' | 'crash'): Promise<void>;
  /** Stops it and removes all there was. */
  remove(): Promise<void>;
}

const signals = { now: 'SIGINT', crash: 'SIGQUIT' } as const; // PostgreSQL's fast and immediate
const running = /database system is ready to accept connections/;

/** @throws Missing */
export async function startDatabase(): Promise<Database> {
  const programs = postgresPrograms();
  const owner = ownerOfData();
  const { path: folder, remove: removeFolder } = temporaryFolder('mcp-mount-postgres-');
  const data = join(folder, 'data');
  let server: Program | undefined;

  function init(): void {
    if (owner) chownSync(folder, owner.uid, owner.gid);
    const args = ['-D', data, '-U', 'list', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
    execFileSync(join(programs, 'initdb'), args, { ...owner, cwd: folder, stdio: 'pipe' });
  }

  async function startServer(): Promise<void> {
    const args = ['-D', data, '-k', folder, '-c', 'listen_addresses='];
    server = await start(
      { command: join(programs, 'postgres'), args, cwd: folder, ...owner },
      running,
    );
  }

  async function stop(how: keyof typeof signals = 'now'): Promise<void> {
    await server?.end(signals[how]);
    server = undefined;
  }

  async function remove(): Promise<void> {
    await stop('crash'); // nobody will miss what it has not written yet
    removeFolder();
  }

  const urlOf = (name: string) => `postgres://list@/${name}?host=${encodeURIComponent(folder)}`;
  function another(name: string): string {
    execFileSync(join(programs, 'createdb'), ['-h', folder, '-U', 'list', name], { stdio: 'pipe' });
    return urlOf(name);
  }

  try {
    init();
    await startServer();
  } catch (error) {
    await remove();
    throw error;
  }
  const socket = join(folder, '.s.PGSQL.5432');
  const pid = () => server?.child.pid;
  return { url: urlOf('postgres'), socket, another, pid, start: startServer, stop, remove };
}

/** PostgreSQL refuses to run as root: then as the user that Debian's package makes. */
function ownerOfData(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const [uid, gid] = ['-u', '-g'].map(what =>
    spawnSync('id', [what, 'postgres']).stdout.toString(),
  );
  if (!uid || !gid)
    throw new Missing(
      'Root can’t run PostgreSQL, and there is no user postgres: apt-get install postgresql',
    );
  return { uid: Number(uid), gid: Number(gid) };
}
