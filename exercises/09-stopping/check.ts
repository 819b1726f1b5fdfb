import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { check, passed, teach } from '../checks/check.ts';
import { startProgram } from '../checks/program.ts';

const graceMs = 4_000; // the call that runs takes half a second

await check(async subject => {
  const program = await startProgram(subject);
  const gone = await open(`${program.origin}/events`);
  gone.leave(); // nothing is owed to it
  const streams = [await open(`${program.origin}/events`), await open(`${program.origin}/events`)];
  passed('two clients have opened /events');
  const slow = await open(`${program.origin}/slow`);

  const over = await program.terminate(graceMs);
  if (!over)
    teach({
      did: 'SIGTERM, while two streams were open and GET /slow was being answered',
      seen: `after ${graceMs / 1_000} s the program still runs. ${streamsOpen(streams)}`,
      so: 'server.close() waits for every response, and a stream is a response that never ends by itself.',
      look: "at process.on('SIGTERM', …): it has to end the streams, so it has to know them. Where does /events keep them?",
    });

  await Promise.race([Promise.all([slow, ...streams].map(({ over }) => over)), wait(1_000)]);
  if (slow.how() !== 'ended' || !slow.text().endsWith('done\n'))
    teach({
      did: 'GET /slow, half a second’s work, with SIGTERM in the middle',
      seen: `the client got “${slow.text().trim()}”, and then the connection was ${slow.how()}.`,
      so: 'the program ended too early: somebody’s call was begun, and never done.',
      look: 'at what ends the program: process.exit and closeAllConnections wait for nobody. server.close(…) calls back when all is answered.',
    });
  passed('GET /slow, on its way when SIGTERM came, was answered');

  if (streams.some(({ how }) => how() !== 'ended'))
    teach({
      did: 'SIGTERM, while two streams were open',
      seen: streamsOpen(streams),
      so: 'a stream that is cut looks like a network that fails. One that is ended says: come back.',
      look: 'at how the streams are ended: end() says goodbye, destroy() hangs up.',
    });
  passed('both streams were ended in good order');

  if (over.code !== 0)
    teach({
      did: 'SIGTERM',
      seen: `the program ended with ${over.code === null ? 'the signal itself' : `exit code ${over.code}`}.`,
      so: 'to whoever started it that says: it crashed.',
      look: "at process.on('SIGTERM', …): once all is answered, process.exit(0).",
    });
  passed('the program ended, with exit code 0');
});

interface Watched {
  how(): 'open' | 'ended' | 'cut';
  text(): string;
  /** Resolves once it is no longer open. */
  over: Promise<unknown>;
  leave(): void;
}

/** Resolves with an answer that has begun. */
async function open(url: string): Promise<Watched> {
  const req = get(url, { agent: false });
  const answer: IncomingMessage = (await once(req, 'response'))[0];
  let how: 'open' | 'ended' | 'cut' = 'open';
  let text = '';
  answer.setEncoding('utf8').on('data', chunk => {
    text += chunk;
  });
  answer.once('end', () => {
    how = 'ended';
  });
  answer.once('error', () => {
    how = 'cut';
  });
  const over = new Promise(done => answer.once('close', done));
  await Promise.race([once(answer, 'data'), over]);
  return { how: () => how, text: () => text, over, leave: () => req.destroy() };
}

function streamsOpen(streams: Watched[]): string {
  const count = (state: string) => streams.filter(({ how }) => how() === state).length;
  return `Of ${streams.length} streams ${count('open')} are open, ${count('ended')} were ended, ${count('cut')} were cut.`;
}
