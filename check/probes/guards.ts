/** Who may reach it: what a hostile web page, or another machine, is told. */
import { networkInterfaces } from 'node:os';
import type { Found } from '../discover.ts';
import { entriesOf, isLetIn } from '../entries.ts';
import {
  atEachDoor,
  fault,
  inEachSession,
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
import { type Asked, type Fields, withHeaders } from '../wire.ts';

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
      threads: ['measured: the SDK’s SSE transport throws on it'],
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

/** At each door, one message for each of these headers, and each in a session of its own. */
function posts(visit: Visit, found: Found, variants: Fields[]): Promise<Outcome> {
  return atEachDoor(found, async door => {
    const outcomes: Outcome[] = [];
    for (const headers of variants) {
      const session = await door.session(visit);
      const asked = withHeaders(session.ping(), headers);
      outcomes.push(await isRefused(visit, session.target, asked, headers));
    }
    return together(outcomes);
  });
}

/** Each path that gives a stream to GET, with what else has to be sent there. */
async function gets(visit: Visit, found: Found, variants: Fields[]): Promise<Outcome> {
  const { endpoint, doors, listens } = found;
  const outcomes: Outcome[] = [];
  for (const headers of variants) {
    const asked = { headers: { Accept: 'text/event-stream', ...headers } };
    const door = listens ? doors.find(({ kind }) => kind === 'streamable') : undefined;
    const session = await door?.session(visit);
    if (door && session)
      outcomes.push(
        await isRefused(visit, door.path, withHeaders(asked, session.headers), headers),
      );
    if (endpoint) outcomes.push(await isRefused(visit, endpoint.path, asked, headers));
  }
  return outcomes.length > 0 ? together(outcomes) : notLookedAt('it offers no stream to GET');
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
async function openNetwork(visit: Visit, found: Found): Promise<Outcome> {
  const { url } = found.options;
  if (!isLoopback(url.hostname)) return notLookedAt('its URL is none of this machine’s own');
  const address = outsideAddress();
  if (address === undefined) return notLookedAt('this machine has no address but loopback');
  const outside = elsewhere(visit, url, address);
  const headers = { Host: visit.origin.host }; // which a guard lets in, and anybody may send
  const opened = await opens(outside, found, headers);
  return judged(
    !opened,
    `${outside.origin.host}, without a token: ${opened ? '' : 'not '}answered`,
  );
}

function outsideAddress(): string | undefined {
  const addresses = Object.values(networkInterfaces()).flatMap(found => found ?? []);
  return addresses.find(({ internal, family }) => !internal && family === 'IPv4')?.address;
}

/** The same server by another of its addresses. */
function elsewhere(visit: Visit, url: URL, address: string): Visit {
  const origin = new URL(url.origin);
  origin.hostname = address;
  const there = new Visit({ origin, patienceMs: visit.patienceMs });
  visit.after(() => there.end());
  return there;
}

/** Whether a client gets in there. */
async function opens(visit: Visit, found: Found, headers: Fields): Promise<boolean> {
  const [entry] = entriesOf(found);
  if (!entry) return false;
  try {
    return isLetIn(await visit.ask(entry.path, withHeaders(entry.asked, headers)));
  } catch (error) {
    if (error instanceof Trouble) return false;
    throw error;
  }
}

function isLoopback(hostname: string): boolean {
  return /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname);
}

async function bothLoopbacks(visit: Visit, { options }: Found): Promise<Outcome> {
  const { url } = options;
  if (url.hostname !== 'localhost') return notLookedAt('its URL does not say localhost');
  if (!hasIpv6()) return notLookedAt('this machine has one loopback address only');
  const outcomes = ['127.0.0.1', '[::1]'].map(async address => {
    const there = elsewhere(visit, url, address);
    const came = await there.ask('/mcp-mount-check').catch((error: unknown) => error);
    const refused = came instanceof Trouble && came.kind === 'unreachable';
    return refused ? fault(`${address}: nothing listens there`) : pass(`${address}: answered`);
  });
  return together(await Promise.all(outcomes));
}

function hasIpv6(): boolean {
  return Object.values(networkInterfaces()).some(found =>
    found?.some(({ address }) => address === '::1'),
  );
}

function oddHost(visit: Visit, found: Found): Promise<Outcome> {
  return inEachSession(visit, found, session => {
    const asked = withHeaders(session.ping(), { Host: '[' });
    const name = `${nameOf('POST', session.target)} with Host: [`;
    return survives(visit, visit.bytes(session.target, asked), name);
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
