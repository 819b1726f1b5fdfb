/** The process: that it outlives what it is sent, and stops when it is told to. */

import { stopMs } from '../child.ts';
import type { Found } from '../discover.ts';
import { judged, notLookedAt, type Outcome, pass, type Theme } from '../probe.ts';
import { openSseStream } from '../session.ts';
import type { Visit } from '../visit.ts';

export const process: Theme = {
  name: 'The process',
  probes: [
    {
      id: 'comes-back',
      title: 'It answers as before after each probe that could hurt',
      remedy: 'Catch what throws outside the handlers, and look into the server’s log.',
      threads: ['measured: a Host of [ ends the SDK’s process'],
      when: 'last',
      run: async (_visit, { wounds }) => {
        if (wounds.length === 0) return pass('a session opened and answered each time');
        return judged(false, `no session could be opened after ${wounds.join(', ')}`);
      },
    },
    {
      id: 'stops',
      title: 'It stops within five seconds while a stream is open',
      remedy: 'Stop listening, end the streams, close idle connections, and set a deadline.',
      threads: ['python-sdk#514', 'python-sdk#1272', 'tsx#469'],
      when: 'last',
      needsMs: ({ start }) => (start === undefined ? 0 : stopMs),
      run: stops,
    },
  ],
};

const mayTakeMs = 5_000; // then tsx watch kills; docker waits 10 s

async function stops(visit: Visit, found: Found): Promise<Outcome> {
  if (!found.child) return notLookedAt('it was not started here; --start COMMAND does so');
  const stream = await anyStream(visit, found);
  const ms = await found.child.stop();
  const how = stream ? 'SIGTERM with a stream open' : 'SIGTERM, though it offers no stream';
  if (ms === undefined) return judged(false, `${how}: still there after 10 s`);
  const end = stream ? `, its stream ${stream.ended === 'whole' ? 'ended' : 'cut off'}` : '';
  const seen = `${how}: gone after ${Math.round(ms)} ms${end}`;
  return judged(ms <= mayTakeMs, seen);
}

async function anyStream(visit: Visit, { endpoint, doors, listens }: Found) {
  if (endpoint) return (await openSseStream(visit, endpoint.path)).stream;
  const door = doors.find(({ kind }) => kind === 'streamable');
  if (!door || !listens) return undefined;
  const { headers } = await door.open(visit);
  const asked = { headers: { ...headers, Accept: 'text/event-stream' } };
  return (await visit.request(door.path, asked)).stream;
}
