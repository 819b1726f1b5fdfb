/** The mount: does what the server says of its own paths hold for those who are outside? */
import type { Found } from '../discover.ts';
import { type Entry, entriesOf, isLetIn } from '../entries.ts';
import { initialize } from '../messages.ts';
import { fault, judged, notLookedAt, type Outcome, pass, type Theme, together } from '../probe.ts';
import { nameOf, openSseStream } from '../session.ts';
import type { Visit } from '../visit.ts';
import { withPath } from '../wire.ts';

export const mount: Theme = {
  name: 'The mount',
  probes: [
    {
      id: 'endpoint',
      title: 'The endpoint event names a place on this server that takes messages',
      remedy: 'Name the path with the mount’s prefix before it: rootPath + /messages.',
      threads: [
        'python-sdk#412',
        'python-sdk#659',
        'mcp-framework#63',
        'MCP-Nest#65',
        'csharp-sdk#323',
      ],
      run: async (_visit, { endpoint }) => {
        if (!endpoint) return notLookedAt(noSse);
        const named = `GET ${endpoint.path} names ${withoutQuery(endpoint.data)}`;
        if (endpoint.wrong !== undefined) return judged(false, `${named}; ${endpoint.wrong}`);
        return pass(`${named}, which takes messages`);
      },
    },
    {
      id: 'stripped-prefix',
      title: 'Behind a proxy that strips a prefix, the endpoint event still leads back',
      remedy:
        'Name the place relative to the stream (messages?…), at least where X-Forwarded-Prefix says that a prefix was stripped.',
      threads: ['python-sdk#242', 'python-sdk#797', 'python-sdk#2255', 'typescript-sdk#583'],
      run: strippedPrefix,
    },
    {
      id: 'slash',
      title: 'Neither spelling of a slash at the end is redirected',
      remedy: 'Answer with and without the slash; a redirect loses bodies and names wrong hosts.',
      threads: ['python-sdk#732', 'fastmcp#2961'],
      run: slash,
    },
    {
      id: 'segment',
      title: 'The prefix ends where a segment ends',
      remedy: 'Match whole segments: /mcp and /mcp/…, not /mcpx.',
      threads: ['starlette#2599', 'starlette#3293'],
      run: segment,
    },
    {
      id: 'not-there',
      title: 'What is not there is a 404, not a page',
      remedy:
        'Let no catch-all answer below the mount or /.well-known/: clients take the page for an answer.',
      threads: ['docmost#2133'],
      run: notThere,
    },
  ],
};

const noSse = 'it has no stream of the older SSE transport';

function withoutQuery(target: string): string {
  return target.replace(/\?.*$/s, '?…');
}

const prefix = '/mcp-mount-check';
const nowhere = '/no-server-has-this'; // not '/mcp…': a prefix compared as text would take it

/** Asks as a proxy would that was entered at a prefix and stripped it. */
async function strippedPrefix(visit: Visit, { endpoint }: Found): Promise<Outcome> {
  if (!endpoint) return notLookedAt(noSse);
  if (endpoint.wrong) return notLookedAt('the endpoint event is wrong without a proxy already');
  const opening = await openSseStream(visit, endpoint.path, { 'X-Forwarded-Prefix': prefix });
  const outside = new URL(prefix + endpoint.path, visit.origin);
  const { pathname, search } = new URL(opening.endpoint, outside);
  const seen = `with X-Forwarded-Prefix: ${prefix}, GET ${endpoint.path} names ${withoutQuery(opening.endpoint)}`;
  if (!pathname.startsWith(`${prefix}/`))
    return judged(false, `${seen}, for which clients leave the prefix`);
  const target = pathname.slice(prefix.length) + search;
  const { status } = await visit.ask(target, initialize);
  return judged(status < 300, `${seen}, where POST is answered ${status}`);
}

/** Of every entry, the spelling with a slash more or less. */
async function slash(visit: Visit, found: Found): Promise<Outcome> {
  const { redirects } = found;
  if (redirects.length > 0) return judged(false, redirects.join('; '));
  return together(await Promise.all(entriesOf(found).map(entry => toggled(visit, entry))));
}

async function toggled(visit: Visit, { method, path, asked }: Entry): Promise<Outcome> {
  const other = withPath(path, named => (named.endsWith('/') ? named.slice(0, -1) : `${named}/`));
  if (!other.startsWith('/')) return notLookedAt('it is mounted at the root');
  const { status, headers } = await visit.ask(other, asked);
  const redirected = status >= 300 && status < 400;
  const seen = `${nameOf(method, other)}: ${status}`;
  return judged(!redirected, redirected ? `${seen} to ${headers.location}` : seen);
}

async function segment(visit: Visit, found: Found): Promise<Outcome> {
  const entries = entriesOf(found).filter(({ path }) => !/\/(?:\?|$)/.test(path));
  if (entries.length === 0) return notLookedAt('it is mounted at the root, or ends with a slash');
  return together(await Promise.all(entries.map(entry => longer(visit, entry))));
}

async function longer(visit: Visit, { method, path, asked }: Entry): Promise<Outcome> {
  const target = withPath(path, named => `${named}x`);
  const answer = await visit.ask(target, asked);
  const seen = `${nameOf(method, target)}: ${answer.status}`;
  if (!isLetIn(answer)) return pass(seen);
  const anywhere = isLetIn(await visit.ask(nowhere, asked));
  return anywhere ? notLookedAt('it answers at any path') : fault(seen);
}

async function notThere(visit: Visit, { doors }: Found): Promise<Outcome> {
  const wellKnown = ['oauth-protected-resource', 'oauth-authorization-server'];
  const below = doors.map(({ path }) => `${path.replace(/\/?(?:\?.*)?$/, '')}/mcp-mount-check`);
  const paths = [...below, ...wellKnown.map(name => `/.well-known/${name}`)];
  const outcomes = paths.map(async path => {
    const { status, headers } = await visit.ask(path, { headers: { Accept: 'application/json' } });
    const type = headers['content-type'] ?? '';
    const isPage = status < 300 && type.includes('text/html');
    return judged(!isPage, `GET ${path}: ${status}${isPage ? ' with a page' : ''}`);
  });
  return together(await Promise.all(outcomes));
}
