/** What breaks behind a proxy, as a table; and frames, however they are cut into chunks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpointBypass, redirectBypass } from '../../../apps/proxy/bypass.ts';
import { type Frame, frameReader } from '../../../apps/proxy/frames.ts';
import { whyUnreached } from '../../../apps/proxy/unreached.ts';

const upstream = new URL('http://localhost:8000');

function asked(path: string, rootPath = '') {
  return { url: new URL(path, 'http://localhost:5500'), rootPath };
}

type Row = [path: string, reference: string, says: RegExp | undefined, reason: string];

const endpoints: Row[] = [
  ['/mcp/sse', '/mcp/messages?sessionId=1', undefined, 'below the mount'],
  ['/mcp/sse', 'messages?sessionId=1', undefined, 'relative to the stream'],
  ['/mcp/sse/', '/mcp/messages/', undefined, 'a slash at the end is no segment'],
  ['/sse', '/messages/?session_id=1', undefined, 'at the root there is no prefix'],
  ['/mcp', '/messages', undefined, 'the stream itself is at the root'],
  ['/mcp/sse', 'http://localhost:5500/mcp/messages', undefined, 'the host that was asked'],
  ['/mcp/sse', 'http://localhost:8000/mcp/messages', /another host, localhost:8000/, 'its own'],
  ['/mcp/sse', '//other.example/mcp/messages', /another host, other\.example/, 'without a scheme'],
  ['/mcp/sse', '/messages', /\/messages, which is not below \/mcp/, 'the prefix is not known'],
  ['/mcp/sse', '/mcpx/messages', /not below \/mcp/, 'a prefix holds whole segments'],
  ['/mcp/sse', '../messages', /not below \/mcp/, 'relative, and too far up'],
  ['/mcp/sse', 'http://[', /names no URL/, 'nonsense'],
];

for (const [path, reference, says, reason] of endpoints)
  test(`an endpoint event '${reference}' on ${path} ${says ? 'leads past' : 'comes back'}: ${reason}`, () => {
    check(endpointBypass(reference, asked(path)), says);
  });

test('an endpoint event has to stay below the prefix that the proxy is mounted at', () => {
  check(endpointBypass('/messages', asked('/team/mcp', '/team')), /not below \/team/);
  check(endpointBypass('/messages', asked('/team', '/team')), /not below \/team/);
  check(endpointBypass('/team/messages', asked('/team', '/team')), undefined);
});

const redirects: Row[] = [
  ['/mcp', '/mcp/', undefined, 'a path'],
  ['/mcp', 'http://localhost:5500/mcp/', undefined, 'the host that was asked'],
  ['/mcp', 'https://login.example/', undefined, 'somebody else on purpose'],
  ['/mcp', 'http://localhost:8000/mcp/', /own address, localhost:8000/, 'the upstream'],
  ['/mcp', 'http://127.0.0.1:8000/mcp/', /own address, 127\.0\.0\.1:8000/, 'by another name'],
  ['/mcp', 'http://localhost:9000/mcp/', undefined, 'another port is another server'],
  ['/mcp', 'http://[', undefined, 'nonsense leads nowhere'],
];

for (const [path, location, says, reason] of redirects)
  test(`a redirect of ${path} to '${location}' ${says ? 'leads past' : 'is let be'}: ${reason}`, () => {
    check(redirectBypass(location, asked(path), upstream), says);
  });

test('a redirect out of the prefix that the proxy is mounted at leads past', () => {
  check(redirectBypass('/mcp/', asked('/team/mcp', '/team'), upstream), /not below \/team/);
  check(redirectBypass('/team/mcp/', asked('/team/mcp', '/team'), upstream), undefined);
});

function check(detail: string | undefined, says: RegExp | undefined): void {
  if (says) assert.match(detail ?? '', says);
  else assert.equal(detail, undefined);
}

const frames: [what: string, text: string, frames: Frame[]][] = [
  [
    'lines that end as in HTTP',
    'event: endpoint\r\ndata: /m\r\n\r\n',
    [{ raw: 'event: endpoint\r\ndata: /m\r\n\r\n', event: 'endpoint', data: '/m' }],
  ],
  [
    'two frames and the beginning of a third',
    'data: 1\n\ndata: 2\n\ndata: 3',
    [
      { raw: 'data: 1\n\n', event: 'message', data: '1' },
      { raw: 'data: 2\n\n', event: 'message', data: '2' },
    ],
  ],
  ['a comment', ': ping\n\n', [{ raw: ': ping\n\n', event: 'message' }]],
  [
    'data of two lines, one without a space',
    'data: a\ndata:b\n\n',
    [{ raw: 'data: a\ndata:b\n\n', event: 'message', data: 'a\nb' }],
  ],
  [
    'letters of several bytes',
    'data: 你好\n\n',
    [{ raw: 'data: 你好\n\n', event: 'message', data: '你好' }],
  ],
  [
    'lines that end as on an old Mac',
    'data: 1\r\r',
    [{ raw: 'data: 1\r\r', event: 'message', data: '1' }],
  ],
];

for (const [what, text, expected] of frames)
  test(`frames are read wherever their bytes are cut: ${what}`, () => {
    const bytes = Buffer.from(text);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const chunks = [bytes.subarray(0, cut), bytes.subarray(cut)];
      assert.deepEqual(framesIn(chunks).map(withoutEnds), expected.map(withoutEnds), `at ${cut}`);
    }
    const single = [...bytes].map(byte => Buffer.from([byte]));
    assert.deepEqual(framesIn(single).map(withoutEnds), expected.map(withoutEnds));
  });

test('of a frame that is too long the beginning is shown, and the next is read again', () => {
  const chunks = [...Array(20).fill('x'.repeat(1_000_000)), '\n\n', 'data: 2\n\n'];
  const [long, next, ...rest] = framesIn(['data: ', ...chunks].map(text => Buffer.from(text)));
  assert.ok(long && long.raw.length < 10_000_000 && long.data === undefined);
  assert.equal(next?.data, '2');
  assert.deepEqual(rest, []);
});

function framesIn(chunks: Uint8Array[]): Frame[] {
  const found: Frame[] = [];
  const read = frameReader(frame => found.push(frame));
  for (const chunk of chunks) read(chunk);
  return found;
}

/** A frame may be given before the last byte of its end has come. */
function withoutEnds(frame: Frame): Frame {
  return { ...frame, raw: frame.raw.trimEnd() };
}

const failures: [code: string, says: RegExp][] = [
  ['ECONNREFUSED', /nothing listens there/],
  ['ENOTFOUND', /no address is known/],
  ['ECONNRESET', /closed the connection first/],
  ['ETIMEDOUT', /can’t be reached/],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', /certificate is not trusted/],
  ['EPROTO', /does not speak TLS/],
  ['HPE_INVALID_CONSTANT', /no HTTP/],
  ['EWHATEVER', /EWHATEVER\.$/],
];

for (const [code, says] of failures)
  test(`an upstream that fails with ${code} is a 502 that says why`, () => {
    const { status, detail } = whyUnreached(upstream, Object.assign(new Error('x'), { code }));
    assert.equal(status, 502);
    assert.match(detail, /^http:\/\/localhost:8000, which this is a proxy of, did not answer: /);
    assert.match(detail, says);
  });
