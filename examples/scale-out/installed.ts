/** Where Debian's packages put what this runs. */
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Something is not installed: one line, with the package that has it. */
export class Missing extends Error {}

const postgresFolder = '/usr/lib/postgresql';

/** The folder of the newest version's programs. @throws Missing */
export function postgresPrograms(): string {
  const versions = existsSync(postgresFolder) ? readdirSync(postgresFolder) : [];
  const newestFirst = versions.sort((one, other) => Number(other) - Number(one));
  const folders = newestFirst.map(version => join(postgresFolder, version, 'bin'));
  const found = [...folders, ...pathFolders()].find(folder => existsSync(join(folder, 'initdb')));
  if (found !== undefined) return found;
  throw new Missing(
    'PostgreSQL is not installed here. Debian’s package: apt-get install postgresql',
  );
}

/** @throws Missing */
export function programOf(name: string, debianPackage: string): string {
  const folder = [...pathFolders(), '/usr/sbin'].find(one => existsSync(join(one, name)));
  if (folder !== undefined) return join(folder, name);
  throw new Missing(
    `${name} is not installed here. Debian’s package: apt-get install ${debianPackage}`,
  );
}

function pathFolders(): string[] {
  return (process.env.PATH ?? '').split(delimiter);
}
