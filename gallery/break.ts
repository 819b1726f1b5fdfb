/** What a break is: one classic mistake, put into the real server, and what is seen of it. */
import type { App } from '../http/app.ts';
import type { Running } from '../http/listen.ts';

/**
 * Texts are plain. What stands in “…” was seen, word for word, with … for what differs from run to
 * run: tests/gallery.docs.test.ts looks for it. Commands write port 3000 for the one that is served.
 */
export interface Break {
  /** As `npm run break -- NAME` takes it. */
  name: string;
  /** What people see whom it bites. */
  sees: string;
  cause: string;
  cure: string;
  /** Public threads: `python-sdk#412`. Or where it was measured. */
  threads: string[];
  /** What to try, in this order. */
  tries: Try[];
  /** What no command shows, for a person to do. */
  byHand?: string;
  /** What the server's own terminal then shows. */
  log: string;
  /** What the x-ray then shows. */
  xray: string;
  /** Where that is: '/' unless told. */
  page?: string;
  check: Verdict;
  broken(): Served;
  /** The same without the mistake: the real server, unless the mistake needs something around it. */
  mended?(): Served;
}

export interface Try {
  command: string;
  /** What it prints, with … for what differs from run to run. */
  prints: string;
  /** It prints so without the mistake, too. */
  alike?: true;
}

/** What `npm run check:url` says of it. */
export interface Verdict {
  /** What it is told: `http://localhost:3000/mcp --token T`. */
  args: string;
  /** What it finds wrong, each with what it says was seen; or, for none, why it sees nothing. */
  faults: Record<string, string>;
  blind?: string;
}

export interface Served {
  app: App;
  /** Addresses to bind, where not both loopbacks. */
  hosts?: string[];
  /** How it listens and stops, where that is the mistake. */
  serve?(port: number): Promise<Running>;
}
