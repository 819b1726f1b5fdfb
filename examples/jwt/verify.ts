/**
 * A `verify` for bearer() that takes JSON Web Tokens (RFC 9068): signed by one issuer, meant for
 * this server, not expired. Which scopes they must have is for bearer() to say.
 */
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import { type CryptoKey, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import type { Verify } from '../../guard.ts';

export interface JwtOptions {
  /**
   * The issuer's public key. In earnest it is `createRemoteJWKSet(new URL('…/jwks.json'))`,
   * which fetches the keys when they are needed and again when they change.
   */
  key: CryptoKey | JWTVerifyGetKey;
  issuer: string;
  /** The URL that clients connect to: a token for another server is of no use here (RFC 8707). */
  audience: string;
}

/** @returns who the token stands for, or undefined for one that is none; throws when keys can't be had */
export function verifyJwt({ key, issuer, audience }: JwtOptions): Verify {
  const rules = {
    issuer,
    audience,
    algorithms: ['ES256'], // named, or a token could choose how it is checked
    requiredClaims: ['exp', 'sub'],
  };
  const getKey: JWTVerifyGetKey = typeof key === 'function' ? key : () => key;
  return async token => {
    try {
      const { payload } = await jwtVerify(token, getKey, rules);
      return authInfo(token, payload);
    } catch (error) {
      if (error instanceof errors.JOSEError && badToken.has(error.code)) return undefined;
      throw error; // the issuer's keys could not be had: the client is told 500, not 401
    }
  };
}

/** What is wrong with the token, and not with us or the issuer. */
const badToken = new Set(
  [
    errors.JWTExpired,
    errors.JWTClaimValidationFailed,
    errors.JWTInvalid,
    errors.JWSInvalid,
    errors.JWSSignatureVerificationFailed,
    errors.JOSEAlgNotAllowed,
    errors.JOSENotSupported,
    errors.JWKSNoMatchingKey,
  ].map(({ code }) => code),
);

/** Whom a session belongs to: the user, whatever token the client has by now, whichever client. */
export function userOf({ extra }: AuthInfo): string {
  return JSON.stringify([extra?.issuer, extra?.subject]);
}

function authInfo(token: string, { iss, sub, client_id, scope, exp }: JWTPayload): AuthInfo {
  return {
    token,
    clientId: typeof client_id === 'string' ? client_id : '',
    scopes: typeof scope === 'string' ? scope.split(' ') : [],
    ...(exp !== undefined && { expiresAt: exp }),
    extra: { issuer: iss, subject: sub }, // tools find it in extra.authInfo.extra
  };
}
