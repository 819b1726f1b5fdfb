/** A proxy in front of a server: nginx or Caddy, with one of the configurations of this folder. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));

export interface InFront {
  child: ChildProcess;
  /** On 127.0.0.1. */
  port: number;
}

/**
 * Resolves when it is listening, as the user that this runs as, with all it writes in a folder of
 * its own below `folder`.
 *
 * @param config a file of this folder, as `'nginx/kept.conf'`
 * @param upstream host:port of the server behind
 * @param folder has cert.pem and key.pem, where the configuration names them
 */
export async function startProxy(
  config: string,
  upstream: string,
  folder: string,
): Promise<InFront> {
  const [kind = ''] = config.split('/');
  const program = programs[kind];
  if (!program) throw new Error(`${config} is of no proxy that is started here.`);
  const port = await freePort();
  const own = await mkdtemp(join(folder, `${kind}-`));
  const template = await readFile(join(here, config), 'utf8');
  const text = program.edit(template.replaceAll('UPSTREAM', upstream), port, folder);
  await writeFile(join(own, 'conf'), text);
  const child = spawn(kind, program.args(own), {
    env: { ...process.env, HOME: own, XDG_DATA_HOME: own, XDG_CONFIG_HOME: own },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', text => {
    said = (said + text).slice(-keptChars);
  });
  await once(child, 'spawn'); // or says that it is not installed
  if (!(await isListening(port, child))) throw new Error(`${config} does not listen:\n${said}`);
  return { child, port };
}

const keptChars = 2_000; // Caddy tells all it does

interface Program {
  args(own: string): string[];
  /** What is for the reader to put in, and what two of them on one machine would fight for. */
  edit(text: string, port: number, folder: string): string;
}

const programs: Record<string, Program> = {
  nginx: {
    args: own => ['-p', own, '-c', 'conf', '-e', 'error.log'],
    edit: (text, port, folder) =>
      text
        .replaceAll('LISTEN', `127.0.0.1:${port}`)
        .replaceAll(/ (cert|key)\.pem/g, ` ${folder}/$1.pem`),
  },
  caddy: {
    args: own => ['run', '--adapter', 'caddyfile', '--config', join(own, 'conf')],
    edit: (text, port) =>
      text
        .replaceAll(/^LISTEN/gm, `http://:${port}`)
        .replace(/^\{$/m, '{\n\tadmin off\n\tdefault_bind 127.0.0.1'),
  },
};

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number }; // a server on a port has no other shape
  await new Promise(done => probe.close(done));
  return port;
}

/** Neither says when it is. */
async function isListening(port: number, child: ChildProcess): Promise<boolean> {
  for (let left = 250; left > 0 && child.exitCode === null; left--) {
    if (await answers(port)) return true;
    await new Promise(done => setTimeout(done, 20));
  }
  return false;
}

function answers(port: number): Promise<boolean> {
  return new Promise(done => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => done(true)).once('error', () => done(false));
    socket.once('connect', () => socket.destroy());
  });
}
