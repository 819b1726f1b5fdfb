/** Who may reach it: what a hostile web page, or another machine, is told. */
import { networkInterfaces } from 'node:os';
import type { Found } from '../discover.ts';
import { initialize } from '../messages.ts';
import {
  atEachDoor,
  fault,
  isRefusal,
  judged,
  notLookedAt,
  type Outcome,
  type Probe,
  pass,
  type Theme,
  together,
} from '../probe.ts';
import { nameOf } from '../session.ts';
import { Trouble } from '../trouble.ts';
import { Visit } from '../visit.ts';
import type { Asked, Fields } from '../wire.ts';

const rebinding = ['CVE-2025-66414', 'CVE-2025-66416', 'CVE-2026-34742'];

/** A name that was bound to this machine's address, as its page's requests carry it. */
const foreignHost: Fields = { Host: 'evil.example' };
const foreignOrigins: Fields[] = [{ Origin: 'https://evil.example' }, { Origin: 'null' }];

export const guards: Theme = {
  name: 'Who may reach it',
  probes: [
    {
      id: 'host',
      title: 'A POST with a foreign Host is refused',
      remedy: 'Check Host against the names you serve, in front of everything.',
      threads: rebinding,
      run: (visit, found) => posts(visit, found, [foreignHost]),
    },
    {
      id: 'host-get',
      title: 'A GET with a foreign Host is refused',
      remedy: 'Check Host on every method: a stream read by GET opens a session.',
      threads: rebinding,
      run: (visit, found) => gets(visit, found, [foreignHost]),
    },
    {
      id: 'host-plain',
      title: 'Web endpoints beside it refuse a foreign Host',
      remedy: 'Put the guard in front of the whole server, not of the MCP app alone.',
      threads: rebinding,
      run: (visit, found) => plains(visit, found, [foreignHost]),
    },
    {
      id: 'origin',
      title: 'A POST with a foreign Origin is refused',
      remedy: 'Check Origin against the pages you let in: 403 for all others (MCP, transports).',
      threads: rebinding,
      run: (visit, found) => posts(visit, found, foreignOrigins),
    },
    {
      id: 'origin-get',
      title: 'A GET with a foreign Origin is refused',
      remedy: 'Check Origin on every method: a stream read by GET opens a session.',
      threads: rebinding,
      run: (visit, found) => gets(visit, found, foreignOrigins),
    },
    {
      id: 'origin-plain',
      title: 'No foreign page may read or write web endpoints beside it',
      remedy: 'Send Access-Control-Allow-Origin for pages you know, and never for any that asks.',
      threads: rebinding,
      run: foreignPages,
    },
    {
      id: 'no-preflight',
      title: 'JSON is taken as application/json alone',
      remedy: 'Answer 415: any page may post text/plain without being asked first.',
      threads: rebinding,
      run: (visit, found) =>
        posts(visit, found, [
          { 'Content-Type': 'text/plain' },
          { 'Content-Type': 'application/x-www-form-urlencoded' },
        ]),
    },
    {
      id: 'open-network',
      title: 'What asks for no token is bound to loopback alone',
      remedy: 'Bind 127.0.0.1 and ::1, or ask for a token.',
      threads: ['fastapi_mcp#324'],
      run: openNetwork,
    },
    {
      id: 'both-loopbacks',
      title: 'localhost is answered on both of its addresses',
      remedy: 'Bind 127.0.0.1 and ::1: clients take the one or the other.',
      threads: ['pydantic-ai#1282', 'mcp-toolbox#400'],
      run: bothLoopbacks,
    },
    hurting({
      id: 'odd-host',
      title: 'A Host that no URL can be built from is refused, and no more',
      remedy: 'Build no URL from the Host header outside a try: it throws, and the process ends.',
      threads: ['typescript-sdk: SSEServerTransport.handlePostMessage'],
      run: oddHost,
    }),
    hurting({
      id: 'odd-target',
      title: 'A target that no URL can be built from is refused, and no more',
      remedy: 'Cut the path at the first ?; new URL(req.url) throws on //, and the process ends.',
      threads: ['RFC 9112, 3.2'],
      run: oddTarget,
    }),
  ],
};

function hurting(probe: Probe): Probe {
  return { ...probe, when: 'alone' };
}

