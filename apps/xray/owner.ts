/**
 * Who may be shown a request: where a token is asked for, whoever looks on with the token that the
 * request came with, and nobody else; one that came without, and was refused, is shown to nobody.
 * Without a guard in front, all is shown to all.
 */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type Auth, bearerToken } from '../../guard.ts';

/** A digest of a token; undefined for none. */
export type Owner = string | undefined;

/** Whose the request is, as its header says, for a request is shown before a guard has seen it. */
export function ownerOf(req: IncomingMessage & { [digested]?: string }): Owner {
  if (req.headers.authorization === undefined) return undefined;
  const token = bearerToken(req);
  if (token === undefined) return undefined;
  req[digested] ??= digest(token); // asked for by each router that it passes
  return req[digested];
}

const digested = Symbol('digest of the token');

/** Who looks on with this request, as a guard found it; undefined where none was there. */
export function viewerOf({ auth }: IncomingMessage & { auth?: Auth }): Owner {
  return auth && digest(auth.token);
}

export function maySee(viewer: Owner, owner: Owner): boolean {
  return viewer === undefined || viewer === owner;
}

function digest(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}
