/** What bites people and can't be shown by a program on one machine in a minute, and why. */
export interface Unseen {
  sees: string;
  why: string;
}

export const unseen: Unseen[] = [
  {
    sees: 'A slow reader fills the memory',
    why: 'it takes a reader that stops and megabytes that wait for it; tests/faults/streams.ts has both.',
  },
  {
    sees: '201, and after a restart the item is gone',
    why: 'the disk has to be full at the moment of the commit; tests/faults/store.ts fills one.',
  },
  {
    sees: 'All sessions are taken and none is in use',
    why: 'it takes a client that pipelines, and Node 20 or 22; the checker’s `freed` is one.',
  },
  {
    sees: 'Every HTTP/2 request is a 400',
    why: 'clients speak HTTP/2 over TLS alone, and there is no certificate here; `npm run hosts` makes one.',
  },
];