function shown(fields: Fields): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}`)
    .join(', ');
}

/** Each door, asked with these headers in the place of its own. */
function posts(visit: Visit, found: Found, variants: Fields[]): Promise<Outcome> {
  return atEachDoor(found, async ({ shared }) => {
    const outcomes = variants.map(headers => {
      const ping = shared.ping();
      const asked = { ...ping, headers: { ...ping.headers, ...headers } };
      return isRefused(visit, shared.target, asked, headers);
    });
    return together(await Promise.all(outcomes));
  });
}

async function gets(visit: Visit, found: Found, variants: Fields[]): Promise<Outcome> {
  const { endpoint, doors } = found;
  const entered = new Map<string, Fields>();
  for (const { kind, path, shared } of doors)
    if (kind === 'streamable' && found.listens) entered.set(path, shared.headers);
  if (endpoint) entered.set(endpoint.path, {});
  if (entered.size === 0) return notLookedAt('it offers no stream to GET');
  const outcomes = [...entered].flatMap(([path, own]) =>
    variants.map(headers => {
      const asked = { headers: { ...own, Accept: 'text/event-stream', ...headers } };
      return isRefused(visit, path, asked, headers);
    }),
  );
  return together(await Promise.all(outcomes));
}

async function isRefused(
  visit: Visit,
  target: string,
  asked: Asked,
  why: Fields,
): Promise<Outcome> {
  const { status } = await visit.ask(target, asked);
  const name = nameOf(asked.method ?? 'GET', target);
  return judged(isRefusal(status), `${name} with ${shown(why)}: ${status}`);
}

const noPlain = 'nothing answers GET beside it where one would look; --plain PATH names something';

async function plains(visit: Visit, { plain }: Found, variants: Fields[]): Promise<Outcome> {
  if (plain.length === 0) return notLookedAt(noPlain);
  const outcomes = plain.flatMap(({ path }) =>
    variants.map(headers => isRefused(visit, path, { headers }, headers)),
  );
  return together(await Promise.all(outcomes));
}

/** Without a header that lets the page in, a browser shows it nothing: then no check is needed. */
async function foreignPages(visit: Visit, { plain }: Found): Promise<Outcome> {
  if (plain.length === 0) return notLookedAt(noPlain);
  const outcomes = plain.flatMap(({ path }) =>
    foreignOrigins.flatMap(headers => [
      letsIn(visit, path, { headers }, headers),
      letsIn(visit, path, { method: 'OPTIONS', headers: { ...headers, ...preflight } }, headers),
    ]),
  );
  return together(await Promise.all(outcomes));
}

const preflight = {
  'Access-Control-Request-Method': 'PUT',
  'Access-Control-Request-Headers': 'content-type',
};

async function letsIn(visit: Visit, path: string, asked: Asked, why: Fields): Promise<Outcome> {
  const { status, headers } = await visit.ask(path, asked);
  const allowed = headers['access-control-allow-origin'];
  const isOpen = status < 300 && (allowed === '*' || allowed === why['Origin']);
  const seen = `${asked.method ?? 'GET'} ${path} with ${shown(why)}: ${status}`;
  return judged(!isOpen, isOpen ? `${seen}, Access-Control-Allow-Origin: ${allowed}` : seen);
}

/** From this machine's other addresses, as another machine would, without a token. */
async function openNetwork(visit: Visit, { doors, options }: Found): Promise<Outcome> {
  if (!isLoopback(options.url.hostname))
    return notLookedAt('its URL is none of this machine’s own');
  const [address] = Object.values(networkInterfaces())
    .flatMap(addresses => addresses ?? [])
    .filter(({ internal, family }) => !internal && family === 'IPv4')
    .map(({ address }) => address);
  if (address === undefined) return notLookedAt('this machine has no address but loopback');
  const [door] = doors;
  if (!door) return notLookedAt('there is no place to post to');
  const origin = new URL(options.url.origin);
  origin.hostname = address;
  const outside = new Visit({ origin, patienceMs: visit.patienceMs });
  visit.after(() => outside.end());
  const asked = { ...initialize, headers: { ...initialize.headers, Host: visit.origin.host } };
  const target = door.kind === 'sse' ? door.path : door.shared.target;
  const status = await outside
    .ask(target, door.kind === 'sse' ? { headers: { Host: visit.origin.host } } : asked)
    .then(
      answer => answer.status,
      (error: unknown) => (error instanceof Trouble ? error.kind : Promise.reject(error)),
    );
  const seen = `${address}:${origin.port}, without a token: ${status}`;
  return judged(typeof status === 'string' || status >= 400, seen);
}

function isLoopback(hostname: string): boolean {
  return /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname);
}

async function bothLoopbacks(visit: Visit, { options }: Found): Promise<Outcome> {
  if (options.url.hostname !== 'localhost') return notLookedAt('its URL does not say localhost');
  const hasV6 = Object.values(networkInterfaces()).some(addresses =>
    addresses?.some(({ address }) => address === '::1'),
  );
  if (!hasV6) return notLookedAt('this machine has one loopback address only');
  const outcomes = ['127.0.0.1', '[::1]'].map(async address => {
    const origin = new URL(options.url.origin);
    origin.hostname = address;
    const there = new Visit({ origin, patienceMs: visit.patienceMs });
    visit.after(() => there.end());
    const came = await there.ask('/mcp-mount-check').catch((error: unknown) => error);
    const refused = came instanceof Trouble && came.kind === 'unreachable';
    return refused ? fault(`${address}: nothing listens there`) : pass(`${address}: answered`);
  });
  return together(await Promise.all(outcomes));
}

function oddHost(visit: Visit, found: Found): Promise<Outcome> {
  return atEachDoor(found, ({ shared }) => {
    const ping = shared.ping();
    const asked = { ...ping, headers: { ...ping.headers, Host: '[' } };
    return survives(
      visit,
      visit.bytes(shared.target, asked),
      `${nameOf('POST', shared.target)} with Host: [`,
    );
  });
}

const oddTargets = ['//', '//[', '/%', 'http://['];

async function oddTarget(visit: Visit): Promise<Outcome> {
  const outcomes: Outcome[] = [];
  for (const target of oddTargets)
    outcomes.push(await survives(visit, visit.bytes(target, {}), `GET ${target}`));
  return together(outcomes);
}

/** Any answer but a failure will do, and so will the end of the connection. */
async function survives(visit: Visit, bytes: string, name: string): Promise<Outcome> {
  const raw = visit.raw();
  raw.send(bytes);
  const status = await raw.status();
  raw.close();
  const holds = status === 'closed' || (typeof status === 'number' && status < 500);
  return judged(holds, `${name}: ${status}`);
}
