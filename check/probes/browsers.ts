/** What a browser makes of it: pages that are let in, and pages that it serves itself. */
import type { Found, Plain } from '../discover.ts';
import { type Entry, entriesOf } from '../entries.ts';
import { posted, sessionless } from '../messages.ts';
import { fault, judged, notLookedAt, type Outcome, pass, type Theme, together } from '../probe.ts';
import { nameOf } from '../session.ts';
import type { Visit } from '../visit.ts';
import { type Answer, type Fields, withHeaders } from '../wire.ts';

export const browsers: Theme = {
  name: 'What a browser sees',
  probes: [
    {
      id: 'cors',
      title: 'A page that is let in can send what MCP needs, and read its session',
      remedy:
        'Expose Mcp-Session-Id on the answer itself; allow Content-Type, Mcp-Session-Id, Mcp-Protocol-Version and Authorization in the preflight.',
      threads: ['netdata#22258', 'python-sdk#1135', 'kernel-mcp-server#128'],
      run: cors,
    },
    {
      id: 'nosniff',
      title: 'No answer is left to a browser’s guess',
      remedy: 'Send X-Content-Type-Options: nosniff with every answer.',
      threads: ['Fetch standard, nosniff'],
      run: nosniff,
    },
    {
      id: 'framed',
      title: 'No foreign page can frame its pages',
      remedy: "Send Content-Security-Policy: frame-ancestors 'none' with every page.",
      threads: ['CSP 3, frame-ancestors'],
      run: (visit, found) => eachPage(visit, found, framed),
    },
    {
      id: 'inline-script',
      title: 'Text that gets into its pages is not run',
      remedy:
        "Send a Content-Security-Policy whose script-src has no 'unsafe-inline': a page here may call every tool.",
      threads: ['CSP 3, script-src'],
      run: (visit, found) => eachPage(visit, found, inlineScript),
    },
    {
      id: 'cached',
      title: 'Data of a web endpoint is not kept for later without being asked',
      remedy: 'Send Cache-Control: no-store or no-cache with what changes.',
      threads: ['RFC 9111, 4.2.2'],
      run: cached,
    },
  ],
};

async function cors(visit: Visit, found: Found): Promise<Outcome> {
  const { browserOrigin: Origin } = found.options;
  const [entry] = entriesOf(found);
  if (!entry) return notLookedAt('there is no way in');
  const answer = await visit.ask(entry.path, withHeaders(entry.asked, { Origin }));
  if (!allows(answer, Origin))
    return notLookedAt(`pages of ${Origin} are not let in (CORS is off); --origin names others`);
  const unread = keepsSessions(found) && !names(answer, 'expose').has('mcp-session-id');
  const missing = [
    ...(unread ? ['expose Mcp-Session-Id'] : []),
    ...(await missingInPreflight(visit, found, entry)),
  ];
  if (missing.length === 0) return pass(`for pages of ${Origin}, all is allowed and exposed`);
  return fault(`for pages of ${Origin}, it does not ${missing.join(', ')}`);
}

function keepsSessions({ doors }: Found): boolean {
  return doors.some(({ shared }) => shared.id !== undefined);
}

function allows({ headers }: Answer, origin: string): boolean {
  const allowed = headers['access-control-allow-origin'];
  return allowed === origin || allowed === '*';
}

// '*' stands for every name but Authorization (Fetch standard, CORS protocol)
function names({ headers }: Answer, kind: 'expose' | 'allow'): { has(name: string): boolean } {
  const value = headers[`access-control-${kind}-headers`] ?? '';
  const listed = new Set(
    String(value)
      .toLowerCase()
      .split(/\s*,\s*/),
  );
  return { has: name => listed.has(name) || (listed.has('*') && name !== 'authorization') };
}

