/**
 * The shopping list behind JSON Web Tokens, with the document that tells a client where to get
 * one. Install what it needs, start it, and use the token that it prints:
 *
 *     npm ci --prefix examples/jwt
 *     npx tsx examples/jwt/server.ts
 *
 * The demo issues its token itself. In earnest the issuer is an authorization server, and this
 * server knows its public keys alone.
 */
import { pathToFileURL } from 'node:url';
import { generateKeyPair, SignJWT } from 'jose';
import { mcpApp } from '../../apps/mcp/app.ts';
import { bearer, hostGuard, protectedResource } from '../../guard.ts';
import { listen, stopOnSignal } from '../../http/listen.ts';
import { addItem, listItems } from '../../items.ts';
import { loopbacks } from '../../program/options.ts';
import { type App, createRouter } from '../../router.ts';
import { memoryStore } from '../../store.ts';
import { shoppingServer } from '../../tools.ts';
import { type JwtOptions, userOf, verifyJwt } from './verify.ts';

const wellKnown = '/.well-known/oauth-protected-resource';
const [reads, writes] = ['list:read', 'list:write'];

/** The list, each part of it for tokens with the scopes that part needs. */
export function jwtApp({ key, issuer, audience }: JwtOptions): App {
  const store = memoryStore();
  const { origin, pathname } = new URL(audience);
  const verify = verifyJwt({ key, issuer, audience });
  const needs = (...scopes: string[]) => ({
    verify,
    scopes,
    resourceMetadata: origin + wellKnown + pathname,
  });

  const router = createRouter();
  router.get('/items/', bearer(listItems(store), needs(reads)));
  router.post('/items/', bearer(addItem(store), needs(writes)));
  router.mount(
    pathname,
    bearer(
      mcpApp(() => shoppingServer(store), { owner: userOf, ownerShare: 0.5 }), // nobody takes all the places
      needs(reads, writes),
    ),
  );
  // At the root, where clients look for it, though the MCP app is mounted below.
  const about = { resource: audience, authorizationServers: [issuer], scopes: [reads, writes] };
  router.mount(wellKnown, protectedResource(about));
  return hostGuard(router);
}

const demoLife = '10m';

async function main(): Promise<void> {
  const port = Number(process.env.PORT ?? 3000);
  const audience = `http://localhost:${port}/mcp`;
  const issuer = 'https://login.example';
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const token = await new SignJWT({ client_id: 'demo', scope: `${reads} ${writes}` })
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt' })
    .setSubject('somebody')
    .setIssuer(issuer)
    .setAudience(audience)
    .setExpirationTime(demoLife)
    .sign(privateKey);

  const running = await listen(jwtApp({ key: publicKey, issuer, audience }), loopbacks, port);
  stopOnSignal(running.stop);
  console.log(`MCP client:  ${audience}  (or ${audience}/sse), with the header
Authorization: Bearer ${token}
Try:         curl -H 'Authorization: Bearer ${token}' http://localhost:${port}/items/`);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await main();
