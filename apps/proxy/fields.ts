/** Header fields: which are each connection's own, and which go on from one to the other. */
import type { IncomingMessage } from 'node:http';

/** Those that go on, as they were written. */
export function* fieldsOf({ rawHeaders, headers }: IncomingMessage): Generator<[string, string]> {
  const named = (headers.connection ?? '').toLowerCase().split(',');
  const own = new Set([...hopByHop, 'transfer-encoding', ...named.map(name => name.trim())]);
  own.delete('content-length'); // else who names it smuggles a request in a body without an end
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name = '', value = ''] = rawHeaders.slice(i, i + 2);
    if (!own.has(name.toLowerCase())) yield [name, value];
  }
}

/** RFC 9110, 7.6.1; and Trailer, since Node does not pass on what it announces. */
const hopByHop = ['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'upgrade'];
