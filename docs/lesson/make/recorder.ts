/**
 * Loaded before a program (`node --import …/recorder.ts`), it tells its parent process what each
 * request went through, without a line in the program: Node says on a diagnostics channel that a
 * request has come, and from then on its `url`, `writeHead`, `write` and `end` are listened to.
 */
import { subscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** `n` counts requests from 0. */
export type Note = { n: number } & (
  | { is: 'request'; method: string; url: string }
  | { is: 'cut'; url: string }
  | { is: 'head'; status: number; stream: boolean }
  | { is: 'chunk'; text: string }
  | { is: 'end' }
);

let count = 0;

subscribe('http.server.request.start', message => {
  // what Node's documentation says of this channel
  const { request, response } = message as { request: IncomingMessage; response: ServerResponse };
  const n = count++;
  tell({ n, is: 'request', method: request.method ?? '', url: request.url ?? '' });
  listenToUrl(n, request);
  listenToAnswer(n, response);
});

// The parent asks once it has what it wants: all notes were told before this is.
process.on('message', asked => process.send?.(asked));
process.channel?.unref(); // else it would keep a program alive that is done

function tell(note: Note): void {
  process.send?.(note);
}

function listenToUrl(n: number, req: IncomingMessage): void {
  let { url } = req;
  Object.defineProperty(req, 'url', {
    get: () => url,
    set: (cut: string) => {
      url = cut;
      tell({ n, is: 'cut', url: cut });
    },
  });
}

function listenToAnswer(n: number, res: ServerResponse): void {
  const { write, end, writeHead } = res;
  res.writeHead = (...args: unknown[]) => {
    const fields = JSON.stringify(args.slice(1));
    tell({ n, is: 'head', status: Number(args[0]), stream: fields.includes('text/event-stream') });
    return Reflect.apply(writeHead, res, args);
  };
  res.write = (...args: unknown[]) => {
    tell({ n, is: 'chunk', text: String(args[0]) });
    return Reflect.apply(write, res, args);
  };
  res.end = (...args: unknown[]) => {
    if (typeof args[0] === 'string') tell({ n, is: 'chunk', text: args[0] });
    tell({ n, is: 'end' });
    return Reflect.apply(end, res, args);
  };
}