async function missingInPreflight(
  visit: Visit,
  found: Found,
  { method, path }: Entry,
): Promise<string[]> {
  const { browserOrigin, token } = found.options;
  const needed = [
    ...(method === 'POST' ? ['content-type', 'mcp-protocol-version'] : []),
    ...(keepsSessions(found) ? ['mcp-session-id'] : []),
    ...(found.doors.every(({ shared }) => shared.version >= sessionless) ? ['mcp-method'] : []),
    ...(token === undefined ? [] : ['authorization']),
  ];
  const headers: Fields = {
    Origin: browserOrigin,
    Authorization: '', // a browser sends none with a preflight
    'Access-Control-Request-Method': method,
    'Access-Control-Request-Headers': needed.join(','),
  };
  const answer = await visit.ask(path, { method: 'OPTIONS', headers });
  if (answer.status >= 300 || !allows(answer, browserOrigin))
    return [`answer the preflight (OPTIONS: ${answer.status})`];
  const allowed = names(answer, 'allow');
  return needed.filter(name => !allowed.has(name)).map(name => `allow ${name}`);
}

async function nosniff(visit: Visit, { doors, plain }: Found): Promise<Outcome> {
  const posts = doors.map(async door => {
    const session = await door.session(visit);
    const answer = await visit.ask(session.target, posted(session, 'no message'));
    return sniffable(answer, `${nameOf('POST', session.target)} (${answer.status})`);
  });
  const gets = plain.map(({ path, answer }) => sniffable(answer, `GET ${path}`));
  return together([...(await Promise.all(posts)), ...gets]);
}

function sniffable({ headers }: Answer, name: string): Outcome {
  const holds = headers['x-content-type-options'] === 'nosniff';
  return judged(holds, holds ? `${name}: nosniff` : `${name}: no X-Content-Type-Options`);
}

/** Those beside the MCP server, and what a person gets who opens its URL. */
async function eachPage(
  visit: Visit,
  { plain, doors, endpoint }: Found,
  look: (page: Plain) => Outcome,
): Promise<Outcome> {
  const paths = new Set([...doors, ...(endpoint ? [endpoint] : [])].map(({ path }) => path));
  const opened = [...paths].map(async path => {
    return { path, answer: await visit.ask(path, { headers: { Accept: 'text/html' } }) };
  });
  const pages = [...plain, ...(await Promise.all(opened))].filter(
    ({ answer }) => answer.status < 300 && /text\/html/.test(answer.headers['content-type'] ?? ''),
  );
  return pages.length === 0 ? notLookedAt('it serves no page') : together(pages.map(look));
}

function framed({ path, answer }: Plain): Outcome {
  const { 'x-frame-options': old, 'content-security-policy': policy = '' } = answer.headers;
  const holds = /frame-ancestors/.test(String(policy)) || old !== undefined;
  return judged(holds, `GET ${path}: ${holds ? 'says who may frame it' : 'anybody may frame it'}`);
}

function inlineScript({ path, answer }: Plain): Outcome {
  const policy = String(answer.headers['content-security-policy'] ?? '');
  const rule = directive(policy, 'script-src') ?? directive(policy, 'default-src');
  if (rule === undefined) return judged(false, `GET ${path}: no policy for scripts`);
  // A hash or a nonce makes browsers pass over 'unsafe-inline'.
  const open = /'unsafe-inline'/.test(rule) && !/'(?:sha\d+|nonce)-/.test(rule);
  return judged(!open, `GET ${path}: ${open ? 'inline scripts are run' : 'no inline script'}`);
}

function directive(policy: string, name: string): string | undefined {
  const rules = policy.split(';').map(rule => rule.trim());
  return rules.find(rule => rule === name || rule.startsWith(`${name} `));
}

/** Of those that were named: what is found by itself may be meant to be kept. */
async function cached(_visit: Visit, { plain, options }: Found): Promise<Outcome> {
  const named = plain.filter(({ path, answer }) => {
    const type = answer.headers['content-type'] ?? '';
    return options.plain.includes(path) && type.includes('json');
  });
  if (named.length === 0) return notLookedAt('--plain PATH names no endpoint that answers JSON');
  return together(
    named.map(({ path, answer }) => {
      const { 'cache-control': cache = 'none' } = answer.headers;
      return judged(cache !== 'none', `GET ${path}: Cache-Control: ${cache}`);
    }),
  );
}
