/** From the notes of an act to the rows of its figure: what is said, in which order. Pure. */
import type { Event } from './record.ts';
import type { Act, Request } from './scenes.ts';

/** A request, and what its path became on its way: `cuts` are the prefixes that came off. */
export type Row =
  | { is: 'request'; number: number; method: string; target: string; note: string }
  | { is: 'cut'; cuts: string[]; url: string; label: string }
  | { is: 'answer'; status: number; body: string }
  | { is: 'stream' }
  | { is: 'frame'; lines: string[] }
  | { is: 'stream end' }
  | { is: 'signal'; signal: string }
  | { is: 'exit'; code: number | null };

/** `firstNumber`: of the first request, since the acts of a figure count on. */
export function rowsOf(
  { steps, cutLabel = 'rootPath' }: Act,
  events: Event[],
  firstNumber: number,
): Row[] {
  const requests = steps.flatMap(step => ('stop' in step ? [] : [step]));
  return events.flatMap((event, i): Row[] => {
    if (event.is === 'signal' || event.is === 'exit') return [event];
    const earlier = events.slice(0, i);
    const rest = events.slice(i + 1);
    if (event.is === 'request') {
      const { method, url: target, n } = event;
      const note = noteOf(requests[n]);
      const row: Row = { is: 'request', number: firstNumber + n, method, target, note };
      return [row, ...cutsOf(target, n, rest, cutLabel)];
    }
    const isStream = headOf(event.n, earlier)?.stream === true;
    if (event.is === 'head') return event.stream ? [{ is: 'stream' }] : [];
    if (event.is === 'chunk') return chunkRow(event.text, headOf(event.n, earlier));
    return event.is === 'end' && isStream ? [{ is: 'stream end' }] : [];
  });
}

function noteOf(request: Request | undefined): string {
  const { method, params } = JSON.parse(request?.body ?? '{}');
  const call = method ? `${method} ${params.name}` : '';
  return [call, request?.note].filter(Boolean).join(', ');
}

function cutsOf(target: string, n: number, events: Event[], label: string): Row[] {
  const cuts: string[] = [];
  let url = target;
  for (const event of events) {
    if (event.is !== 'cut' || event.n !== n || event.url === url) continue;
    cuts.push(prefixOf(url, event.url));
    url = event.url;
  }
  return cuts.length > 0 ? [{ is: 'cut', cuts, url, label }] : [];
}

// '/shop/milk' and '/milk' -> '/shop'   '/shop' and '/' -> '/shop'
function prefixOf(before: string, after: string): string {
  const rest = before.endsWith(after) ? after : after.slice(1);
  return before.slice(0, before.length - rest.length);
}

type Head = Event & { is: 'head' };

function headOf(n: number, events: Event[]): Head | undefined {
  return events.find((event): event is Head => event.is === 'head' && event.n === n);
}

function chunkRow(text: string, head: Head | undefined): Row[] {
  const lines = text.split('\n').filter(Boolean);
  if (head?.stream) return [{ is: 'frame', lines }];
  return [{ is: 'answer', status: head?.status ?? 200, body: lines.join('') }];
}
