/** Where a token is asked for: does it hold everywhere, and is nothing else taken for it? */
import type { Found } from '../discover.ts';
import { type Entry, entriesOf, isLetIn } from '../entries.ts';
import {
  inEachSession,
  judged,
  notLookedAt,
  type Outcome,
  type Theme,
  together,
} from '../probe.ts';
import { nameOf } from '../session.ts';
import type { Visit } from '../visit.ts';
import { type Answer, type Fields, withHeaders, withPath } from '../wire.ts';

export const tokens: Theme = {
  name: 'Tokens',
  probes: [
    {
      id: 'challenge',
      title: 'Every door asks for the token, with WWW-Authenticate',
      remedy: 'Answer 401 with WWW-Authenticate: Bearer in front of the whole mount.',
      threads: ['MCP 2025-11-25, authorization', 'RFC 6750, 3'],
      run: (visit, found) => withToken(found, () => challenge(visit, found)),
    },
    {
      id: 'session-id',
      title: 'A session’s id is no credential',
      remedy: 'Ask for the token with every message, also of a session that is open.',
      threads: ['modelcontextprotocol#641'],
      run: (visit, found) => withToken(found, () => withoutToken(visit, found)),
    },
    {
      id: 'session-owner',
      title: 'A session answers nobody but whose token opened it',
      remedy: 'Keep whose a session is, and answer 404 to everybody else.',
      threads: ['modelcontextprotocol#641'],
      run: (visit, found) => withToken(found, () => withOtherToken(visit, found)),
    },
    {
      id: 'spelling',
      title: 'No other spelling of the path gets past the guard',
      remedy:
        'Guard the app, not a string: no decoding, merging or folding between guard and mount.',
      threads: ['measured: 711 raw targets'],
      run: (visit, found) => withToken(found, () => spelled(visit, found)),
    },
  ],
};

async function withToken({ options }: Found, look: () => Promise<Outcome>): Promise<Outcome> {
  if (options.token === undefined) return notLookedAt('no token was given; --token T gives one');
  return look();
}

const noToken: Fields = { Authorization: '' }; // takes the header away

async function challenge(visit: Visit, found: Found): Promise<Outcome> {
  return together(await Promise.all(entriesOf(found).map(entry => challenged(visit, entry))));
}

async function challenged(visit: Visit, { method, path, asked }: Entry): Promise<Outcome> {
  const { status, headers } = await visit.ask(path, withHeaders(asked, noToken));
  const how = headers['www-authenticate'] ?? 'none';
  const seen = `${nameOf(method, path)} without a token: ${status}, WWW-Authenticate: ${how}`;
  return judged(status === 401 && how !== 'none', seen);
}

function withoutToken(visit: Visit, found: Found): Promise<Outcome> {
  return inEachSession(visit, found, async session => {
    const answer = await visit.ask(session.target, withHeaders(session.ping(), noToken));
    return refused(
      answer,
      `${nameOf('POST', session.target)} of an open session without its token`,
    );
  });
}

async function withOtherToken(visit: Visit, found: Found): Promise<Outcome> {
  const { otherToken } = found.options;
  if (otherToken === undefined)
    return notLookedAt('no second token was given; --other-token T gives one');
  const headers = { Authorization: `Bearer ${otherToken}` };
  return inEachSession(visit, found, async (session, { path }) => {
    if (session.kind === 'streamable' && session.id === undefined)
      return notLookedAt(`${path} keeps no sessions`);
    const answer = await visit.ask(session.target, withHeaders(session.ping(), headers));
    return refused(answer, `${nameOf('POST', session.target)} of a session with another’s token`);
  });
}

function refused({ status }: Answer, name: string): Outcome {
  return judged(status >= 400 && status < 500, `${name}: ${status}`);
}

/** Each is another path to some parsers, and the same one to others. */
function spellings(target: string): string[] {
  const spelled = spellingsOf(target.replace(/\?.*/s, ''));
  return [...new Set(spelled)].map(path => withPath(target, () => path));
}

function spellingsOf(path: string): string[] {
  const [, first = '', rest = ''] = /^\/(.)(.*)$/s.exec(path) ?? [];
  if (first === '') return [];
  const escaped = `%${first.charCodeAt(0).toString(16)}`;
  return [
    `/${path}`,
    `/./${first}${rest}`,
    `/x/..${path}`,
    `/x/%2e%2e${path}`,
    `/${escaped}${rest}`,
    path.toUpperCase(),
    `${path}/`,
    `${path}//`,
    `${path};x`,
    `${path}%2f`,
    path.replace(/(?<=.)\//g, '%2f'),
    path.replace(/(?<=.)\//g, '\\'),
  ];
}

/** Without a token: whichever spelling is answered went round the guard. */
async function spelled(visit: Visit, found: Found): Promise<Outcome> {
  const outcomes = entriesOf(found).flatMap(entry =>
    spellings(entry.path).map(target => passesBy(visit, target, entry)),
  );
  const all = together(await Promise.all(outcomes));
  if (all.verdict !== 'pass') return all;
  return { ...all, seen: `${outcomes.length} spellings, none let in` };
}

async function passesBy(visit: Visit, target: string, { method, asked }: Entry): Promise<Outcome> {
  const answer = await visit.ask(target, withHeaders(asked, noToken));
  return judged(!isLetIn(answer), `${method} ${target} without a token: ${answer.status}`);
}
